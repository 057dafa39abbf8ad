"""What the store says at the end: cases, tasks and attempts, by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, func, select

from scimbridge.domain.case import CaseState
from scimbridge.domain.task import TaskState
from scimbridge.store.database import Database
from scimbridge.store.schema import attempts, cases, identities, snapshots, tasks


def live_attempts(database: Database, target: str | None = None) -> int:
    """Return how many attempts have not ended, everywhere or at one target."""
    query = select(func.count()).select_from(attempts).where(attempts.c.ended_at.is_(None))
    with database.read() as tx:
        return int(tx.execute(query if target is None else query.where(attempts.c.target == target)).scalar_one())


_ENDED = [state.value for state in (TaskState.DONE, TaskState.SKIPPED, TaskState.CANCELED)]


def unfinished_tasks(database: Database) -> Counter[str]:
    """Return how many tasks there are in each state from which something may still follow."""
    query = (
        select(tasks.c.state, func.count().label("count")).where(tasks.c.state.not_in(_ENDED)).group_by(tasks.c.state)
    )
    with database.read() as tx:
        return Counter({row.state: row.count for row in tx.execute(query)})


def left(database: Database) -> list[tuple[Any, ...]]:
    """Return what is still to be done and why it waits: target, action, state, attempts, not before, due, reason."""
    columns = (tasks.c.target, tasks.c.action, tasks.c.state, tasks.c.attempts, tasks.c.not_before, tasks.c.due_at)
    query = select(*columns, tasks.c.reason).where(tasks.c.state.not_in(_ENDED)).order_by(tasks.c.due_at)
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(query)]


def cases_by_person(database: Database) -> dict[str, list[tuple[str, str]]]:
    """Return kind and state of everybody's cases, oldest first."""
    query = select(identities.c.user_name, cases.c.kind, cases.c.state).join(
        cases, cases.c.identity_id == identities.c.id
    )
    found: dict[str, list[tuple[str, str]]] = {}
    with database.read() as tx:
        for user_name, kind, state in tx.execute(query.order_by(cases.c.opened_at, cases.c.id)):
            found.setdefault(user_name, []).append((kind, state))
    return found


def tasks_of(database: Database, user_name: str) -> Counter[tuple[str, str]]:
    """Return how many of somebody's tasks there are by action and state."""
    query = (
        select(tasks.c.action, tasks.c.state)
        .join(identities, identities.c.id == tasks.c.identity_id)
        .where(identities.c.user_name == user_name)
    )
    with database.read() as tx:
        return Counter((action, state) for action, state in tx.execute(query))


def open_cases(database: Database) -> int:
    """Return how many cases are open."""
    query = select(func.count()).select_from(cases).where(cases.c.state == CaseState.OPEN)
    with database.read() as tx:
        return int(tx.execute(query).scalar_one())


def overlaps(database: Database) -> list[tuple[str, str]]:
    """Return pairs of attempts at the same native account of which one read it before the other had ended.

    Times are taken before a transaction waits for its turn: an end is stored a little
    early, and so is a start, but a read comes after the claim in any case.
    """
    columns = (attempts.c.id, attempts.c.target, attempts.c.lock_key, attempts.c.read_at, attempts.c.ended_at)
    query = select(*columns).where(attempts.c.read_at.is_not(None))
    with database.read() as tx:
        rows = tx.execute(query.order_by(attempts.c.target, attempts.c.lock_key, attempts.c.read_at)).all()
    return [
        (first.id, second.id)
        for first, second in pairwise(rows)
        if (first.target, first.lock_key) == (second.target, second.lock_key)
        and (first.ended_at is None or second.read_at < first.ended_at)
    ]


def standing_snapshots(database: Database) -> int:
    """Return for how many accounts there is something to give back."""
    query = select(func.count()).select_from(snapshots).where(snapshots.c.released_at.is_(None))
    with database.read() as tx:
        return int(tx.execute(query).scalar_one())


def reads_committed(database: Database, target: str) -> int:
    """Return how many live attempts at a target have read the account, and so are about to change it."""
    query = (
        select(func.count())
        .select_from(attempts)
        .where(attempts.c.target == target, attempts.c.ended_at.is_(None), attempts.c.read_at.is_not(None))
    )
    with database.read() as tx:
        return int(tx.execute(query).scalar_one())


def attempts_at(database: Database, target: str) -> Sequence[Row[Any]]:
    """Return the attempts at tasks of a target, oldest first."""
    query = select(attempts).where(attempts.c.target == target, attempts.c.task_id.is_not(None))
    with database.read() as tx:
        return tx.execute(query.order_by(attempts.c.started_at)).all()


def reasons(database: Database, target: str, state: TaskState) -> list[str]:
    """Return why the tasks at a target are in a state."""
    query = select(tasks.c.reason).where(tasks.c.target == target, tasks.c.state == state)
    with database.read() as tx:
        return list(tx.execute(query).scalars())


def lease_has_run_out(database: Database, now: datetime) -> bool:
    """Whether an attempt is live whose lease has run out, as nobody could write its end."""
    query = select(func.count()).select_from(attempts)
    with database.read() as tx:
        lapsed = query.where(attempts.c.ended_at.is_(None), attempts.c.lease_until <= now)
        return bool(tx.execute(lapsed).scalar_one())
