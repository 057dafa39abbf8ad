"""Rows of groups and their members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.names import fold
from scimbridge.domain.resource import Member, MemberKind, StoredGroup
from scimbridge.errors import DuplicateError, NotFoundError, UnknownMemberError
from scimbridge.store import counts
from scimbridge.store.identities import MEMBERSHIP_MEMORY
from scimbridge.store.schema import groups, identities, memberships, past_memberships

_CHUNK = 500
"""Ids per statement: below the bound parameters that both databases allow."""


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
    return group_by_id(tx, before.source, before.id)


def mark_deleted(tx: Connection, group_id: str, now: datetime) -> None:
    """Take a Group out of SCIM, and out of the groups that it was in itself."""
    remove_members(tx, group_id, member_ids(tx, group_id), now)
    tx.execute(delete(memberships).where(memberships.c.member_id == group_id))
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


def member_ids(tx: Connection, group_id: str) -> set[str]:
    """Return the ids of all members."""
    return set(tx.execute(select(memberships.c.member_id).where(memberships.c.group_id == group_id)).scalars())


def add_members(tx: Connection, source: str, group_id: str, ids: Iterable[str]) -> int:
    """Make Users and Groups of the source members; those who are already stay so.

    Returns:
        How many came in.

    Raises:
        UnknownMemberError: The source has no resource of one of the ids.
    """
    added = 0
    for chunk in _chunks(sorted(ids)):
        present = set(
            tx.execute(
                select(memberships.c.member_id).where(
                    memberships.c.group_id == group_id, memberships.c.member_id.in_(chunk)
                )
            ).scalars()
        )
        new = [member_id for member_id in chunk if member_id not in present]
        if not new:
            continue
        kinds = _kinds(tx, source, new)
        for member_id in new:
            if member_id not in kinds:
                raise UnknownMemberError(member_id)
        rows = [{"group_id": group_id, "member_id": member_id, "kind": kinds[member_id]} for member_id in new]
        tx.execute(insert(memberships), rows)
        added += len(rows)
    return added


def remove_members(tx: Connection, group_id: str, ids: Iterable[str], now: datetime) -> int:
    """Take members out, remembering for a while that they were in. Returns how many left."""
    name = tx.execute(select(groups.c.display_name).where(groups.c.id == group_id)).scalar_one()
    removed = 0
    for chunk in _chunks(sorted(ids)):
        condition = (memberships.c.group_id == group_id) & memberships.c.member_id.in_(chunk)
        leaving = list(tx.execute(select(memberships.c.member_id).where(condition)).scalars())
        if leaving:
            tx.execute(delete(memberships).where(condition))
            _remember(tx, leaving, name, now)
        removed += len(leaving)
    return removed


def remove_from_all_groups(tx: Connection, member_id: str, now: datetime) -> None:
    """Take a deleted User out of every group it was in, each of which thereby changes."""
    rows = tx.execute(
        select(groups.c.id, groups.c.display_name)
        .join(memberships, memberships.c.group_id == groups.c.id)
        .where(memberships.c.member_id == member_id)
    ).all()
    for group_id, name in rows:
        tx.execute(update(groups).where(groups.c.id == group_id).values(version=groups.c.version + 1, modified_at=now))
        _remember(tx, [member_id], name, now)
    tx.execute(delete(memberships).where(memberships.c.member_id == member_id))


def forget_past(tx: Connection, now: datetime) -> None:
    """Drop memberships that ended too long ago for rules to see them."""
    tx.execute(delete(past_memberships).where(past_memberships.c.ended_at <= now - MEMBERSHIP_MEMORY))


def _remember(tx: Connection, member_ids: Sequence[str], name: str, now: datetime) -> None:
    tx.execute(
        delete(past_memberships).where(
            past_memberships.c.identity_id.in_(member_ids), past_memberships.c.display_name == name
        )
    )
    rows = [{"identity_id": member_id, "display_name": name, "ended_at": now} for member_id in member_ids]
    tx.execute(insert(past_memberships), rows)


def _kinds(tx: Connection, source: str, ids: Sequence[str]) -> dict[str, MemberKind]:
    found = {}
    for table, kind in ((identities, MemberKind.USER), (groups, MemberKind.GROUP)):
        query = select(table.c.id).where(table.c.id.in_(ids), table.c.source == source, table.c.deleted_at.is_(None))
        found.update(dict.fromkeys(tx.execute(query).scalars(), kind))
    return found


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
    query = (
        select(
            memberships.c.group_id,
            memberships.c.member_id,
            memberships.c.kind,
            func.coalesce(identities.c.user_name, groups.c.display_name),
        )
        .outerjoin(identities, identities.c.id == memberships.c.member_id)
        .outerjoin(groups, groups.c.id == memberships.c.member_id)
        .where(memberships.c.group_id.in_(group_ids))
        .order_by(memberships.c.member_id)
    )
    found: dict[str, list[Member]] = {}
    for group_id, member_id, kind, display in tx.execute(query):
        found.setdefault(group_id, []).append(Member(member_id, MemberKind(kind), display))
    return found


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
