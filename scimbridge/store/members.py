"""Rows of memberships: who is in which group, and who was a short while ago."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.resource import MemberIds, MemberKind, Members, StoredGroup
from scimbridge.domain.source import MEMBERSHIP_MEMORY
from scimbridge.errors import UnknownMemberError
from scimbridge.store.id_lists import in_parts, is_among, rows_of
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UtcDateTime, groups, identities, memberships, past_memberships

MEMBER_DISPLAY: ColumnElement[str] = func.coalesce(identities.c.user_name, groups.c.display_name)
"""What a member is called, in queries that ``_with_names`` has joined."""

# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("kind = 'Group'")
_MEMBERS = select(memberships.c.member_id).where(memberships.c.group_id == bindparam("group"))
_ANY_MEMBER = _MEMBERS.limit(1)
_ALL = Prepared(_MEMBERS)
_NESTED = Prepared(_MEMBERS.where(_IS_NESTED))

_READ_TOGETHER = 1000
"""Members of a list that are rows in our memory at a time."""


def present(tx: Connection, group_id: str) -> MemberIds:
    """Return all members of a group. Costs by how many there are, as a whole list of them does."""
    nested = frozenset(_NESTED.column(tx, {"group": group_id}))
    found = frozenset(_ALL.column(tx, {"group": group_id}))
    return MemberIds(users=found - nested if nested else found, nested=nested)


def present_among(tx: Connection, group_id: str, ids: Iterable[str]) -> MemberIds:
    """Return those of some ids that are members of a group."""
    query = select(memberships.c.member_id, memberships.c.kind).where(
        memberships.c.group_id == group_id, is_among(tx, memberships.c.member_id, ids)
    )
    return _by_kind({member_id: MemberKind(kind) for member_id, kind in tx.execute(query)})


def has_members(tx: Connection, group_id: str) -> bool:
    """Whether anybody is in a group."""
    return tx.execute(_ANY_MEMBER, {"group": group_id}).first() is not None


def require_existing(tx: Connection, source: str, ids: frozenset[str]) -> None:
    """Make sure that a source has Users or Groups of these ids.

    Raises:
        UnknownMemberError: It has none of one of them.
    """
    _existing(tx, source, ids)


def add_members(tx: Connection, source: str, group_id: str, ids: Iterable[str]) -> MemberIds:
    """Make Users and Groups of the source members; those who are already stay so.

    Returns:
        What they are.

    Raises:
        UnknownMemberError: The source has no resource of one of the ids.
    """
    wanted = frozenset(ids)
    if not wanted:
        return MemberIds()
    came = sum(
        _insert(tx, group_id, MemberKind.USER, _live(tx, identities, source, part)) for part in in_parts(tx, wanted)
    )
    if came:
        _count_users(tx, group_id, came)
    if came == len(wanted):
        return MemberIds(users=wanted)
    # Some are Groups, or in it already, or nobody.
    found = _existing(tx, source, wanted)
    if found.nested:
        _insert(tx, group_id, MemberKind.GROUP, _live(tx, groups, source, found.nested))
    return found


def remove_members(
    tx: Connection,
    group: StoredGroup,
    leaving: MemberIds,
    now: datetime,
    *,
    memory: timedelta = MEMBERSHIP_MEMORY,
) -> None:
    """Take out who is in a group, remembering for a while which Users were."""
    for users in in_parts(tx, leaving.users):
        rows = select(rows_of(tx, users), literal(group.document["displayName"]), *_times(now, memory))
        _upsert_past(tx, rows.where(true()), now, memory)  # without WHERE, SQLite takes ON CONFLICT for that of a join
        _count_users(tx, group.id, -_delete(tx, group.id, users))
    for nested in in_parts(tx, leaving.nested):
        _delete(tx, group.id, nested)


def remove_all(tx: Connection, group_id: str, now: datetime, memory: timedelta) -> None:
    """Take everybody out of a group that is being deleted."""
    scope = memberships.c.group_id == group_id
    _remember(tx, scope, now, memory)
    tx.execute(delete(memberships).where(scope))
    tx.execute(update(groups).where(groups.c.id == group_id).values(users=0))


def remove_from_all_groups(
    tx: Connection, member_id: str, kind: MemberKind, now: datetime, *, memory: timedelta = MEMBERSHIP_MEMORY
) -> None:
    """Take a deleted User or Group out of every group it was in, each of which thereby changes."""
    own = select(memberships.c.group_id).where(memberships.c.member_id == member_id)
    tx.execute(
        update(groups)
        .where(groups.c.id.in_(own))
        .values(version=groups.c.version + 1, modified_at=now, users=groups.c.users - int(kind is MemberKind.USER))
    )
    _remember(tx, memberships.c.member_id == member_id, now, memory)
    tx.execute(delete(memberships).where(memberships.c.member_id == member_id))


def forget_past(tx: Connection, now: datetime) -> None:
    """Drop memberships that ended too long ago for rules to see them."""
    over = past_memberships.c.seen_until <= now
    undated = and_(past_memberships.c.seen_until.is_(None), past_memberships.c.ended_at <= now - MEMBERSHIP_MEMORY)
    tx.execute(delete(past_memberships).where(or_(over, undated)))


def members_of(tx: Connection, group_ids: Sequence[str]) -> Mapping[str, Members]:
    """Return the members of several groups, with what they are called: one query for all, read some at a time.

    Groups that have none are missing.
    """
    of, *columns = (memberships.c.group_id, memberships.c.member_id, memberships.c.kind, MEMBER_DISPLAY)
    query = _with_names(select(of, *columns)).where(of.in_(group_ids)).order_by(of, memberships.c.member_id)
    rows = tx.execute(query, execution_options={"yield_per": _READ_TOGETHER})
    return {
        group_id: Members((member_id, kind, display) for _, member_id, kind, display in some)
        for group_id, some in groupby(rows, key=lambda row: row[0])
    }


def _by_kind(found: Mapping[str, MemberKind]) -> MemberIds:
    users, nested = (frozenset(each for each in found if found[each] is kind) for kind in MemberKind)
    return MemberIds(users=users, nested=nested)


def _existing(tx: Connection, source: str, wanted: frozenset[str]) -> MemberIds:
    """Return which ids are Users and which are Groups, and keep these from being deleted meanwhile."""
    users = frozenset(tx.execute(_live(tx, identities, source, wanted)).scalars().all())
    rest = wanted - users
    nested = frozenset(tx.execute(_live(tx, groups, source, rest)).scalars().all()) if rest else frozenset()
    if rest - nested:
        raise UnknownMemberError(min(rest - nested))
    return MemberIds(users=users, nested=nested)


def _live(tx: Connection, table: Table, source: str, wanted: Iterable[str]) -> Select[Any]:
    """Return the query for the resources of these ids, which are not deleted until the transaction ends."""
    query = select(table.c.id).where(
        is_among(tx, table.c.id, wanted), table.c.source == source, table.c.deleted_at.is_(None)
    )
    return query.order_by(table.c.id).with_for_update(key_share=True, read=True)


def _insert(tx: Connection, group_id: str, kind: MemberKind, found: Select[Any]) -> int:
    """Make members of what a query finds, in the same statement. Returns how many were none before."""
    new = found.with_only_columns(literal(group_id), *found.selected_columns, literal(kind.value))
    statement = _upsert(tx, memberships).from_select(["group_id", "member_id", "kind"], new)
    return tx.execute(statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)).rowcount


def _delete(tx: Connection, group_id: str, ids: Iterable[str]) -> int:
    scope = (memberships.c.group_id == group_id) & is_among(tx, memberships.c.member_id, ids)
    return tx.execute(delete(memberships).where(scope)).rowcount


def _count_users(tx: Connection, group_id: str, more: int) -> None:
    tx.execute(update(groups).where(groups.c.id == group_id).values(users=groups.c.users + more))


def _remember(tx: Connection, leaving: ColumnElement[bool], now: datetime, memory: timedelta) -> None:
    """Keep which Users are about to leave which groups."""
    rows = (
        select(memberships.c.member_id, groups.c.display_name, *_times(now, memory))
        .join(groups, groups.c.id == memberships.c.group_id)
        .where(leaving, memberships.c.kind == MemberKind.USER)
    )
    _upsert_past(tx, rows, now, memory)


def _times(now: datetime, memory: timedelta) -> tuple[ColumnElement[datetime], ColumnElement[datetime]]:
    return literal(now, UtcDateTime), literal(now + memory, UtcDateTime)


def _upsert_past(tx: Connection, rows: Select[Any], now: datetime, memory: timedelta) -> None:
    names = ["identity_id", "display_name", "ended_at", "seen_until"]
    again = {"ended_at": now, "seen_until": now + memory}
    statement = _upsert(tx, past_memberships).from_select(names, rows)
    tx.execute(statement.on_conflict_do_update(index_elements=["identity_id", "display_name"], set_=again))


def _upsert(tx: Connection, table: Table) -> Any:
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def _with_names(query: Select[Any]) -> Select[Any]:
    return query.outerjoin(identities, identities.c.id == memberships.c.member_id).outerjoin(
        groups, groups.c.id == memberships.c.member_id
    )
