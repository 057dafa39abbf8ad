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
    Text,
    and_,
    bindparam,
    delete,
    func,
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
from scimbridge.store.id_lists import Ids, bound, in_parts, prepared_of_ids
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UtcDateTime, groups, identities, memberships, past_memberships

MEMBER_DISPLAY: ColumnElement[str] = func.coalesce(identities.c.user_name, groups.c.display_name)
"""What a member is called, in queries that ``_with_names`` has joined."""

# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("kind = 'Group'")

_READ_TOGETHER = 1000
"""Members of a list that are rows in our memory at a time."""


def present(tx: Connection, group_id: str) -> MemberIds:
    """Return all members of a group. Costs by how many there are, as a whole list of them does."""
    nested = frozenset(_NESTED.column(tx, {"group": group_id}))
    found = frozenset(_ALL.column(tx, {"group": group_id}))
    return MemberIds(users=found - nested if nested else found, nested=nested)


def present_among(tx: Connection, group_id: str, ids: Iterable[str]) -> MemberIds:
    """Return those of some ids that are members of a group."""
    rows = _PRESENT_AMONG[tx.dialect.name].all(tx, {"group": group_id, "ids": bound(tx, ids)})
    return _by_kind({row["member_id"]: MemberKind(row["kind"]) for row in rows})


def has_members(tx: Connection, group_id: str) -> bool:
    """Whether anybody is in a group."""
    return bool(_ANY_MEMBER.column(tx, {"group": group_id}))


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
    came = sum(_insert(tx, _ADD_USERS, source, group_id, part) for part in in_parts(tx, wanted))
    if came:
        _count_users(tx, group_id, came)
    if came == len(wanted):
        return MemberIds(users=wanted)
    # Some are Groups, or in it already, or nobody.
    found = _existing(tx, source, wanted)
    if found.nested:
        _insert(tx, _ADD_GROUPS, source, group_id, found.nested)
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
    times = {"left_at": now, "until": now + memory}
    for users in in_parts(tx, leaving.users):
        named = {"ids": bound(tx, users), "name": group.document["displayName"], **times}
        _REMEMBER_USERS[tx.dialect.name].run(tx, named)
        _count_users(tx, group.id, -_delete(tx, group.id, users))
    for nested in in_parts(tx, leaving.nested):
        _delete(tx, group.id, nested)


def remove_all(tx: Connection, group_id: str, now: datetime, memory: timedelta) -> None:
    """Take everybody out of a group that is being deleted."""
    _REMEMBER_ALL[tx.dialect.name].run(tx, {"group": group_id, "left_at": now, "until": now + memory})
    _REMOVE_ALL.run(tx, {"group": group_id})
    _COUNT_NOBODY.run(tx, {"group": group_id})


def remove_from_all_groups(
    tx: Connection, member_id: str, kind: MemberKind, now: datetime, *, memory: timedelta = MEMBERSHIP_MEMORY
) -> None:
    """Take a deleted User or Group out of every group it was in, each of which thereby changes."""
    member = {"member": member_id}
    if not _CHANGE_ALL_OF.run(tx, {**member, "at": now, "fewer": int(kind is MemberKind.USER)}):
        return
    _REMEMBER_MEMBER[tx.dialect.name].run(tx, {**member, "left_at": now, "until": now + memory})
    _REMOVE_MEMBER.run(tx, member)


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
    users = _live_among(tx, _LIVE_USERS, source, wanted)
    rest = wanted - users
    nested = _live_among(tx, _LIVE_GROUPS, source, rest) if rest else frozenset()
    if rest - nested:
        raise UnknownMemberError(min(rest - nested))
    return MemberIds(users=users, nested=nested)


def _live_among(tx: Connection, live: Mapping[str, Prepared], source: str, ids: frozenset[str]) -> frozenset[str]:
    return frozenset(live[tx.dialect.name].column(tx, {"asking": source, "ids": bound(tx, ids)}))


def _insert(tx: Connection, new: Mapping[str, Prepared], source: str, group_id: str, ids: Iterable[str]) -> int:
    """Make members of those that there are. Returns how many were none before."""
    return new[tx.dialect.name].run(tx, {"group": group_id, "asking": source, "ids": bound(tx, ids)})


def _delete(tx: Connection, group_id: str, ids: Iterable[str]) -> int:
    return _REMOVE[tx.dialect.name].run(tx, {"group": group_id, "ids": bound(tx, ids)})


def _count_users(tx: Connection, group_id: str, more: int) -> None:
    _COUNT_USERS.run(tx, {"group": group_id, "more": more})


def _live(table: Table, ids: Ids) -> Select[Any]:
    """Return the query for the resources of these ids, which are not deleted until the transaction ends."""
    query = select(table.c.id).where(
        ids.have(table.c.id), table.c.source == bindparam("asking"), table.c.deleted_at.is_(None)
    )
    return query.order_by(table.c.id).with_for_update(key_share=True, read=True)


def _adding(dialect: str, kind: MemberKind, found: Select[Any]) -> Any:
    """Return the statement that makes members of what a query finds."""
    group = bindparam("group", type_=memberships.c.group_id.type)
    new = found.with_only_columns(group, *found.selected_columns, literal_column(f"'{kind}'"))
    return _upsert(dialect, memberships).from_select(["group_id", "member_id", "kind"], new).on_conflict_do_nothing()


def _remembering(dialect: str, leaving: ColumnElement[bool]) -> Prepared:
    """Return the statement that keeps which Users are about to leave which groups."""
    rows = (
        select(memberships.c.member_id, groups.c.display_name, *_TIMES)
        .join(groups, groups.c.id == memberships.c.group_id)
        .where(leaving, memberships.c.kind == MemberKind.USER.value)
    )
    return Prepared(_keeping(dialect, rows))


def _keeping(dialect: str, rows: Any) -> Any:
    names = ["identity_id", "display_name", "ended_at", "seen_until"]
    statement = _upsert(dialect, past_memberships).from_select(names, rows)
    again = {"ended_at": statement.excluded.ended_at, "seen_until": statement.excluded.seen_until}
    return statement.on_conflict_do_update(index_elements=["identity_id", "display_name"], set_=again)


def _upsert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _with_names(query: Select[Any]) -> Select[Any]:
    return query.outerjoin(identities, identities.c.id == memberships.c.member_id).outerjoin(
        groups, groups.c.id == memberships.c.member_id
    )


_STORES = ("sqlite", "postgresql")
_TIMES = (bindparam("left_at", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime()))
_OF_GROUP = memberships.c.group_id == bindparam("group")
_OF_MEMBER = memberships.c.member_id == bindparam("member")
_MEMBERS = select(memberships.c.member_id).where(_OF_GROUP)
_ANY_MEMBER = Prepared(_MEMBERS.limit(1))
_ALL = Prepared(_MEMBERS)
_NESTED = Prepared(_MEMBERS.where(_IS_NESTED))
_PRESENT_AMONG = prepared_of_ids(
    lambda ids: select(memberships.c.member_id, memberships.c.kind).where(_OF_GROUP, ids.have(memberships.c.member_id))
)
_LIVE_USERS = prepared_of_ids(lambda ids: _live(identities, ids))
_LIVE_GROUPS = prepared_of_ids(lambda ids: _live(groups, ids))
_ADD_USERS = prepared_of_ids(lambda ids: _adding(ids.dialect, MemberKind.USER, _live(identities, ids)))
_ADD_GROUPS = prepared_of_ids(lambda ids: _adding(ids.dialect, MemberKind.GROUP, _live(groups, ids)))
_REMOVE = prepared_of_ids(lambda ids: delete(memberships).where(_OF_GROUP, ids.have(memberships.c.member_id)))
_REMEMBER_USERS = prepared_of_ids(
    # Without WHERE, SQLite takes ON CONFLICT for that of a join.
    lambda ids: _keeping(ids.dialect, select(ids.as_rows(), bindparam("name", type_=Text()), *_TIMES).where(true()))
)
_REMEMBER_ALL = {name: _remembering(name, _OF_GROUP) for name in _STORES}
_REMEMBER_MEMBER = {name: _remembering(name, _OF_MEMBER) for name in _STORES}
_REMOVE_ALL = Prepared(delete(memberships).where(_OF_GROUP))
_REMOVE_MEMBER = Prepared(delete(memberships).where(_OF_MEMBER))
_OWN = groups.c.id == bindparam("group")
_COUNT_USERS = Prepared(update(groups).where(_OWN).values(users=groups.c.users + bindparam("more")))
_COUNT_NOBODY = Prepared(update(groups).where(_OWN).values(users=literal_column("0")))
_CHANGE_ALL_OF = Prepared(
    update(groups)
    .where(groups.c.id.in_(select(memberships.c.group_id).where(_OF_MEMBER)))
    .values(
        version=groups.c.version + literal_column("1"),
        modified_at=bindparam("at"),
        users=groups.c.users - bindparam("fewer"),
    )
)
