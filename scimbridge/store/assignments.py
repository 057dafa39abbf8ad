"""Who is in groups that grant targets, and who was unassigned from which target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, Connection, bindparam, delete, literal_column, select, union_all
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.store.id_lists import in_parts, is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, memberships, moves, unassignments

# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("memberships.kind = 'Group'")

_OF_IDENTITY = Prepared(
    select(unassignments.c.target, unassignments.c.at).where(unassignments.c.identity_id == bindparam("identity"))
)


def groups_above(tx: Connection, ids: Sequence[str], name_keys: Sequence[str]) -> dict[str, set[str]]:
    """Return in which of some groups identities are: themselves, or through a group that is a member.

    Args:
        tx: Any transaction.
        ids: The identities.
        name_keys: Folded display names of the groups that matter.

    Returns:
        Folded display names by identity; without those who are in none.
    """
    above = _above(tx, ids)
    query = (
        select(above.c.start, groups.c.display_name_key)
        .join(groups, groups.c.id == above.c.group_id)
        .where(groups.c.display_name_key.in_(name_keys), groups.c.deleted_at.is_(None))
    )
    found: dict[str, set[str]] = {}
    for identity_id, name_key in tx.execute(query):
        found.setdefault(identity_id, set()).add(name_key)
    return found


def granting_above(tx: Connection, group_id: str, name_keys: Sequence[str]) -> list[str]:
    """Return the display names of some groups that a group is in, directly or through another one."""
    above = _above(tx, [group_id])
    query = (
        select(groups.c.display_name)
        .join(above, groups.c.id == above.c.group_id)
        .where(groups.c.display_name_key.in_(name_keys), groups.c.deleted_at.is_(None), groups.c.id != group_id)
    )
    return sorted(tx.execute(query.distinct()).scalars())


def unassigned_from(tx: Connection, identity_id: str) -> Mapping[str, datetime]:
    """Return the targets that an identity was unassigned from, with the time of the fact."""
    return {row["target"]: row["at"] for row in _OF_IDENTITY.all(tx, {"identity": identity_id})}


def who_lost(tx: Connection, ids: Iterable[str], targets: Iterable[str], most: int) -> dict[str, set[str]]:
    """Return which of some targets identities lost, by being unassigned or by changing.

    Once there are more than ``most`` losses, nobody else is looked for.
    """
    wanted = list(targets)
    found: dict[str, set[str]] = {}
    for part in in_parts(tx, ids):
        queries = (
            select(table.c.identity_id, table.c.target).where(
                is_among(tx, table.c.identity_id, part), table.c.target.in_(wanted)
            )
            for table in (unassignments, moves)
        )
        lost = tx.execute(union_all(*queries).limit(most + 1))
        for identity_id, target in sorted((row[0], row[1]) for row in lost):
            found.setdefault(identity_id, set()).add(target)
        if sum(map(len, found.values())) > most:
            break
    return found


def unassign(tx: Connection, identity_id: str, targets: Iterable[str], at: datetime) -> None:
    """Note that an identity was unassigned from targets; the last time counts."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    for target in targets:
        statement = dialect.insert(unassignments).values(identity_id=identity_id, target=target, at=at)
        tx.execute(statement.on_conflict_do_update(index_elements=["identity_id", "target"], set_={"at": at}))


def assign(tx: Connection, identity_id: str, targets: Iterable[str]) -> None:
    """Note that an identity is assigned to targets again: it has lost them no longer, by whatever it was."""
    wanted = list(targets)
    for table in (unassignments, moves):
        tx.execute(delete(table).where(table.c.identity_id == identity_id, table.c.target.in_(wanted)))


def forget(tx: Connection, identity_id: str) -> None:
    """An operator called it off: the identity counts as one that has lost nothing."""
    for table in (unassignments, moves):
        tx.execute(delete(table).where(table.c.identity_id == identity_id))


def _above(tx: Connection, ids: Sequence[str]) -> CTE:
    """Return who (``start``) is in which groups (``group_id``), themselves or through a group that is a member."""
    above = (
        select(memberships.c.member_id.label("start"), memberships.c.group_id)
        .where(is_among(tx, memberships.c.member_id, ids))
        .cte("above", recursive=True)
    )
    # A union without duplicates ends, even where groups contain each other. The few groups among all members have an
    # index of their own: PostgreSQL may read all members where nobody has counted them yet.
    return above.union(
        select(above.c.start, memberships.c.group_id)
        .join(memberships, memberships.c.member_id == above.c.group_id)
        .where(_IS_NESTED)
    )
