"""Questions about the work at targets: for all of them at once, in one statement each, however many there are.

None costs by what there is in the store: what is counted has an index of its own, or is counted no further than
somebody would read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Select, func, literal, select, text, union_all

from scimbridge.domain.action import Action
from scimbridge.domain.task import TaskState
from scimbridge.store.agenda import oldest_of, runnable_of
from scimbridge.store.schema import DONE, accounts, attempts, cases, history, identities, tasks
from scimbridge.store.values import Row

# As the partial indexes have it, for statements that name several tables.
ASKING = text("(tasks.state = 'failed' OR (tasks.state = 'waiting' AND tasks.not_before IS NULL))")
RETRYING = text("tasks.state = 'waiting' AND tasks.not_before IS NOT NULL")
_IS_DESTROYED = text("tasks.irreversible AND tasks.state = 'done'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A task that is tried again later, or that asks for a person.

    Attributes:
        user_name: Whose it is.
        attempts: How often it was tried in this series.
        at: When it is tried again (UTC); ``None`` where a person decides.
        first_tried_at: When the series began.
        reason: What was in the way last.
        has_failed: The target has refused it for good, or retrying lasted too long.
    """

    task_id: str
    case_id: str
    user_name: str
    source: str
    target: str
    action: Action
    attempts: int
    at: datetime | None
    first_tried_at: datetime | None
    due_at: datetime
    deadline_at: datetime | None
    reason: str
    has_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAttempt:
    """An attempt that is under way.

    Attributes:
        action: What it does; ``None`` where it looks an account up.
        past_the_line: Its request may have left.
    """

    attempt_id: str
    case_id: str | None
    user_name: str
    target: str
    action: Action | None
    worker: str
    started_at: datetime
    lease_until: datetime
    past_the_line: bool


def runnable(tx: Connection, names: Sequence[str], now: datetime, most: int) -> Mapping[str, int]:
    """Return how many accounts at each target have work that may start now, each up to a number."""
    arms = [_counted(name, runnable_of(literal(name)).limit(most)) for name in names]
    return _numbers(tx, union_all(*arms), {"now": now}) if arms else {}


def oldest(tx: Connection, names: Sequence[str], now: datetime) -> Mapping[str, datetime]:
    """Return when the work at each target was due that has been waiting for the longest; held work counts, too."""
    arms = [
        select(literal(name).label("target"), oldest_of(literal(name)).scalar_subquery().label("at")) for name in names
    ]
    if not arms:
        return {}
    rows = tx.execute(union_all(*arms), {"now": now})
    return {target: at for target, at in rows if at is not None}


def live(tx: Connection) -> Mapping[str, int]:
    """Return how many attempts are under way at each target."""
    query = select(attempts.c.target, func.count()).where(attempts.c.ended_at.is_(None)).group_by(attempts.c.target)
    return _numbers(tx, query)


def asking(tx: Connection) -> Mapping[str, int]:
    """Return how many tasks at each target wait for somebody to decide."""
    return _numbers(tx, _per_target(ASKING))


def failed(tx: Connection) -> Mapping[str, int]:
    """Return how many of them have failed."""
    return _numbers(tx, _per_target(ASKING, tasks.c.state == TaskState.FAILED))


def retrying(tx: Connection) -> Mapping[str, tuple[int, datetime]]:
    """Return how many tasks at each target are tried again later, and when the first of them is."""
    query = select(tasks.c.target, func.count(), func.min(tasks.c.not_before)).where(RETRYING).group_by(tasks.c.target)
    return {target: (count, first) for target, count, first in tx.execute(query)}


def done_since(tx: Connection, names: Collection[str], since: datetime) -> Mapping[str, int]:
    """Return how many tasks were done at each target since a time; it reads as many entries."""
    query = (
        select(history.c.target, func.count())
        .where(DONE, history.c.target.in_(names), history.c.at >= since)
        .group_by(history.c.target)
    )
    return _numbers(tx, query)


def destroyed(tx: Connection) -> Mapping[str, datetime]:
    """Return when something was last done at each target that cannot be undone."""
    query = select(tasks.c.target, func.max(tasks.c.finished_at)).where(_IS_DESTROYED).group_by(tasks.c.target)
    return {target: at for target, at in tx.execute(query) if at is not None}


def next_retries(tx: Connection, names: Iterable[str], limit: int) -> list[Retry]:
    """Return the tasks that are tried again next at some targets, the first one first."""
    arms = [
        select(
            select(tasks).where(RETRYING, tasks.c.target == name).order_by(tasks.c.not_before).limit(limit).subquery()
        )
        for name in names
    ]
    if not arms:
        return []
    found = union_all(*arms).subquery()
    return [_retry(row) for row in tx.execute(_told(found).order_by(found.c.not_before).limit(limit)).mappings()]


def asking_at(tx: Connection, names: Iterable[str], limit: int, *, after: str | None = None) -> list[Retry]:
    """Return the tasks at some targets that wait for a person, those that were planned last first.

    Args:
        tx: Any transaction.
        names: The targets.
        limit: At most so many.
        after: The task that ended the page before.
    """
    beyond = [tasks.c.id < after] if after else []
    arms = [
        select(
            select(tasks)
            .where(ASKING, tasks.c.target == name, *beyond)
            .order_by(tasks.c.id.desc())
            .limit(limit)
            .subquery()
        )
        for name in names
    ]
    if not arms:
        return []
    found = union_all(*arms).subquery()
    return [_retry(row) for row in tx.execute(_told(found).order_by(found.c.id.desc()).limit(limit)).mappings()]


def live_attempts(tx: Connection, limit: int) -> list[LiveAttempt]:
    """Return the attempts that are under way, the oldest first."""
    query = (
        select(attempts, tasks.c.case_id, tasks.c.action, identities.c.user_name)
        .join(accounts, accounts.c.id == attempts.c.account_id)
        .join(identities, identities.c.id == accounts.c.identity_id)
        .outerjoin(tasks, tasks.c.id == attempts.c.task_id)
        .where(attempts.c.ended_at.is_(None))
        .order_by(attempts.c.id)
        .limit(limit)
    )
    return [
        LiveAttempt(
            attempt_id=row["id"],
            case_id=row["case_id"],
            user_name=row["user_name"],
            target=row["target"],
            action=Action(row["action"]) if row["action"] is not None else None,
            worker=row["worker"],
            started_at=row["started_at"],
            lease_until=row["lease_until"],
            past_the_line=row["confirmed_at"] is not None,
        )
        for row in tx.execute(query).mappings()
    ]


def _per_target(*conditions: Any) -> Select[Any]:
    return select(tasks.c.target, func.count()).where(*conditions).group_by(tasks.c.target)


def _counted(name: str, some: Select[Any]) -> Select[Any, Any]:
    own = some.subquery()
    count: ColumnElement[Any] = func.count(own.c.account_id.distinct())
    return select(literal(name).label("target"), count)


def _numbers(tx: Connection, query: Executable, values: Mapping[str, Any] | None = None) -> Mapping[str, int]:
    return {row[0]: row[1] for row in tx.execute(query, values)}


def _told(found: Any) -> Select[Any]:
    own: list[ColumnElement[Any]] = [found.c[column.name] for column in tasks.c]
    return (
        select(*own, identities.c.user_name, cases.c.source)
        .join(cases, cases.c.id == found.c.case_id)
        .join(identities, identities.c.id == found.c.identity_id)
    )


def _retry(row: Row) -> Retry:
    return Retry(
        task_id=row["id"],
        case_id=row["case_id"],
        user_name=row["user_name"],
        source=row["source"],
        target=row["target"],
        action=Action(row["action"]),
        attempts=row["attempts"],
        at=row["not_before"],
        first_tried_at=row["first_tried_at"],
        due_at=row["due_at"],
        deadline_at=row["deadline_at"],
        reason=row["reason"],
        has_failed=row["state"] == TaskState.FAILED,
    )
