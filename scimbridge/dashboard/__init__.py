"""The pages that operators look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route

    from scimbridge.bridge import Bridge


def build_routes(bridge: Bridge) -> list[Route]:
    """Return the routes of the pages, and of what they need."""
    # The templates' library is for the web process alone.
    from scimbridge.dashboard.site import Site

    return Site(bridge).routes()
