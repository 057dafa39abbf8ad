"""Rows of stale accounts: which ones cases take away because nobody uses them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from scimbridge.domain.case import CaseState
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.store.id_lists import is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import cases, stale_accounts
from scimbridge.store.values import Row

_OF_CASE = select(stale_accounts).where(stale_accounts.c.case_id == bindparam("case")).order_by(stale_accounts.c.target)
_STANDING = Prepared(_OF_CASE.where(stale_accounts.c.over_at.is_(None)))


def note(tx: Connection, stale: StaleAccount) -> None:
    """Note that a case takes an account away because nobody uses it; once more, where somebody had used it since."""
    tx.execute(delete(stale_accounts).where(*_is(stale.case_id, stale.target)))
    row = {
        "case_id": stale.case_id,
        "target": stale.target,
        "run_id": stale.run_id,
        "since": stale.since,
        "signed_in_at": stale.signed_in_at,
    }
    tx.execute(insert(stale_accounts).values(row))


def of_case(tx: Connection, case_id: str) -> dict[str, StaleAccount]:
    """Return what a case takes away because nobody uses it, by target."""
    return {row["target"]: _stale(row) for row in _STANDING.all(tx, {"case": case_id})}


def all_of_case(tx: Connection, case_id: str) -> list[StaleAccount]:
    """Return what a case was to take away because nobody used it, also what somebody has used since."""
    return [_stale(row) for row in tx.execute(_OF_CASE, {"case": case_id}).mappings()]


def of_open_cases(tx: Connection, target: str) -> list[StaleAccount]:
    """Return what open cases take away at a target because nobody uses it."""
    query = (
        select(stale_accounts)
        .join(cases, cases.c.id == stale_accounts.c.case_id)
        .where(
            stale_accounts.c.target == target,
            stale_accounts.c.over_at.is_(None),
            cases.c.state == CaseState.OPEN.value,
        )
        .order_by(stale_accounts.c.case_id)
    )
    return [_stale(row) for row in tx.execute(query).mappings()]


def tell(tx: Connection, stale: StaleAccount, untold_at: datetime | None) -> StaleAccount:
    """Note since when the target does not tell whether anybody has signed in; ``None`` where it does."""
    tx.execute(update(stale_accounts).where(*_is(stale.case_id, stale.target)).values(untold_at=untold_at))
    return replace(stale, untold_at=untold_at)


def end(tx: Connection, case_id: str, target: str, now: datetime) -> None:
    """Note that somebody uses an account after all."""
    tx.execute(update(stale_accounts).where(*_is(case_id, target)).values(over_at=now))


def erase(tx: Connection, case_ids: Collection[str]) -> None:
    """Forget when somebody had signed in where."""
    tx.execute(update(stale_accounts).where(is_among(tx, stale_accounts.c.case_id, case_ids)).values(signed_in_at=None))


def _is(case_id: str, target: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return stale_accounts.c.case_id == case_id, stale_accounts.c.target == target


def _stale(row: Row) -> StaleAccount:
    return StaleAccount(
        case_id=row["case_id"],
        target=row["target"],
        run_id=row["run_id"],
        since=row["since"],
        signed_in_at=row["signed_in_at"],
        untold_at=row["untold_at"],
        over_at=row["over_at"],
    )
