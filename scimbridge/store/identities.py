"""Rows of identities: the Users of all sources."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, or_, select, union, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import IdentityId, new_id
from scimbridge.domain.names import any_case_key, beginnings, called, fold, user_name_key
from scimbridge.domain.resource import Member, MemberKind, StoredUser
from scimbridge.domain.source import NameCase
from scimbridge.errors import DuplicateError, NotFoundError
from scimbridge.store import counts
from scimbridge.store.batch import Batch, batch_of
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, identities, identity_values, memberships, past_memberships
from scimbridge.store.values import Row

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_FROM_DOCUMENT = ("user_name", "user_name_key", "any_case_name", "external_id", "active", "document")

_TABLES = frozenset({"identities", "memberships", "groups"})
_INSERT = Prepared(insert(identities), ("id", "source", "version", "created_at", "modified_at", *_FROM_DOCUMENT))
_INSERT_VALUES = Prepared(insert(identity_values), ("identity_id", "attribute", "value"))
_DELETE_VALUES = Prepared(delete(identity_values).where(identity_values.c.identity_id == bindparam("key")))
_UPDATE = update(identities).where(identities.c.id == bindparam("key"))
_UPDATE_ALL = Prepared(_UPDATE, ("version", "modified_at", *_FROM_DOCUMENT))
# A column that is set is written to its indexes, be its value new or not.
_UPDATE_DOCUMENT = Prepared(_UPDATE, ("version", "modified_at", "active", "document"))
_MARK_DELETED = Prepared(
    _UPDATE.where(identities.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), modified_at=bindparam("now"))
    .returning(identities.c.source)
)
_SELECT_ANY = select(identities).where(identities.c.id == bindparam("key"))
_SELECT = _SELECT_ANY.where(identities.c.source == bindparam("asking"), identities.c.deleted_at.is_(None))
_ANY = Prepared(_SELECT_ANY)
_OF_SOURCE = Prepared(_SELECT)
_OF_SOURCE_LOCKED = Prepared(_SELECT.with_for_update())
_SELECT_GROUPS = (
    select(memberships.c.member_id, groups.c.id, groups.c.display_name)
    .join(groups, groups.c.id == memberships.c.group_id)
    .order_by(groups.c.id)
)
_GROUPS = _SELECT_GROUPS.where(memberships.c.member_id.in_(bindparam("members", expanding=True)))
_GROUPS_OF_ONE = Prepared(_SELECT_GROUPS.where(memberships.c.member_id == bindparam("member")))
# What has no end is forgotten by the day that it is kept.
_IS_SEEN = or_(past_memberships.c.seen_until.is_(None), past_memberships.c.seen_until > bindparam("now"))
_REMEMBERED = Prepared(
    select(past_memberships.c.display_name).where(past_memberships.c.identity_id == bindparam("key"), _IS_SEEN)
)
_BY_NAME = Prepared(
    select(identities)
    .where(
        identities.c.source == bindparam("asking"),
        identities.c.user_name_key == bindparam("name"),
        identities.c.deleted_at.is_(None),
    )
    .with_for_update()
)

_BY_EXTERNAL_ID = Prepared(
    select(identities)
    .where(
        identities.c.source == bindparam("asking"),
        identities.c.external_id == bindparam("external"),
        identities.c.deleted_at.is_(None),
    )
    .limit(2)
    .with_for_update()
)

_MOST_OWNERS = 10
"""Of one externalId. A constant that a source sends for everybody says nothing about anybody."""

_OWNERS = Prepared(
    select(identities.c.id)
    .where(
        identities.c.source == bindparam("asking"),
        identities.c.external_id == bindparam("external"),
        identities.c.id != bindparam("key"),
    )
    .order_by(identities.c.id.desc())
    .limit(_MOST_OWNERS)
    .with_for_update()
)

_TWINS = Prepared(
    select(identities.c.id)
    .where(
        identities.c.source == bindparam("asking"),
        identities.c.external_id == bindparam("external"),
        identities.c.id != bindparam("key"),
        identities.c.active,
        identities.c.deleted_at.is_(None),
    )
    .limit(_MOST_OWNERS + 1)
)

# In any case, whatever the source's rule: what is planned must not fall on the one who came.
_OF_NAME = select(identities.c.id).where(
    identities.c.source == bindparam("asking"), identities.c.any_case_name == bindparam("name")
)
_OF_EXTERNAL_ID = select(identities.c.id).where(
    identities.c.source == bindparam("asking"), identities.c.external_id == bindparam("external")
)
_GONE = select(identities).where(identities.c.deleted_at.is_not(None))
_GONE_OF_NAME = Prepared(_GONE.where(identities.c.id.in_(_OF_NAME)))
# Not an OR of both: SQLite would read every identity of the source for it.
GONE_OF_NAME_OR_ID = _GONE.where(identities.c.id.in_(union(_OF_NAME, _OF_EXTERNAL_ID)))
_GONE_OF_NAME_OR_ID = Prepared(GONE_OF_NAME_OR_ID)


def insert_user(
    tx: Connection,
    source: str,
    document: Mapping[str, Any],
    now: datetime,
    *,
    name_case: NameCase = NameCase.IGNORED,
) -> StoredUser:
    """Store a new User and return it; ``name_case`` is the source's rule.

    Raises:
        DuplicateError: The source has another User of this userName.
    """
    row: dict[str, Any] = {"id": new_id(now), "source": source, "version": 1, "created_at": now, "modified_at": now}
    row |= _columns(document, name_case)
    try:
        _INSERT.run(tx, row)
    except IntegrityError as error:
        raise DuplicateError("userName") from error
    counts.add(tx, source, MemberKind.USER, 1)
    _store_values(tx, row["id"], document)
    return _user({**row, "deleted_at": None}, ())


def update_user(
    tx: Connection,
    before: StoredUser,
    document: Mapping[str, Any],
    now: datetime,
    *,
    name_case: NameCase = NameCase.IGNORED,
) -> StoredUser:
    """Store a User's new document, unless it is the old one, and return the User.

    Raises:
        DuplicateError: The source has another User of the new userName.
    """
    former = before.identity
    if document == former.document:
        return before
    identity = Identity(
        id=former.id,
        source=former.source,
        user_name=document["userName"],
        external_id=document.get("externalId"),
        active=document.get("active", True),
        deleted_at=former.deleted_at,
        document=dict(document),
        groups=former.groups,
    )
    user = StoredUser(
        identity=identity,
        version=before.version + 1,
        created_at=before.created_at,
        modified_at=now,
        groups=before.groups,
    )
    row = {
        "key": former.id,
        "version": user.version,
        "modified_at": now,
        "active": identity.active,
        "document": identity.document,
    }
    if _has_same_names(former, document):
        _UPDATE_DOCUMENT.change(tx, row)
    else:
        _rename(tx, row | _columns(document, name_case))
    if called(former.document) != called(document) or not _has_same_values(former.document, document):
        _DELETE_VALUES.run(tx, {"key": former.id})
        _store_values(tx, former.id, document)
    return user


def _rename(tx: Connection, row: Mapping[str, Any]) -> None:
    try:
        _UPDATE_ALL.run(tx, row)
    except IntegrityError as error:
        raise DuplicateError("userName") from error


def mark_deleted(tx: Connection, user_id: str, now: datetime) -> None:
    """Take a User out of SCIM. The row stays for its case; name and groups are given back."""
    for source in _MARK_DELETED.column(tx, {"key": user_id, "now": now}):
        counts.add(tx, source, MemberKind.USER, -1)


def user_by_id(tx: Connection, source: str, user_id: str, *, lock: bool = False) -> StoredUser:
    """Return a User of a source.

    Args:
        tx: Any transaction.
        source: The source that asks; the Users of others do not exist for it.
        user_id: The SCIM id.
        lock: Keep others from changing it until the transaction ends (PostgreSQL; SQLite has one writer).

    Raises:
        NotFoundError: There is none, or it was deleted.
    """
    batch = batch_of(tx)
    if batch is not None:
        return _read_ahead(batch, source, user_id)
    row = (_OF_SOURCE_LOCKED if lock else _OF_SOURCE).first(tx, {"key": user_id, "asking": source})
    if row is None:
        raise NotFoundError("User", user_id)
    return _with_own_groups(tx, row)


def _read_ahead(batch: Batch, source: str, user_id: str) -> StoredUser:
    row = batch.known(user_id, _TABLES)
    if row is None or row["source"] != source or row["deleted_at"] is not None:
        raise NotFoundError("User", user_id)
    own = row["groups"]
    return _user(row, tuple(Member(key, MemberKind.GROUP, name) for key, name in sorted(own)) if own else ())


def users_by_id(tx: Connection, ids: Sequence[str]) -> dict[str, StoredUser]:
    """Return the Users of these ids that are not deleted, of whatever source."""
    if not ids:
        return {}
    query = select(identities).where(identities.c.id.in_(ids), identities.c.deleted_at.is_(None))
    rows = tx.execute(query).mappings().all()
    return {user.identity.id: user for user in _with_groups(tx, rows)}


def user_by_name(
    tx: Connection, source: str, user_name: str, *, name_case: NameCase = NameCase.IGNORED
) -> StoredUser | None:
    """Return the User that has this userName in the source, by the source's rule."""
    row = _BY_NAME.first(tx, {"asking": source, "name": user_name_key(user_name, name_case)})
    return None if row is None else _with_own_groups(tx, row)


def by_external_id(tx: Connection, source: str, external_id: str) -> Sequence[StoredUser]:
    """Return the Users of a source that have this externalId, two at most."""
    rows = _BY_EXTERNAL_ID.all(tx, {"asking": source, "external": external_id})
    return [_with_own_groups(tx, row) for row in rows]


def former_owners(tx: Connection, identity: Identity) -> Sequence[str]:
    """Return the ids of others of the source, deleted or not, who have the externalId of an identity; locked.

    Those who are there for the shortest time come first, and there are ten at most.
    """
    asked = {"asking": identity.source, "external": identity.external_id, "key": identity.id}
    return _OWNERS.column(tx, asked) if identity.external_id else ()


def has_active_twin(tx: Connection, identity: Identity) -> bool:
    """Whether others of the source, who are active, have the externalId of an identity, and it is no constant."""
    asked = {"asking": identity.source, "external": identity.external_id, "key": identity.id}
    return bool(identity.external_id) and 0 < len(_TWINS.column(tx, asked)) <= _MOST_OWNERS


def identity_by_id(tx: Connection, identity_id: str, now: datetime) -> Identity:
    """Return an identity of any source, deleted or not, with the groups that rules see.

    Raises:
        NotFoundError: There is none.
    """
    left = _REMEMBERED.column(tx, {"key": identity_id, "now": now})
    return remembering(identity_as_is(tx, identity_id), left)


def identity_as_is(tx: Connection, identity_id: str) -> Identity:
    """Return an identity of any source, deleted or not, without the groups that it left a short while ago.

    Raises:
        NotFoundError: There is none.
    """
    row = _ANY.first(tx, {"key": identity_id})
    if row is None:
        raise NotFoundError("identity", identity_id)
    return _with_own_groups(tx, row).identity


def left_by(tx: Connection, ids: Sequence[str], now: datetime) -> dict[str, Sequence[str]]:
    """Return the display names of the groups that identities left within the membership memory."""
    query = select(past_memberships.c.identity_id, past_memberships.c.display_name).where(
        past_memberships.c.identity_id.in_(ids), _IS_SEEN
    )
    found: dict[str, list[str]] = {}
    for identity_id, name in tx.execute(query, {"now": now}):
        found.setdefault(identity_id, []).append(name)
    return {identity_id: sorted(names) for identity_id, names in found.items()}


def identities_by_id(tx: Connection, ids: Collection[str], now: datetime) -> dict[str, Identity]:
    """Return identities of any source, deleted or not, with the groups that rules see; in three statements."""
    rows = tx.execute(select(identities).where(identities.c.id.in_(ids))).mappings().all()
    left = left_by(tx, list(ids), now)
    return {
        user.identity.id: remembering(user.identity, left.get(user.identity.id, ())) for user in _with_groups(tx, rows)
    }


def remembering(identity: Identity, left: Sequence[str]) -> Identity:
    """Return an identity with the groups that it left a short while ago beside those it is in."""
    gone = tuple(name for name in dict.fromkeys(left) if name not in identity.groups)
    return replace(identity, groups=(*identity.groups, *gone), left=gone) if gone else identity


def gone_namesakes(tx: Connection, source: str, user_name: str, external_id: str | None) -> list[Identity]:
    """Return the deleted identities that a new User could be: same externalId or same userName."""
    asked = {"asking": source, "name": any_case_key(user_name)}
    if external_id:
        rows = _GONE_OF_NAME_OR_ID.all(tx, {**asked, "external": external_id})
    else:
        rows = _GONE_OF_NAME.all(tx, asked)
    return [identity_of(row) for row in rows]


def match_values(identity: Identity) -> dict[str, tuple[str, ...]]:
    """Return an identity's values for the attributes by which accounts are found."""
    found: dict[str, tuple[str, ...]] = {"userName": (identity.user_name,)}
    if identity.external_id:
        found["externalId"] = (identity.external_id,)
    for attribute, value in _raw_values(identity.document):
        found[attribute] = (*found.get(attribute, ()), value)
    return found


def is_matched_alike(before: Identity, after: Identity) -> bool:
    """Whether accounts are found by the same values as before."""
    return _has_same_names(before, after.document) and _has_same_values(before.document, after.document)


def _columns(document: Mapping[str, Any], name_case: NameCase) -> dict[str, Any]:
    name = document["userName"]
    return {
        "user_name": name,
        "user_name_key": user_name_key(name, name_case),
        "any_case_name": any_case_key(name),
        "external_id": document.get("externalId"),
        "active": document.get("active", True),
        "document": dict(document),
    }


def _raw_values(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for email in document.get("emails") or ():
        if value := email.get("value"):
            yield "emails.value", value
    if number := (document.get(ENTERPRISE) or {}).get("employeeNumber"):
        yield "employeeNumber", number


def _has_same_names(identity: Identity, document: Mapping[str, Any]) -> bool:
    return document["userName"] == identity.user_name and document.get("externalId") == identity.external_id


def _has_same_values(former: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    if former.get("emails") == document.get("emails") and former.get(ENTERPRISE) == document.get(ENTERPRISE):
        return True
    return _values(former) == _values(document)


def _values(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(attribute, fold(value)) for attribute, value in _raw_values(document)}


def _store_values(tx: Connection, user_id: str, document: Mapping[str, Any]) -> None:
    # What somebody is called is for whoever searches; no account is found by it.
    found = _values(document) | {("displayName", value) for value in beginnings(called(document))}
    rows = [{"identity_id": user_id, "attribute": name, "value": value} for name, value in found]
    _INSERT_VALUES.run_many(tx, rows)


def identity_of(row: Row, group_names: tuple[str, ...] = ()) -> Identity:
    """Return a stored identity; its groups are in other rows."""
    return Identity(
        id=IdentityId(row["id"]),
        source=row["source"],
        user_name=row["user_name"],
        external_id=row["external_id"],
        active=row["active"],
        deleted_at=row["deleted_at"],
        document=row["document"],
        groups=group_names,
    )


def _with_groups(tx: Connection, rows: Sequence[RowMapping]) -> Iterator[StoredUser]:
    """Yield Users with the groups they are directly in: one query for all of them."""
    by_user: dict[str, list[Member]] = {}
    for user_id, group_id, name in tx.execute(_GROUPS, {"members": [row["id"] for row in rows]}):
        by_user.setdefault(user_id, []).append(Member(group_id, MemberKind.GROUP, name))
    for row in rows:
        yield _user(row, tuple(by_user.get(row["id"], ())))


def _with_own_groups(tx: Connection, row: Row) -> StoredUser:
    found = _GROUPS_OF_ONE.all(tx, {"member": row["id"]})
    return _user(row, tuple(Member(group["id"], MemberKind.GROUP, group["display_name"]) for group in found))


def _user(row: Row, found: tuple[Member, ...]) -> StoredUser:
    return StoredUser(
        identity=identity_of(row, tuple(group.display or "" for group in found) if found else ()),
        version=row["version"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        groups=found,
    )
