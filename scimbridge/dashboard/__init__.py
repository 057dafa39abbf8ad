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
    from scimbridge.services.story import Stories


def build_routes(
    overview: Overview, stories: Stories, clock: Callable[[], datetime], holding: Holding, flooding: Flooding
) -> list[Route]:
    """Return the routes of the pages, and of what they need.

    Args:
        overview: Answers what the first page shows.
        stories: Tells what there is to know about a case.
        clock: The current time (UTC).
        holding: Knows the standing holds.
        flooding: Knows what the guard holds.
    """
    # The templates' library is for the web process alone.
    from scimbridge.dashboard.page import Parts, routes_of

    return routes_of(Parts(overview=overview, stories=stories, holding=holding, flooding=flooding, clock=clock))
