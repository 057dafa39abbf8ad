"""The pages that operators look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route

    from scimbridge.services.flooding import Flooding
    from scimbridge.services.holding import Holding
    from scimbridge.services.overview import Overview


def build_routes(
    overview: Overview, clock: Callable[[], datetime], holding: Holding, flooding: Flooding
) -> list[Route]:
    """Return the routes of the pages, and of what they need.

    Args:
        overview: Answers what the page shows.
        clock: The current time (UTC).
        holding: Knows the standing holds.
        flooding: Knows what the guard holds.
    """
    # The templates' library is for the web process alone.
    from scimbridge.dashboard.page import routes_of

    return routes_of(overview, clock, holding, flooding)
