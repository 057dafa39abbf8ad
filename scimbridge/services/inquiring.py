"""Inquiries: operators say what became of people whose group was emptied, renamed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scimbridge.domain.inquiry import Inquiry
from scimbridge.errors import NotFoundError
from scimbridge.services.assignment import Assignment
from scimbridge.services.intake import Submit
from scimbridge.store import groups, inquiries, journal, naming
from scimbridge.store.database import Database

BATCH = 100
"""People per transaction: others write in between."""


class Inquiring:
    """Takes operators' answers."""

    def __init__(self, database: Database, assignment: Assignment, submit: Submit) -> None:
        self._database = database
        self._assignment = assignment
        self._submit = submit

    def story(self, inquiry_id: str, most: int) -> tuple[Inquiry, int, list[tuple[str, str]]]:
        """Return an inquiry, how many people it is about by now, and the ids and userNames of the first ``most``.

        Raises:
            NotFoundError: There is none of this id.
        """
        with self._database.read() as tx:
            inquiry = inquiries.by_id(tx, inquiry_id)
            people = inquiries.people_of(tx, inquiry_id) if inquiry.closed_at is None else []
            return inquiry, len(people), naming.names_of(tx, people[:most])

    def answered(self, limit: int) -> list[Inquiry]:
        """Return what was answered, the newest answer first."""
        with self._database.read() as tx:
            return inquiries.answered(tx, limit)

    def confirm(self, inquiry_id: str, *, by: str, now: datetime, reason: str = "") -> int:
        """Say that the people have lost the targets. Returns for how many that is a fact now.

        Only those count whom no group grants the target at this time. If it ends half way, the inquiry
        stays open: confirmed again, it goes on.

        Raises:
            NotFoundError: No inquiry of this id is open.
        """
        with self._database.read() as tx:
            inquiry = inquiries.by_id(tx, inquiry_id)
            if inquiry.closed_at is not None:
                raise NotFoundError("open inquiry", inquiry_id)
            people = inquiries.people_of(tx, inquiry_id)
        why = f"{inquiry.cause.said(inquiry.display_name)}, as {by} confirmed"
        lost = sum(self._confirm(inquiry, people[at : at + BATCH], why, now) for at in range(0, len(people), BATCH))
        verdict = f"confirmed: {lost} people lost {', '.join(inquiry.targets)}"
        if reason:
            verdict = f"{verdict}; {reason}"
        self._close(inquiry, "inquiry confirmed", verdict, by, now)
        return lost

    def dismiss(self, inquiry_id: str, *, reason: str, by: str, now: datetime) -> None:
        """Say that nobody has lost anything.

        Raises:
            NotFoundError: No inquiry of this id is open.
        """
        with self._database.read() as tx:
            inquiry = inquiries.by_id(tx, inquiry_id)
        self._close(inquiry, "inquiry dismissed", reason, by, now)

    def _confirm(self, inquiry: Inquiry, people: Sequence[str], why: str, now: datetime) -> int:
        with self._database.write() as tx:
            groups.lock_identities(tx, people)
            taken = self._assignment.unassigned(tx, people, frozenset(inquiry.targets), now, reason=why)
        self._submit(taken.wakeups)
        return taken.count

    def _close(self, inquiry: Inquiry, event: str, verdict: str, by: str, now: datetime) -> None:
        with self._database.write() as tx:
            inquiries.close(tx, inquiry.id, verdict=verdict, by=by, now=now)
            journal.record(tx, event, now, reason=verdict, actor=by, details={"inquiry": inquiry.id})
