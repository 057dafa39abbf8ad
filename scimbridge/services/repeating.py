"""Repeated requests: whoever is not sure that a request arrived asks again with its key, and it is not done twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from scimbridge.errors import KeyInUseError, KeyTakenError
from scimbridge.store import answers
from scimbridge.store.database import Database

KEPT = timedelta(hours=24)
"""How long an answer is kept."""

GIVEN_UP = timedelta(minutes=10)
"""From when on a request that has no answer is taken for one whose process has died.

Begun anew it may then run beside one that is only slow: every action is guarded, and does nothing twice.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A request that is being worked on.

    Attributes:
        answer: What was answered already; it is not worked on again.
    """

    operator: str
    key: str
    asked_at: datetime
    answer: str | None = None


class Repeating:
    """Keeps answers for a day. An error is not kept: what came to nothing may be tried again with the same key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, operator: str, key: str, request: bytes, now: datetime) -> Begun:
        """Begin a request, or return what it was answered.

        Args:
            operator: Who asks; keys of others are others.
            key: As they chose it.
            request: All that it says.
            now: When (UTC).

        Raises:
            KeyInUseError: The same request is being worked on.
            KeyTakenError: The key was used for another request.
        """
        digest = hashlib.sha256(request).hexdigest()
        begun = Begun(operator=operator, key=key, asked_at=now)
        with self._database.write() as tx:
            if answers.begin(tx, operator, key, digest, now):
                return begun
            row = answers.noted(tx, operator, key)
            if row is None:
                raise KeyInUseError(key)
            is_over = row["asked_at"] <= now - (KEPT if row["answer"] is not None else GIVEN_UP)
            if is_over and answers.take_over(tx, operator, key, digest, now, asked_at=row["asked_at"]):
                return begun
            if row["digest"] != digest:
                raise KeyTakenError(key)
            if row["answer"] is None:
                raise KeyInUseError(key)
            return Begun(operator=operator, key=key, asked_at=row["asked_at"], answer=row["answer"])

    def end(self, begun: Begun, answer: str) -> None:
        """Keep what a request was answered."""
        with self._database.write() as tx:
            answers.end(tx, begun.operator, begun.key, answer, asked_at=begun.asked_at)

    def drop(self, begun: Begun) -> None:
        """Forget a request that came to nothing."""
        with self._database.write() as tx:
            answers.drop(tx, begun.operator, begun.key, asked_at=begun.asked_at)
