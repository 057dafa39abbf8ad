"""Rows of groups and their members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
    Table,
    any_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.names import fold
from scimbridge.domain.resource import Member, MemberKind, StoredGroup
from scimbridge.errors import DuplicateError, NotFoundError, UnknownMemberError
from scimbridge.store import counts
from scimbridge.store.identities import MEMBERSHIP_MEMORY
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import UtcDateTime, groups, identities, inquiries, memberships, past_memberships

_LONGEST_ID = 36
_MANY = 1000

MEMBER_DISPLAY: ColumnElement[str] = func.coalesce(identities.c.user_name, groups.c.display_name)
"""What a member is called, in queries that ``_with_names`` has joined."""

_GROUPS_OF = select(memberships.c.group_id).where(memberships.c.member_id == bindparam("member"))
# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("kind = 'Group'")
_ANY_NESTED = select(memberships.c.member_id).where(memberships.c.group_id == bindparam("group"), _IS_NESTED).limit(1)
_MEMBERS = Prepared(select(memberships.c.member_id).where(memberships.c.group_id == bindparam("group")))
_ANY_MEMBER = select(memberships.c.member_id).where(memberships.c.group_id == bindparam("group")).limit(1)


def insert_group(tx: Connection, source: str, document: Mapping[str, Any], now: datetime) -> StoredGroup:
    """Store a new Group without members.

    Raises:
        DuplicateError: The source has another Group of this displayName.
    """
    group_id = new_id(now)
    try:
        tx.execute(
            insert(groups).values(
                id=group_id, source=source, version=1, created_at=now, modified_at=now, **_columns(document)
            )
        )
    except IntegrityError as error:
        raise DuplicateError("displayName") from error
    counts.add(tx, source, MemberKind.GROUP, 1)
    return group_by_id(tx, source, group_id)


def update_group(
    tx: Connection, before: StoredGroup, document: Mapping[str, Any], now: datetime, *, members_changed: bool
) -> StoredGroup:
    """Store a Group's new document, and count a new version where it or the members changed.

    Raises:
        DuplicateError: The source has another Group of the new displayName.
    """
    if document == before.document and not members_changed:
        return before
    try:
        tx.execute(
            update(groups)
            .where(groups.c.id == before.id)
            .values(version=before.version + 1, modified_at=now, **_columns(document))
        )
    except IntegrityError as error:
        raise DuplicateError("displayName") from error
    return replace(before, document=dict(document), version=before.version + 1, modified_at=now)


def mark_deleted(tx: Connection, group_id: str, now: datetime) -> None:
    """Take a Group out of SCIM, and out of the groups that it was in itself."""
    _take_out(tx, group_id, true(), now)
    remove_from_all_groups(tx, group_id, MemberKind.GROUP, now)
    source = tx.execute(
        update(groups)
        .where(groups.c.id == group_id, groups.c.deleted_at.is_(None))
        .values(deleted_at=now, modified_at=now)
        .returning(groups.c.source)
    ).scalar_one_or_none()
    if source is not None:
        counts.add(tx, source, MemberKind.GROUP, -1)


def group_by_id(
    tx: Connection, source: str, group_id: str, *, lock: bool = False, with_members: bool = False
) -> StoredGroup:
    """Return a Group of a source; its members only where they are asked for.

    Raises:
        NotFoundError: There is none, or it was deleted.
    """
    query = select(groups).where(groups.c.id == group_id, groups.c.source == source, groups.c.deleted_at.is_(None))
    row = tx.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFoundError("Group", group_id)
    return next(_groups(tx, [row], with_members=with_members))


def groups_by_id(tx: Connection, ids: Sequence[str], *, with_members: bool) -> dict[str, StoredGroup]:
    """Return the Groups of these ids that are not deleted, of whatever source."""
    if not ids:
        return {}
    query = select(groups).where(groups.c.id.in_(ids), groups.c.deleted_at.is_(None))
    rows = tx.execute(query).mappings().all()
    return {group.id: group for group in _groups(tx, rows, with_members=with_members)}


def lock_groups(tx: Connection, group_ids: Iterable[str]) -> None:
    """Keep others from changing these groups and their members until the transaction ends.

    Whoever needs groups and identities locks the groups first, each kind in the order of its ids, so
    that nobody waits for each other in a ring. SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        query = select(groups.c.id).where(is_among(tx, groups.c.id, group_ids)).order_by(groups.c.id)
        tx.execute(query.with_for_update()).all()


def lock_groups_of(tx: Connection, member_id: str) -> None:
    """Lock the groups that somebody is in, before the identity itself is locked to be deleted."""
    if tx.dialect.name == "postgresql":
        lock_groups(tx, tx.execute(_GROUPS_OF, {"member": member_id}).scalars().all())


def lock_identities(tx: Connection, ids: Iterable[str]) -> None:
    """Keep everybody else's decisions about identities waiting until the transaction ends."""
    if tx.dialect.name == "postgresql":
        query = select(identities.c.id).where(is_among(tx, identities.c.id, ids)).order_by(identities.c.id)
        tx.execute(query.with_for_update()).all()


def member_ids(tx: Connection, group_id: str) -> set[str]:
    """Return the ids of all members. Costs by how many there are, as a whole list of them does."""
    return set(_MEMBERS.column(tx, {"group": group_id}))


def has_members(tx: Connection, group_id: str) -> bool:
    """Whether anybody is in a group."""
    return tx.execute(_ANY_MEMBER, {"group": group_id}).first() is not None


def members_among(tx: Connection, group_id: str, ids: Iterable[str]) -> dict[str, MemberKind]:
    """Return those of some ids that are members."""
    query = select(memberships.c.member_id, memberships.c.kind).where(
        memberships.c.group_id == group_id, is_among(tx, memberships.c.member_id, ids)
    )
    return {member_id: MemberKind(kind) for member_id, kind in tx.execute(query)}


def kinds_of(tx: Connection, ids: Iterable[str]) -> dict[str, MemberKind]:
    """Return which of some ids are Users and which are Groups, of any source."""
    found = {}
    for table, kind in ((identities, MemberKind.USER), (groups, MemberKind.GROUP)):
        query = select(table.c.id).where(is_among(tx, table.c.id, ids))
        found.update(dict.fromkeys(tx.execute(query).scalars(), kind))
    return found


def require_existing(tx: Connection, source: str, ids: frozenset[str]) -> None:
    """Make sure that a source has Users or Groups of these ids.

    Raises:
        UnknownMemberError: It has none of one of them.
    """
    _existing(tx, source, ids)


def add_members(tx: Connection, source: str, group_id: str, ids: Iterable[str]) -> int:
    """Make Users and Groups of the source members; those who are already stay so.

    Returns:
        How many came in.

    Raises:
        UnknownMemberError: The source has no resource of one of the ids.
    """
    wanted = frozenset(ids)
    if not wanted:
        return 0
    users, nested = _existing(tx, source, wanted)
    return sum(
        _insert_members(tx, group_id, kind, found)
        for kind, found in ((MemberKind.USER, users), (MemberKind.GROUP, nested))
        if found
    )


def remove_members(tx: Connection, group_id: str, ids: Iterable[str], now: datetime) -> int:
    """Take members out, remembering for a while that they were in. Returns how many left."""
    return _take_out(tx, group_id, is_among(tx, memberships.c.member_id, ids), now)


def remove_from_all_groups(tx: Connection, member_id: str, kind: MemberKind, now: datetime) -> None:
    """Take a deleted User or Group out of every group it was in, each of which thereby changes."""
    own = select(memberships.c.group_id).where(memberships.c.member_id == member_id)
    tx.execute(
        update(groups)
        .where(groups.c.id.in_(own))
        .values(version=groups.c.version + 1, modified_at=now, users=groups.c.users - int(kind is MemberKind.USER))
    )
    _remember(tx, memberships.c.member_id == member_id, now)
    tx.execute(delete(memberships).where(memberships.c.member_id == member_id))


def forget_past(tx: Connection, now: datetime) -> None:
    """Drop memberships that ended too long ago for rules to see them, unless an inquiry is about them."""
    asked = select(inquiries.c.opened_at).where(inquiries.c.closed_at.is_(None))
    tx.execute(
        delete(past_memberships).where(
            past_memberships.c.ended_at <= now - MEMBERSHIP_MEMORY, past_memberships.c.ended_at.not_in(asked)
        )
    )


def is_among(tx: Connection, column: ColumnElement[str], ids: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of any number of ids: one parameter for all of them."""
    known = [member_id for member_id in ids if _is_id(member_id)]
    if tx.dialect.name == "sqlite":
        return column.in_(select(_rows(tx, known)))
    if len(known) > _MANY:
        # A plan that does not know how many there are may compare each row with each id.
        tx.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    return column == any_(_array(known))


def _rows(tx: Connection, ids: Sequence[str]) -> ColumnElement[str]:
    """Return ids as the rows of a function."""
    if tx.dialect.name == "sqlite":
        found: ColumnElement[str] = func.json_each(orjson.dumps(ids).decode()).table_valued("value").c.value
        return found
    return func.unnest(_array(ids)).column_valued("value")


def _array(ids: Sequence[str]) -> ColumnElement[Any]:
    return cast(list(ids), ARRAY(String(_LONGEST_ID)))


def _is_id(text: str) -> bool:
    """Whether a text can be the id of anything. What cannot goes no further: databases refuse NULs and surrogates."""
    return len(text) <= _LONGEST_ID and text.isascii() and text.isprintable()


def _existing(tx: Connection, source: str, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return which ids are Users and which are Groups, and keep these from being deleted meanwhile."""
    users = _live(tx, identities, source, wanted)
    nested = _live(tx, groups, source, wanted - users) if users != wanted else frozenset()
    unknown = wanted - users - nested
    if unknown:
        raise UnknownMemberError(min(unknown))
    return users, nested


def _live(tx: Connection, table: Table, source: str, wanted: frozenset[str]) -> frozenset[str]:
    query = select(table.c.id).where(
        is_among(tx, table.c.id, wanted), table.c.source == source, table.c.deleted_at.is_(None)
    )
    return frozenset(tx.execute(query.order_by(table.c.id).with_for_update(key_share=True, read=True)).scalars())


def _insert_members(tx: Connection, group_id: str, kind: MemberKind, ids: frozenset[str]) -> int:
    new = select(literal(group_id), _rows(tx, list(ids)), literal(kind.value)).where(
        true()
    )  # SQLite needs a WHERE here
    statement = _upsert(tx, memberships).from_select(["group_id", "member_id", "kind"], new)
    came = tx.execute(statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)).rowcount
    if kind is MemberKind.USER:
        _count_users(tx, group_id, came)
    return came


def _take_out(tx: Connection, group_id: str, condition: ColumnElement[bool], now: datetime) -> int:
    scope = (memberships.c.group_id == group_id) & condition
    _remember(tx, scope, now)
    nested = 0
    if tx.execute(_ANY_NESTED, {"group": group_id}).first() is not None:
        nested = tx.execute(delete(memberships).where(scope, _IS_NESTED)).rowcount
    users = tx.execute(delete(memberships).where(scope)).rowcount
    _count_users(tx, group_id, -users)
    return users + nested


def _count_users(tx: Connection, group_id: str, more: int) -> None:
    if more:
        tx.execute(update(groups).where(groups.c.id == group_id).values(users=groups.c.users + more))


def _remember(tx: Connection, leaving: ColumnElement[bool], now: datetime) -> None:
    """Keep which Users are about to leave which groups."""
    rows = (
        select(memberships.c.member_id, groups.c.display_name, literal(now, UtcDateTime))
        .join(groups, groups.c.id == memberships.c.group_id)
        .where(leaving, memberships.c.kind == MemberKind.USER)
    )
    statement = _upsert(tx, past_memberships).from_select(["identity_id", "display_name", "ended_at"], rows)
    tx.execute(statement.on_conflict_do_update(index_elements=["identity_id", "display_name"], set_={"ended_at": now}))


def _upsert(tx: Connection, table: Table) -> Any:
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "display_name": document["displayName"],
        "display_name_key": fold(document["displayName"]),
        "external_id": document.get("externalId"),
        "document": dict(document),
    }


def _groups(tx: Connection, rows: Sequence[RowMapping], *, with_members: bool) -> Iterator[StoredGroup]:
    members = _members(tx, [row["id"] for row in rows]) if with_members else None
    for row in rows:
        yield StoredGroup(
            id=row["id"],
            source=row["source"],
            document=row["document"],
            version=row["version"],
            created_at=row["created_at"],
            modified_at=row["modified_at"],
            members=None if members is None else tuple(members.get(row["id"], ())),
        )


def _members(tx: Connection, group_ids: Sequence[str]) -> dict[str, list[Member]]:
    """Return the members of several groups, with what they are called: one query for all."""
    columns = (memberships.c.group_id, memberships.c.member_id, memberships.c.kind, MEMBER_DISPLAY)
    query = _with_names(select(*columns)).where(memberships.c.group_id.in_(group_ids)).order_by(memberships.c.member_id)
    found: dict[str, list[Member]] = {}
    for group_id, member_id, kind, display in tx.execute(query):
        found.setdefault(group_id, []).append(Member(member_id, MemberKind(kind), display))
    return found


def _with_names(query: Select[Any]) -> Select[Any]:
    return query.outerjoin(identities, identities.c.id == memberships.c.member_id).outerjoin(
        groups, groups.c.id == memberships.c.member_id
    )
