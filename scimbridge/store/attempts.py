"""Rows of attempts: runs under a lease."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.hold import Scope
from scimbridge.domain.ids import AccountId, AttemptId, new_id
from scimbridge.sdk.native import NativeState
from scimbridge.store.accounts import Account, account_by_id
from scimbridge.store.schema import attempts, cases, snapshots, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of a task, or of a look-up, under a lease.

    Attributes:
        task_id: ``None`` for a look-up.
        lease_until: When others may take over, unless it is renewed (the store's clock).
        confirmed_at: When the attempt passed the line after which its request may have left.
    """

    id: AttemptId
    account_id: AccountId
    task_id: str | None
    target: str
    worker: str
    started_at: datetime
    lease_until: datetime
    confirmed_at: datetime | None


_INSERT = insert(attempts)
_UPDATE = update(attempts).where(attempts.c.id == bindparam("key"))
_UPDATE_LIVE = _UPDATE.where(attempts.c.ended_at.is_(None))
_NOW = bindparam("now", type_=attempts.c.confirmed_at.type)
_SNAPSHOT_TAKEN_AT = (
    select(snapshots.c.taken_at)
    .where(
        snapshots.c.target == attempts.c.target,
        snapshots.c.native_id == attempts.c.lock_key,
        snapshots.c.released_at.is_(None),
        snapshots.c.taken_at > _NOW,
    )
    .scalar_subquery()
)
_CONFIRM = _UPDATE.values(confirmed_at=func.coalesce(_SNAPSHOT_TAKEN_AT, _NOW))
_ENDED_AT = select(attempts.c.ended_at).where(attempts.c.id == bindparam("key")).with_for_update()
_LIVE = (
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.target == bindparam("at"), attempts.c.ended_at.is_(None))
)


def begin(
    tx: Connection, account: Account, *, task_id: str | None, worker: str, now: datetime, lease_until: datetime
) -> Attempt | None:
    """Start an attempt; ``None`` if another one is live on the same native account, or has linked it just now."""
    attempt = Attempt(
        id=AttemptId(new_id(now)),
        account_id=account.id,
        task_id=task_id,
        target=account.target,
        worker=worker,
        started_at=now,
        lease_until=lease_until,
        confirmed_at=None,
    )
    try:
        with tx.begin_nested() as savepoint:
            tx.execute(_INSERT, asdict(attempt) | {"lock_key": account.lock_key})
            # Another attempt may have linked the account since it was read, and go on under the native account's
            # key. It moved there before our key was free, so that by now it is to be seen.
            if account_by_id(tx, account.id).lock_key != account.lock_key:
                savepoint.rollback()
                return None
    except IntegrityError:
        return None
    return attempt


def take_key(tx: Connection, attempt: Attempt, lock_key: str) -> bool:
    """Hold a native account instead of our own row, once it is known.

    False if another attempt holds it, or if this one has ended: it holds nothing any more.
    """
    try:
        with tx.begin_nested():
            return tx.execute(_UPDATE_LIVE, {"key": attempt.id, "lock_key": lock_key}).rowcount == 1
    except IntegrityError:
        return False


def is_live(tx: Connection, attempt_id: str) -> bool:
    """Whether an attempt has not ended; its row stays as it is until the transaction ends."""
    row = tx.execute(_ENDED_AT, {"key": attempt_id}).first()
    return row is not None and row[0] is None


def outdate_reads(tx: Connection, target: str, native_id: str) -> None:
    """Note that what live attempts have read of a native account may no longer be true."""
    tx.execute(
        update(attempts)
        .where(attempts.c.target == target, attempts.c.lock_key == native_id, attempts.c.ended_at.is_(None))
        .values(read_at=None)
    )


def has_outdated_read(tx: Connection, attempt_id: str) -> bool:
    """Whether the account may have changed under an attempt since it read."""
    query = select(attempts.c.id).where(
        attempts.c.id == attempt_id, attempts.c.state_read.is_not(None), attempts.c.read_at.is_(None)
    )
    return tx.execute(query).first() is not None


def end_lapsed(tx: Connection, attempt_id: str, now: datetime) -> bool:
    """End an attempt whose lease has run out; False if it has ended, or was renewed, meanwhile."""
    ended = tx.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.ended_at.is_(None), attempts.c.lease_until <= now)
        .values(ended_at=now, outcome="lapsed", reason="its worker stopped answering")
    )
    return ended.rowcount == 1


def live_count(tx: Connection, target: str) -> int:
    """Return how many attempts are live at a target, over all processes."""
    return int(tx.execute(_LIVE, {"at": target}).scalar_one())


def store_state(tx: Connection, attempt: Attempt, state: NativeState, now: datetime) -> None:
    """Keep what the first half of the attempt read, unless it has ended meanwhile: then somebody else reads anew."""
    tx.execute(_UPDATE_LIVE, {"key": attempt.id, "state_read": state.to_json(), "read_at": now})


def confirm(tx: Connection, attempt: Attempt, now: datetime) -> None:
    """Note that the attempt's request may leave from now on.

    What is undone is what was confirmed since the snapshot was taken: a clock that was set back makes nothing older.
    """
    tx.execute(_CONFIRM, {"key": attempt.id, "now": now})


def end(tx: Connection, attempt_id: str, *, outcome: str, reason: str, now: datetime) -> None:
    """End an attempt that is live in this transaction."""
    tx.execute(_UPDATE, {"key": attempt_id, "ended_at": now, "outcome": outcome, "reason": reason})


def renew(tx: Connection, attempt_ids: Collection[str], lease_until: datetime) -> set[str]:
    """Extend the leases of attempts that have not ended. Returns those that were extended."""
    if not attempt_ids:
        return set()
    renewed = tx.execute(
        update(attempts)
        .where(attempts.c.id.in_(attempt_ids), attempts.c.ended_at.is_(None))
        .values(lease_until=lease_until)
        .returning(attempts.c.id)
    )
    return set(renewed.scalars())


def lapsed(tx: Connection, now: datetime, limit: int) -> list[Attempt]:
    """Return live attempts whose lease has run out."""
    query = (
        select(attempts)
        .where(attempts.c.ended_at.is_(None), attempts.c.lease_until <= now)
        .order_by(attempts.c.lease_until)
        .limit(limit)
    )
    return [_attempt(row) for row in tx.execute(query).mappings()]


def live_past_the_line(tx: Connection) -> list[Attempt]:
    """Return live attempts whose request may already have left."""
    query = select(attempts).where(attempts.c.ended_at.is_(None), attempts.c.confirmed_at.is_not(None))
    return [_attempt(row) for row in tx.execute(query).mappings()]


def owner(tx: Connection, attempt: Attempt) -> Mapping[Scope, str] | None:
    """Return the source, identity and case that an attempt works for; ``None`` for a look-up."""
    query = (
        select(cases.c.source, tasks.c.identity_id, tasks.c.case_id)
        .join(cases, cases.c.id == tasks.c.case_id)
        .where(tasks.c.id == attempt.task_id)
    )
    row = tx.execute(query).first()
    return dict(zip((Scope.SOURCE, Scope.IDENTITY, Scope.CASE), row, strict=True)) if row is not None else None


def attempts_of(tx: Connection, task_ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    """Return all attempts at tasks, oldest first, in one statement; every task has a list."""
    found: dict[str, list[RowMapping]] = {task_id: [] for task_id in task_ids}
    query = select(attempts).where(attempts.c.task_id.in_(task_ids)).order_by(attempts.c.id)
    for row in tx.execute(query).mappings():
        found[row["task_id"]].append(row)
    return found


def _attempt(row: RowMapping) -> Attempt:
    return Attempt(
        id=AttemptId(row["id"]),
        account_id=AccountId(row["account_id"]),
        task_id=row["task_id"],
        target=row["target"],
        worker=row["worker"],
        started_at=row["started_at"],
        lease_until=row["lease_until"],
        confirmed_at=row["confirmed_at"],
    )
