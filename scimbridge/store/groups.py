"""Rows of groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.names import fold
from scimbridge.domain.resource import MemberKind, Members, StoredGroup
from scimbridge.domain.source import MEMBERSHIP_MEMORY
from scimbridge.errors import DuplicateError, NotFoundError
from scimbridge.store import counts, members
from scimbridge.store.id_lists import is_among
from scimbridge.store.schema import groups, identities, memberships

_GROUPS_OF = select(memberships.c.group_id).where(memberships.c.member_id == bindparam("member"))


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


def mark_deleted(tx: Connection, group_id: str, now: datetime, *, memory: timedelta = MEMBERSHIP_MEMORY) -> None:
    """Take a Group out of SCIM, and out of the groups that it was in itself."""
    members.remove_all(tx, group_id, now, memory)
    members.remove_from_all_groups(tx, group_id, MemberKind.GROUP, now)
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


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "display_name": document["displayName"],
        "display_name_key": fold(document["displayName"]),
        "external_id": document.get("externalId"),
        "document": dict(document),
    }


def _groups(tx: Connection, rows: Sequence[RowMapping], *, with_members: bool) -> Iterator[StoredGroup]:
    found = members.members_of(tx, [row["id"] for row in rows]) if with_members else None
    for row in rows:
        yield StoredGroup(
            id=row["id"],
            source=row["source"],
            document=row["document"],
            version=row["version"],
            created_at=row["created_at"],
            modified_at=row["modified_at"],
            members=None if found is None else found.get(row["id"], Members()),
        )
