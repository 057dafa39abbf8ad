"""Searching by what one has in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping

from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.names import called
from scimbridge.store import finding
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """Somebody.

    Attributes:
        state: As the source has it: active, inactive or deleted.
        case_id: Their newest case.
        case_state: Its state.
    """

    id: str
    user_name: str
    display_name: str
    source: str
    state: str
    case_id: str | None = None
    case_state: str = ""

    @property
    def is_group(self) -> bool:
        """Whether it is a group at a target, and nobody."""
        return self.source.startswith(AT_TARGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search has found.

    Attributes:
        targets: Names that begin like it.
        troubled: Tasks that failed, wait or are tried again, and say so in these words; with the userName.
    """

    people: Sequence[FoundPerson] = ()
    targets: Sequence[str] = ()
    troubled: Sequence[RowMapping] = ()

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.people or self.targets or self.troubled)


class Searching:
    """Reads; changes nothing.

    Args:
        database: The store.
        targets: The names of the configured targets.
    """

    SHORTEST = 2
    """Characters; with less nobody is found in particular."""

    def __init__(self, database: Database, targets: Sequence[str]) -> None:
        self._database = database
        self._targets = targets

    def find(self, said: str, *, limit: int) -> Found:
        """Return people, targets and errors, so many of each at most."""
        if len(said) < self.SHORTEST:
            return Found()
        with self._database.read() as tx:
            rows = finding.people(tx, said, self._targets, limit)
            newest = finding.newest_cases(tx, [row["id"] for row in rows])
            troubled = finding.troubled(tx, said, limit)
        return Found(
            people=[_person(row, newest.get(row["id"])) for row in rows],
            targets=[name for name in self._targets if name.lower().startswith(said.lower())][:limit],
            troubled=troubled,
        )


def _person(row: RowMapping, case: RowMapping | None) -> FoundPerson:
    return FoundPerson(
        id=row["id"],
        user_name=row["user_name"],
        display_name=called(row["document"]),
        source=row["source"],
        state="deleted" if row["deleted_at"] is not None else "active" if row["active"] else "inactive",
        case_id=case["id"] if case is not None else None,
        case_state=case["state"] if case is not None else "",
    )
