"""Rows of groups at targets: identities (``domain.identity``) whose source is the target, with one account there."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.identity import Identity, source_at, target_of
from scimbridge.domain.ids import AccountId, IdentityId
from scimbridge.domain.names import any_case_key
from scimbridge.sdk.group import GroupState
from scimbridge.sdk.state import AccountRef
from scimbridge.store import accounts, tokens
from scimbridge.store.schema import accounts as account_table
from scimbridge.store.schema import cases, identities

_SPACE = uuid.UUID("6f1f7a3e-7d0b-4f5e-9a53-1c1d2f0e8a90")
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_CHUNK = 500


def identity_of(target: str, group: GroupState) -> Identity:
    """Return a group at a target as what a case is about, stored or not. The same group is always the same one."""
    return Identity(
        id=identity_id_of(target, group.id),
        source=source_at(target),
        user_name=group.name,
        external_id=group.id,
        active=False,
        deleted_at=None,
        document={"displayName": group.name},
    )


def identity_id_of(target: str, native_id: str) -> IdentityId:
    """Return under which id a group is known here. It follows from the group, so that nobody stores one twice."""
    return IdentityId(str(uuid.uuid5(_SPACE, f"{target}\n{native_id}")))


def store_group(tx: Connection, target: str, group: GroupState, now: datetime) -> AccountId:
    """Store a group as it is called now, lock it, and return the id of its account."""
    identity = identity_of(target, group)
    tokens.ensure_source(tx, identity.source, now)
    name: dict[str, Any] = {
        "user_name": identity.user_name,
        "any_case_name": any_case_key(identity.user_name),
        "document": dict(identity.document),
        "modified_at": now,
    }
    row = {
        "id": identity.id,
        "source": identity.source,
        # Names are no keys at a target: there may be two groups of one name, in two containers.
        "user_name_key": group.id,
        "external_id": group.id,
        "active": False,
        "version": 1,
        "created_at": now,
        **name,
    }
    tx.execute(_INSERT[tx.dialect.name](identities).values(row).on_conflict_do_nothing())
    tx.execute(update(identities).where(identities.c.id == identity.id).values(name))  # and holds its lock
    own = accounts.ensure_accounts(tx, identity.id, [target], now, link_due_at=None)[target]
    if own.native_id != group.id or own.name != group.name:
        accounts.link(tx, own.id, AccountRef(group.id, group.name), now)
    return own.id


def note_asked(tx: Connection, account_id: AccountId, group: GroupState) -> None:
    """Keep how a group was when an operator asked to give it up."""
    tx.execute(update(account_table).where(account_table.c.id == account_id).values(asked_state=group.to_json()))


def asked_state(tx: Connection, account_id: str) -> GroupState | None:
    """Return how a group was when an operator asked to give it up."""
    found = tx.execute(select(account_table.c.asked_state).where(account_table.c.id == account_id)).scalar()
    return GroupState.from_json(found) if found is not None else None


def owners_of(tx: Connection, group: Identity) -> tuple[AccountRef, ...]:
    """Return who answered for a group when an operator asked to give it up."""
    query = select(account_table.c.asked_state).where(
        account_table.c.identity_id == group.id, account_table.c.target == target_of(group.source)
    )
    found = tx.execute(query).scalar()
    return (GroupState.from_json(found).owners or ()) if found is not None else ()


def open_cases(tx: Connection, target: str) -> dict[str, str]:
    """Return the open cases about groups at a target, by the group's immutable id."""
    query = (
        select(identities.c.external_id, cases.c.id)
        .join(cases, cases.c.identity_id == identities.c.id)
        .where(cases.c.state == "open", cases.c.source == source_at(target))
    )
    return {str(native_id): str(case_id) for native_id, case_id in tx.execute(query)}


def gone_among(tx: Connection, target: str, native_ids: Iterable[str]) -> set[str]:
    """Return those of the accounts at a target whose identities have all left."""
    gone: dict[str, bool] = {}
    for some in _chunks(sorted(set(native_ids))):
        query = (
            select(account_table.c.native_id, identities.c.active, identities.c.deleted_at)
            .join(identities, identities.c.id == account_table.c.identity_id)
            .where(account_table.c.target == target, account_table.c.native_id.in_(some))
        )
        for native_id, active, deleted_at in tx.execute(query):
            gone[native_id] = gone.get(native_id, True) and (not active or deleted_at is not None)
    return {native_id for native_id, is_gone in gone.items() if is_gone}


def active_owners_of(tx: Connection, target: str, native_ids: Sequence[str]) -> list[str]:
    """Return the ids of the active identities whose accounts at a target these are."""
    query = (
        select(identities.c.id)
        .join(account_table, account_table.c.identity_id == identities.c.id)
        .where(
            account_table.c.target == target,
            account_table.c.native_id.in_(native_ids),
            identities.c.active,
            identities.c.deleted_at.is_(None),
        )
        .order_by(identities.c.id)
    )
    return list(tx.execute(query).scalars())


def _chunks(found: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]
