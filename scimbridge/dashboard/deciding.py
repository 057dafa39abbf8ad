"""What every decision on a page takes: who, when, why, and that they are sure of what cannot be undone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from scimbridge.dashboard.visit import Visit
from scimbridge.domain.lifecycle import read_end
from scimbridge.errors import RuleError

LONGEST_REASON = 1000


class WhoAndWhy(TypedDict):
    """As the services take it."""

    reason: str
    by: str
    now: datetime


class IncompleteFormError(RuleError):
    """Something is missing that a browser asks for before it sends a form."""


def who_and_why(visit: Visit) -> WhoAndWhy:
    """Return who decides, when and why.

    Raises:
        IncompleteFormError: No reason is given, or a whole book.
    """
    reason = visit.form.get("reason", "")
    if not reason:
        raise IncompleteFormError("give a reason; it is kept in the history")
    if len(reason) > LONGEST_REASON:
        raise IncompleteFormError(f"give a shorter reason, of at most {LONGEST_REASON} letters")
    return {"reason": reason, "by": visit.operator.name, "now": visit.now}


def until(visit: Visit, field: str = "until") -> datetime | None:
    """Return when what is decided ends (UTC); ``None`` where that is left empty.

    Args:
        visit: The form.
        field: What it is called there; some forms carry a filter, which has an ``until`` of its own.

    Raises:
        IncompleteFormError: It is no time, or has passed.
    """
    said = visit.form.get(field, "")
    if not said:
        return None
    at = read_end(said, UTC).at
    if at is None:
        raise IncompleteFormError("until: write a date like 2026-12-31, or a time like 2026-12-31T18:00")
    if at <= visit.now:
        raise IncompleteFormError("until: that has passed")
    return at


def be_sure(visit: Visit) -> None:
    """See that whoever decides has confirmed what cannot be undone.

    Raises:
        IncompleteFormError: They have not.
    """
    if visit.form.get("sure") != "yes":
        raise IncompleteFormError("confirm it by its box: it cannot be undone")
