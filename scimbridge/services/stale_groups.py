"""Groups at a target that nobody seems to need: listed with the reason, for an operator to choose from."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from scimbridge.domain.duration import format_duration
from scimbridge.sdk.group import GroupSummary
from scimbridge.services.fleet import Fleet
from scimbridge.store import target_groups
from scimbridge.store.database import Database

UNCHANGED_FOR = timedelta(days=365)
"""A group that nobody has touched for a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleGroup:
    """A group that may be given up.

    Attributes:
        reasons: Why, each as part of a sentence.
        case_id: The case by which it is being given up already.
    """

    group: GroupSummary
    reasons: tuple[str, ...]
    case_id: str | None


class StaleGroups:
    """Reads what a target says of its groups; changes nothing, and decides nothing."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    def at(
        self, target: str, now: datetime, *, unchanged_for: timedelta = UNCHANGED_FOR, ownerless: bool = False
    ) -> list[StaleGroup]:
        """Return the groups of a target that are empty, or unchanged for so long.

        Args:
            target: The target.
            now: When (UTC).
            unchanged_for: From when on a group counts as unchanged.
            ownerless: Whether it is enough that a group has no owner, or none who has not left.

        Raises:
            NotFoundError: There is no such target.
            ConnectorError: The target cannot be read, or knows nothing of groups.
        """
        groups = list(self._fleet.connector(self._fleet[target].name).list_groups())
        with self._database.read() as tx:
            gone = target_groups.gone_among(tx, target, (owner.id for each in groups for owner in each.owners or ()))
            under_way = target_groups.open_cases(tx, target)
        found = []
        for group in sorted(groups, key=lambda each: (each.name.casefold(), each.id)):
            unused = [*_unused(group, now, unchanged_for)]
            unowned = [*_unowned(group, gone)]
            if unused or (ownerless and unowned):
                found.append(StaleGroup(group=group, reasons=(*unused, *unowned), case_id=under_way.get(group.id)))
        return found


def _unused(group: GroupSummary, now: datetime, unchanged_for: timedelta) -> Iterator[str]:
    if group.size == 0:
        yield "has no members"
    if group.changed_at is not None and now - group.changed_at >= unchanged_for:
        yield f"not changed for {format_duration(timedelta(days=(now - group.changed_at).days))}"


def _unowned(group: GroupSummary, gone: Collection[str]) -> Iterator[str]:
    """Yield why nobody answers for a group. What the target does not tell is no reason."""
    if group.owners is None:
        return
    if not group.owners:
        yield "has no owner"
    elif all(owner.id in gone for owner in group.owners):
        yield "its owner has left" if len(group.owners) == 1 else "its owners have left"
