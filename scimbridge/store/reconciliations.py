"""Rows of reconciliation's runs. A run is written by whoever has its turn, and by nobody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.ids import new_id
from scimbridge.domain.reconciliation import Mismatch, Run, RunOutcome
from scimbridge.errors import NotFoundError
from scimbridge.store.schema import reconciliations as runs
from scimbridge.store.values import Row

_IS_OPEN = runs.c.ended_at.is_(None)


def ask(tx: Connection, target: str, *, by: str, unused_for: timedelta | None, now: datetime) -> tuple[Run, bool]:
    """Store that a target is to be reconciled. Returns the run, and whether it is new: a target has one at a time."""
    seconds = int(unused_for.total_seconds()) if unused_for is not None else None
    number = select(func.coalesce(func.max(runs.c.number), 0) + 1).where(runs.c.target == target).scalar_subquery()
    row = {"id": new_id(now), "target": target, "asked_at": now, "asked_by": by, "unused_for": seconds}
    try:
        with tx.begin_nested():
            tx.execute(insert(runs).values(**row, number=number))
    except IntegrityError:
        found = open_run(tx, target)
        # It may have ended in between; then there is room for another one.
        return (found, False) if found is not None else ask(tx, target, by=by, unused_for=unused_for, now=now)
    return run_by_id(tx, str(row["id"])), True


def run_by_id(tx: Connection, run_id: str) -> Run:
    """Return a run.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
    if row is None:
        raise NotFoundError("reconciliation", run_id)
    return _run(row)


def believe(tx: Connection, run_id: str) -> bool:
    """Note that what the target tells in a run is true. False if that was said before, or the run has ended."""
    doubting = update(runs).where(runs.c.id == run_id, runs.c.believed.is_(False), _IS_OPEN)
    return tx.execute(doubting.values(believed=True)).rowcount == 1


def is_believed(tx: Connection, run_id: str) -> bool:
    """Return whether somebody has said so of a run that is still there."""
    return tx.execute(select(runs.c.id).where(runs.c.id == run_id, runs.c.believed)).first() is not None


def open_run(tx: Connection, target: str) -> Run | None:
    """Return the run of a target that has not ended, if there is one."""
    row = tx.execute(select(runs).where(runs.c.target == target, _IS_OPEN)).mappings().first()
    return _run(row) if row is not None else None


def newest(tx: Connection, *, outcomes: Collection[RunOutcome] = tuple(RunOutcome)) -> Mapping[str, Run]:
    """Return the newest run of each target that ended in one of some ways."""
    own = runs.alias()
    last = (
        select(func.max(own.c.number))
        .where(own.c.outcome.in_(outcomes), own.c.target == runs.c.target)
        .scalar_subquery()
    )
    return {row["target"]: _run(row) for row in tx.execute(select(runs).where(runs.c.number == last)).mappings()}


def shown(tx: Connection) -> Mapping[str, Run]:
    """Return the run of each target whose findings stand: the newest complete one, or the newest if none is."""
    return {**newest(tx), **newest(tx, outcomes=[RunOutcome.COMPLETE])}


def kept(tx: Connection) -> frozenset[str]:
    """Return the ids of the runs that ended and are kept: those that are shown, and the newest ones."""
    return frozenset(run.id for runs_ in (shown(tx), newest(tx)) for run in runs_.values())


def open_runs(tx: Connection) -> Mapping[str, Run]:
    """Return the runs that have not ended, by target."""
    return {row["target"]: _run(row) for row in tx.execute(select(runs).where(_IS_OPEN)).mappings()}


def last_asked(tx: Connection) -> Mapping[str, datetime]:
    """Return when each target was last asked about, by whomever."""
    query = select(runs.c.target, func.max(runs.c.asked_at)).group_by(runs.c.target)
    return {row[0]: row[1] for row in tx.execute(query)}


def free(tx: Connection, now: datetime) -> Sequence[Run]:
    """Return the runs that nobody works on, or whose worker has not been heard of for too long."""
    query = select(runs).where(_IS_OPEN, _is_free(now)).order_by(runs.c.id)
    return [_run(row) for row in tx.execute(query).mappings()]


def begin(tx: Connection, run_id: str, turn: str, *, lease_until: datetime, now: datetime) -> bool:
    """Take a run up. False if somebody else has it, or it has ended."""
    begun = update(runs).where(runs.c.id == run_id, _IS_OPEN, _is_free(now))
    values = {"turn": turn, "tries": runs.c.tries + 1, "lease_until": lease_until, "started_at": now, "accounts": 0}
    return tx.execute(begun.values(values)).rowcount == 1


def go_on(tx: Connection, run: Run, *, accounts: int, lease_until: datetime) -> bool:
    """Note how far a run is, and that its worker lives. False if the run is somebody else's by now."""
    return _change(tx, run, {"accounts": accounts, "lease_until": lease_until})


def give_back(tx: Connection, run: Run) -> bool:
    """Leave a run to somebody else, who begins it anew; it does not count as a try."""
    return _change(tx, run, {"turn": None, "lease_until": None, "tries": run.tries - 1})


def end(
    tx: Connection,
    run: Run,
    outcome: RunOutcome,
    *,
    reason: str,
    counts: Mapping[Mismatch, int],
    now: datetime,
    signed_in_at: datetime | None = None,
) -> bool:
    """End a run. False if it is somebody else's by now."""
    values = {"outcome": outcome, "reason": reason, "counts": dict(counts), "ended_at": now, "lease_until": None}
    return _change(tx, run, {**values, "signed_in_at": signed_in_at})


def untaken(tx: Connection) -> Sequence[Run]:
    """Return the complete runs that stand, and that nothing was taken for a fact from."""
    open_ones = tx.execute(select(runs.c.id).where(runs.c.outcome == RunOutcome.COMPLETE, runs.c.taken_at.is_(None)))
    ids = set(open_ones.scalars())
    return [run for run in newest(tx, outcomes=[RunOutcome.COMPLETE]).values() if run.id in ids] if ids else []


def note_taken(tx: Connection, run_id: str, now: datetime) -> None:
    """Note that what a run has found was taken for facts."""
    tx.execute(update(runs).where(runs.c.id == run_id, runs.c.taken_at.is_(None)).values(taken_at=now))


def stands(tx: Connection, run: Run) -> bool:
    """Whether no later run of its target has been completed. What a run has found is forgotten after one."""
    found = newest(tx, outcomes=[RunOutcome.COMPLETE]).get(run.target)
    return found is not None and found.id == run.id


def forget(tx: Connection, run_id: str) -> None:
    """Delete a run that has ended."""
    tx.execute(delete(runs).where(runs.c.id == run_id, ~_IS_OPEN))


def ended_ids(tx: Connection, target: str) -> Sequence[str]:
    """Return the ids of the runs of a target that have ended."""
    return tx.execute(select(runs.c.id).where(runs.c.target == target, ~_IS_OPEN)).scalars().all()


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(runs.c.turn.is_(None), and_(runs.c.lease_until.is_not(None), runs.c.lease_until <= now))


def _change(tx: Connection, run: Run, values: Mapping[str, Any]) -> bool:
    own = update(runs).where(runs.c.id == run.id, runs.c.turn == run.turn, _IS_OPEN)
    return tx.execute(own.values(values)).rowcount == 1


def _run(row: Row) -> Run:
    return Run(
        id=row["id"],
        target=row["target"],
        asked_at=row["asked_at"],
        asked_by=row["asked_by"],
        unused_for=timedelta(seconds=row["unused_for"]) if row["unused_for"] is not None else None,
        is_believed=row["believed"],
        turn=row["turn"],
        tries=row["tries"],
        lease_until=row["lease_until"],
        started_at=row["started_at"],
        accounts=row["accounts"],
        ended_at=row["ended_at"],
        outcome=RunOutcome(row["outcome"]) if row["outcome"] is not None else None,
        reason=row["reason"],
        signed_in_at=row["signed_in_at"],
        counts={Mismatch(kind): count for kind, count in row["counts"].items()} if row["counts"] is not None else None,
    )
