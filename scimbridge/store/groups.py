"""Rows of groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.names import fold
from scimbridge.domain.resource import MemberKind, Members, StoredGroup
from scimbridge.domain.source import MEMBERSHIP_MEMORY
from scimbridge.errors import DuplicateError, NotFoundError
from scimbridge.store import counts, members
from scimbridge.store.id_lists import bound, prepared_of_ids
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, identities, memberships
from scimbridge.store.values import Row

_FROM_DOCUMENT = ("display_name", "display_name_key", "external_id", "document")

_INSERT = Prepared(insert(groups), ("id", "source", "version", "created_at", "modified_at", *_FROM_DOCUMENT))
_OWN = groups.c.id == bindparam("key")
_UPDATE = Prepared(update(groups).where(_OWN), ("version", "modified_at", *_FROM_DOCUMENT))
# A column that is set is written to its indexes, be its value new or not.
_UPDATE_VERSION = Prepared(update(groups).where(_OWN), ("version", "modified_at"))
_MARK_DELETED = Prepared(
    update(groups)
    .where(_OWN, groups.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), modified_at=bindparam("now"))
    .returning(groups.c.source)
)
_SELECT = select(groups).where(_OWN, groups.c.source == bindparam("asking"), groups.c.deleted_at.is_(None))
_BY_ID = Prepared(_SELECT)
_BY_ID_LOCKED = Prepared(_SELECT.with_for_update())
_GROUPS_OF = Prepared(select(memberships.c.group_id).where(memberships.c.member_id == bindparam("member")))
_LOCK = prepared_of_ids(
    lambda ids: select(groups.c.id).where(ids.have(groups.c.id)).order_by(groups.c.id).with_for_update()
)
_LOCK_IDENTITIES = prepared_of_ids(
    lambda ids: select(identities.c.id).where(ids.have(identities.c.id)).order_by(identities.c.id).with_for_update()
)


def insert_group(tx: Connection, source: str, document: Mapping[str, Any], now: datetime) -> StoredGroup:
    """Store a new Group without members.

    Raises:
        DuplicateError: The source has another Group of this displayName.
    """
    group_id = new_id(now)
    try:
        _INSERT.run(
            tx,
            {
                "id": group_id,
                "source": source,
                "version": 1,
                "created_at": now,
                "modified_at": now,
                **_columns(document),
            },
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
    row = {"key": before.id, "version": before.version + 1, "modified_at": now}
    if document == before.document:
        _UPDATE_VERSION.run(tx, row)
    else:
        _update(tx, row | _columns(document))
    return replace(before, document=dict(document), version=before.version + 1, modified_at=now)


def _update(tx: Connection, row: Mapping[str, Any]) -> None:
    try:
        _UPDATE.run(tx, row)
    except IntegrityError as error:
        raise DuplicateError("displayName") from error


def mark_deleted(tx: Connection, group_id: str, now: datetime, *, memory: timedelta = MEMBERSHIP_MEMORY) -> None:
    """Take a Group out of SCIM, and out of the groups that it was in itself."""
    members.remove_all(tx, group_id, now, memory)
    members.remove_from_all_groups(tx, group_id, MemberKind.GROUP, now)
    for source in _MARK_DELETED.column(tx, {"key": group_id, "now": now}):
        counts.add(tx, source, MemberKind.GROUP, -1)


def group_by_id(tx: Connection, source: str, group_id: str, *, lock: bool = False) -> StoredGroup:
    """Return a Group of a source, without its members.

    Raises:
        NotFoundError: There is none, or it was deleted.
    """
    row = (_BY_ID_LOCKED if lock else _BY_ID).first(tx, {"key": group_id, "asking": source})
    if row is None:
        raise NotFoundError("Group", group_id)
    return _group(row)


def groups_by_id(tx: Connection, ids: Sequence[str], *, with_members: bool) -> dict[str, StoredGroup]:
    """Return the Groups of these ids that are not deleted, of whatever source."""
    if not ids:
        return {}
    query = select(groups).where(groups.c.id.in_(ids), groups.c.deleted_at.is_(None))
    rows = tx.execute(query).mappings().all()
    found = [_group(row) for row in rows]
    return {group.id: group for group in (read_members(tx, found) if with_members else found)}


def read_members(tx: Connection, these: Sequence[StoredGroup]) -> list[StoredGroup]:
    """Return Groups with the members that the transaction sees in them."""
    found = members.members_of(tx, [group.id for group in these])
    return [replace(group, members=found.get(group.id, Members())) for group in these]


def lock_groups(tx: Connection, group_ids: Iterable[str]) -> None:
    """Keep others from changing these groups and their members until the transaction ends.

    Whoever needs groups and identities locks the groups first, each kind in the order of its ids, so
    that nobody waits for each other in a ring. SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        _LOCK[tx.dialect.name].column(tx, {"ids": bound(tx, group_ids)})


def lock_groups_of(tx: Connection, member_id: str) -> None:
    """Lock the groups that somebody is in, before the identity itself is locked to be deleted."""
    if tx.dialect.name == "postgresql":
        lock_groups(tx, _GROUPS_OF.column(tx, {"member": member_id}))


def lock_identities(tx: Connection, ids: Iterable[str]) -> None:
    """Keep everybody else's decisions about identities waiting until the transaction ends."""
    if tx.dialect.name == "postgresql":
        _LOCK_IDENTITIES[tx.dialect.name].column(tx, {"ids": bound(tx, ids)})


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "display_name": document["displayName"],
        "display_name_key": fold(document["displayName"]),
        "external_id": document.get("externalId"),
        "document": dict(document),
    }


def _group(row: Row) -> StoredGroup:
    return StoredGroup(
        id=row["id"],
        source=row["source"],
        document=row["document"],
        version=row["version"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )
