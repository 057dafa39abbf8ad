"""How long a token lets somebody in, as forms offer it."""

from __future__ import annotations

from datetime import timedelta

from scimbridge.dashboard.deciding import IncompleteFormError

LIFETIMES = (("90", "90 days"), ("180", "180 days"), ("365", "a year"), ("never", "for good"))


def lifetime_of(chosen: str) -> timedelta | None:
    """Return how long that is; ``None`` for good.

    Raises:
        IncompleteFormError: It is none of the choices.
    """
    if chosen == "never":
        return None
    if chosen not in dict(LIFETIMES):
        raise IncompleteFormError("choose how long the token is good")
    return timedelta(days=int(chosen))
