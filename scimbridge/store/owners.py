"""Who owns accounts at a target: by their links, and by the values that accounts are found by. A page at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, exists, or_, select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.identity import AT_TARGET
from scimbridge.domain.names import any_case_key, fold
from scimbridge.domain.reconciliation import Owner
from scimbridge.domain.task import FINISHED, TaskState
from scimbridge.store.id_lists import is_among_texts
from scimbridge.store.schema import BEGUN, accounts, cases, identities, identity_values, tasks

_IS_GONE = or_(identities.c.active.is_(False), identities.c.deleted_at.is_not(None))
_CASE_IS_OPEN = exists(
    select(cases.c.id).where(cases.c.identity_id == identities.c.id, cases.c.state == CaseState.OPEN)
)
_COLUMNS = (
    identities.c.id,
    identities.c.source,
    identities.c.user_name,
    _IS_GONE.label("is_gone"),
    _CASE_IS_OPEN.label("case_is_open"),
)

_ENDED = (*FINISHED, TaskState.FAILED)
_SUSPENDED = tasks.alias()
_GIVEN_BACK = tasks.alias()
_SAME = accounts.alias()
_WAS_SUSPENDED = exists(
    select(_SUSPENDED.c.id).where(
        _SUSPENDED.c.account_id == accounts.c.id,
        _SUSPENDED.c.action == Action.SUSPEND,
        _SUSPENDED.c.state == TaskState.DONE,
        BEGUN,
        ~exists(
            select(_GIVEN_BACK.c.id)
            # Of all who have had the account, it is given back to one.
            .join(_SAME, _SAME.c.id == _GIVEN_BACK.c.account_id)
            .where(
                _SAME.c.target == accounts.c.target,
                _SAME.c.native_id == accounts.c.native_id,
                _GIVEN_BACK.c.action == Action.RESTORE,
                _GIVEN_BACK.c.state == TaskState.DONE,
                BEGUN,
                _GIVEN_BACK.c.finished_at >= _SUSPENDED.c.finished_at,
            )
            # The compiler itself looks for tables no further out than the next query.
            .correlate(_SUSPENDED, accounts)
        ),
    )
)


def linked(tx: Connection, target: str, native_ids: Collection[str], asked_at: datetime) -> dict[str, list[Owner]]:
    """Return who is linked to accounts, by the target's ids; one statement.

    Args:
        tx: Any transaction.
        target: The target.
        native_ids: The accounts.
        asked_at: When the target was asked for them: what was done since may not show in what it told.
    """
    told = (_WAS_SUSPENDED.label("was_suspended"), _is_changing(asked_at).label("is_changing"))
    query = (
        select(accounts.c.native_id, *told, *_COLUMNS)
        .join(identities, identities.c.id == accounts.c.identity_id)
        .where(accounts.c.target == target, is_among_texts(tx, accounts.c.native_id, native_ids))
    )
    found: dict[str, list[Owner]] = {}
    for row in tx.execute(query).mappings():
        found.setdefault(row["native_id"], []).append(_owner(row, linked=True))
    return found


def matching(tx: Connection, values: Mapping[str, Collection[str]]) -> dict[tuple[str, str], list[Owner]]:
    """Return the identities that are not deleted and have values, by attribute and value as the store compares it.

    Args:
        tx: Any transaction.
        values: By SCIM attribute: ``userName``, ``externalId``, ``emails.value``, ``employeeNumber``.
    """
    found: dict[tuple[str, str], list[Owner]] = {}
    for attribute, wanted in values.items():
        keys = {comparable(attribute, value) for value in wanted}
        for row in tx.execute(_having(tx, attribute, keys)).mappings():
            found.setdefault((attribute, row["value"]), []).append(_owner(row, linked=False))
    return found


def comparable(attribute: str, value: str) -> str:
    """Return a value as the store compares it."""
    match attribute:
        case "userName":
            return any_case_key(value)
        case "externalId":
            return value
        case _:
            return fold(value)


def _having(tx: Connection, attribute: str, keys: Collection[str]) -> Select[tuple[object, ...]]:
    # A group is nobody.
    is_there = and_(identities.c.deleted_at.is_(None), identities.c.source.not_like(f"{AT_TARGET}%"))
    own: dict[str, ColumnElement[str]] = {
        "userName": identities.c.any_case_name,
        "externalId": identities.c.external_id,
    }
    if attribute in own:
        return select(own[attribute].label("value"), *_COLUMNS).where(
            is_among_texts(tx, own[attribute], keys), is_there
        )
    same = and_(identity_values.c.attribute == attribute, is_among_texts(tx, identity_values.c.value, keys))
    return (
        select(identity_values.c.value.label("value"), *_COLUMNS)
        .join(identities, identities.c.id == identity_values.c.identity_id)
        .where(same, is_there)
    )


def _is_changing(asked_at: datetime) -> ColumnElement[bool]:
    """Return whether something is still to be done to an account, or was done since the target was asked."""
    changing = tasks.alias()
    found = select(changing.c.id).where(
        changing.c.account_id == accounts.c.id,
        changing.c.action.in_([Action.SUSPEND, Action.RESTORE]),
        or_(changing.c.state.not_in(_ENDED), changing.c.finished_at > asked_at),
    )
    # What has not begun is the owner's own.
    of_owner = found.join(cases, cases.c.id == changing.c.case_id).where(cases.c.identity_id == accounts.c.identity_id)
    return or_(exists(found.where(BEGUN)), exists(of_owner))


def _owner(row: RowMapping, *, linked: bool) -> Owner:
    return Owner(
        identity_id=row["id"],
        source=row["source"],
        user_name=row["user_name"],
        linked=linked,
        is_gone=row["is_gone"],
        case_is_open=row["case_is_open"],
        was_suspended=row.get("was_suspended", False),
        is_changing=row.get("is_changing", False),
    )
