"""The pages that operators look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route

    from scimbridge.bridge import Bridge
    from scimbridge.dashboard.entrance import Arrivals


def build_routes(bridge: Bridge, arrivals: Arrivals | None = None) -> list[Route]:
    """Return the routes of the pages, and of what they need.

    Args:
        bridge: What they show.
        arrivals: Knows who knocks; nobody's X-Forwarded-For is believed where absent.
    """
    # The templates' library is for the web process alone.
    from scimbridge.dashboard.site import Site

    return Site(bridge, arrivals=arrivals).routes()
