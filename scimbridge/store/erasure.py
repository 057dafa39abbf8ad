"""What is known of a person, and erasing it: what was done to whom is told by ids from then on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, null, or_, select, update

from scimbridge.domain.hold import Scope
from scimbridge.domain.names import any_case_key
from scimbridge.domain.seal import ERASED, digest_of_document
from scimbridge.domain.task import FINISHED
from scimbridge.store import findings, stale_accounts
from scimbridge.store.accounts import unlinked_key
from scimbridge.store.id_lists import is_among
from scimbridge.store.schema import (
    BEGUN,
    accounts,
    approvals,
    attempts,
    cases,
    flood_cases,
    history,
    holds,
    identities,
    identity_values,
    inquiry_people,
    past_memberships,
    requests,
    snapshots,
    tasks,
)

EVENT = "personal values erased"
"""The entry of the history without which erased values are found by ``evidence verify``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a person.

    Attributes:
        deleted_at: When the source deleted them; ``None`` where it has not.
        erased_at: When their personal values were erased.
        cases: How many cases there were.
        entries: How many entries of the history have personal values.
        requests: How many requests about them are kept.
        restorable: The targets where something could still be given back.
    """

    identity_id: str
    source: str
    user_name: str
    deleted_at: datetime | None
    erased_at: datetime | None
    cases: int
    entries: int
    requests: int
    restorable: tuple[str, ...]


def known(tx: Connection, identity_id: str) -> Known | None:
    """Return what is known of a person; ``None`` where nobody has this id."""
    row = tx.execute(select(identities).where(identities.c.id == identity_id)).mappings().first()
    if row is None:
        return None
    own = _accounts(tx, identity_id)
    return Known(
        identity_id=identity_id,
        source=row["source"],
        user_name=row["user_name"],
        deleted_at=row["deleted_at"],
        erased_at=row["erased_at"],
        cases=len(_cases(tx, identity_id)),
        entries=len(_personal_entries(tx, identity_id)),
        requests=_count(tx, select(requests.c.id).where(requests.c.resource_id == identity_id)),
        restorable=tuple(sorted({each["target"] for each in _snapshots(tx, own) if each["released_at"] is None})),
    )


def holds_on(tx: Connection, identity_id: str, source: str) -> Sequence[RowMapping]:
    """Return ``id`` and ``reason`` of the holds that stand on a person, their source, cases or targets, or on all."""
    theirs = {target for target, _ in _natives(tx, _accounts(tx, identity_id))}
    own = select(cases.c.id).where(cases.c.identity_id == identity_id)
    query = select(holds.c.id, holds.c.reason).where(
        holds.c.lifted_at.is_(None),
        or_(
            holds.c.scope == Scope.EVERYTHING.value,
            and_(holds.c.scope == Scope.SOURCE.value, holds.c.subject == source),
            and_(holds.c.scope == Scope.TARGET.value, holds.c.subject.in_(theirs)),
            and_(holds.c.scope == Scope.IDENTITY.value, holds.c.subject == identity_id),
            and_(holds.c.scope == Scope.CASE.value, holds.c.subject.in_(own)),
        ),
    )
    return tx.execute(query.order_by(holds.c.id)).mappings().all()


def busy_targets(tx: Connection, identity_id: str) -> list[str]:
    """Return the targets where an attempt on an account of a person is under way."""
    query = (
        select(attempts.c.target)
        .join(accounts, accounts.c.id == attempts.c.account_id)
        .where(accounts.c.identity_id == identity_id, attempts.c.ended_at.is_(None))
    )
    return sorted(tx.execute(query.distinct()).scalars())


def undecided_floods(tx: Connection, identity_id: str) -> list[str]:
    """Return the floods that a case of a person belongs to, and that were not decided and carried out for it."""
    query = (
        select(flood_cases.c.flood_id)
        .join(cases, cases.c.id == flood_cases.c.case_id)
        .where(cases.c.identity_id == identity_id, flood_cases.c.settled_at.is_(None))
    )
    return sorted(tx.execute(query.distinct()).scalars())


def awaiting(tx: Connection, identity_id: str) -> list[str]:
    """Return the cases that still give a person's accounts back, to somebody who has taken their place."""
    query = (
        select(tasks.c.case_id)
        .join(accounts, accounts.c.id == tasks.c.account_id)
        .where(
            accounts.c.identity_id == identity_id,
            tasks.c.identity_id != identity_id,
            BEGUN,
            tasks.c.state.not_in([state.value for state in FINISHED]),
        )
    )
    return sorted(tx.execute(query.distinct()).scalars())


def was_owned_by_erased(tx: Connection, account_id: str) -> bool:
    """Whether whose an account was has been erased: nobody can tell any more which one it was."""
    query = select(identities.c.erased_at).join(accounts, accounts.c.identity_id == identities.c.id)
    return tx.execute(query.where(accounts.c.id == account_id)).scalar_one() is not None


def erase(tx: Connection, identity_id: str, now: datetime) -> None:
    """Take a person's personal values out of all that is kept of them; the caller holds their lock."""
    own = _accounts(tx, identity_id)
    _erase_entries(tx, identity_id)
    _erase_work(tx, own, _cases(tx, identity_id))
    findings.forget_owner(tx, identity_id)
    tx.execute(delete(requests).where(requests.c.resource_id == identity_id))
    for table in (identity_values, inquiry_people, past_memberships):
        tx.execute(delete(table).where(table.c.identity_id == identity_id))
    name = f"erased-{identity_id[-12:]}"
    tx.execute(
        update(identities)
        .where(identities.c.id == identity_id)
        .values(
            user_name=name,
            user_name_key=any_case_key(name),
            any_case_name=any_case_key(name),
            external_id=None,
            document={"userName": name, "active": False},
            active=False,
            erased_at=now,
        )
    )


def is_erased(tx: Connection, identity_ids: Collection[str]) -> frozenset[str]:
    """Return those of some people of whom the history says that their personal values were erased."""
    query = select(history.c.identity_id).where(
        history.c.case_id.is_(None), is_among(tx, history.c.identity_id, identity_ids), history.c.event == EVENT
    )
    return frozenset(tx.execute(query).scalars())


def _erase_entries(tx: Connection, identity_id: str) -> None:
    for row in _personal_entries(tx, identity_id):
        # The hash stays, which the digest of the entry is made of: the seal on it holds.
        erased = {ERASED: digest_of_document(row["personal"])}
        tx.execute(update(history).where(history.c.id == row["id"]).values(personal=erased))


def _erase_work(tx: Connection, own: Sequence[RowMapping], case_ids: Sequence[str]) -> None:
    # First, while it is known which accounts they are.
    tx.execute(delete(snapshots).where(snapshots.c.id.in_([each["id"] for each in _snapshots(tx, own)])))
    for target, native_id in _natives(tx, own):
        findings.forget_account(tx, target, native_id)
    account_ids = [account["id"] for account in own]
    tx.execute(
        update(attempts)
        .where(attempts.c.account_id.in_(account_ids), attempts.c.ended_at.is_not(None))
        .values(state_read=null(), lock_key="", reason="")
    )
    stale_accounts.erase(tx, case_ids)
    tx.execute(update(approvals).where(approvals.c.case_id.in_(case_ids)).values(document=null(), expected=null()))
    tx.execute(
        update(accounts)
        .where(accounts.c.id.in_(account_ids))
        .values(native_id=None, name=None, link_due_at=None, candidates=null(), asked_state=null(), note="")
    )


def _cases(tx: Connection, identity_id: str) -> Sequence[str]:
    return tx.execute(select(cases.c.id).where(cases.c.identity_id == identity_id)).scalars().all()


def _accounts(tx: Connection, identity_id: str) -> Sequence[RowMapping]:
    query = select(accounts.c.id, accounts.c.target, accounts.c.native_id)
    return tx.execute(query.where(accounts.c.identity_id == identity_id)).mappings().all()


def _natives(tx: Connection, own: Sequence[RowMapping]) -> set[tuple[str, str]]:
    """Return target and native id of what a person's accounts are or were, also where they have been let go since."""
    tried = select(attempts.c.account_id, attempts.c.target, attempts.c.lock_key)
    rows = tx.execute(tried.where(attempts.c.account_id.in_([account["id"] for account in own])).distinct())
    held = {(row.target, row.lock_key) for row in rows if row.lock_key not in ("", unlinked_key(row.account_id))}
    return held | {(each["target"], each["native_id"]) for each in own if each["native_id"] is not None}


def _snapshots(tx: Connection, own: Sequence[RowMapping]) -> Iterator[RowMapping]:
    """Yield ``id``, ``target`` and ``released_at`` of the snapshots of accounts that nobody else has, too."""
    account_ids = [account["id"] for account in own]
    columns = select(snapshots.c.id, snapshots.c.target, snapshots.c.released_at)
    for target, native_id in _natives(tx, own):
        same = accounts.c.target == target, accounts.c.native_id == native_id
        if tx.execute(select(accounts.c.id).where(*same, accounts.c.id.not_in(account_ids)).limit(1)).first() is None:
            of = snapshots.c.target == target, snapshots.c.native_id == native_id
            yield from tx.execute(columns.where(*of)).mappings().all()


def _personal_entries(tx: Connection, identity_id: str) -> list[RowMapping]:
    """Return ``id`` and ``personal`` of the entries about a person that have personal values."""
    columns = select(history.c.id, history.c.personal)
    queries = (
        columns.where(history.c.case_id.in_(select(cases.c.id).where(cases.c.identity_id == identity_id))),
        columns.where(history.c.case_id.is_(None), history.c.identity_id == identity_id),
    )
    rows = [row for query in queries for row in tx.execute(query).mappings()]
    return [row for row in rows if row["personal"] and ERASED not in row["personal"]]


def _count(tx: Connection, query: Select[Any]) -> int:
    return int(tx.execute(select(func.count()).select_from(query.subquery())).scalar_one())
