"""What goes on at the targets' queues: what SQL knows, and what Redis shows beside it.

SQL is the truth: depth, retries and failures come from there. Redis says which messages are on their way and which
workers there are; while it does not answer, that is missing, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.queue.watching import Seen, SeenQueue, SeenWorker
from scimbridge.services.fleet import Fleet, Target
from scimbridge.services.overview import TargetStatus, target_statuses
from scimbridge.store import target_work
from scimbridge.store.database import Database
from scimbridge.store.target_work import LiveAttempt, Retry

RECENT = timedelta(minutes=15)
"""What a target has done in this time is how fast it is."""

SHOWN = 50
"""Retries, failures and attempts on one page; each target's own page has more."""

Look = Callable[[Sequence[str]], Seen | None]
"""Returns what Redis shows of the queues of some targets; ``None`` while it does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """The queue of one target.

    Attributes:
        status: What goes on at the target.
        waited: How long the work has been waiting that was due first; none where nothing waits.
        done_lately: Tasks that were done in the last ``RECENT``.
        retrying: Tasks that are tried again later.
        next_retry_at: When the first of them is.
        failed: Tasks that the target refused for good, or that took too long.
        seen: What Redis shows; ``None`` while it does not answer.
    """

    status: TargetStatus
    waited: timedelta | None
    done_lately: int
    retrying: int
    next_retry_at: datetime | None
    failed: int
    seen: SeenQueue | None

    @property
    def done_per_minute(self) -> float:
        """How many tasks were done each minute, lately."""
        return self.done_lately / (RECENT / timedelta(minutes=1))

    @property
    def empty_in(self) -> timedelta | None:
        """How long what waits takes at this pace; ``None`` where nothing waits, or nothing is done."""
        if not self.status.runnable or not self.done_lately:
            return None
        return RECENT * self.status.runnable / self.done_lately


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBoard:
    """All queues, and who works on them.

    Attributes:
        redis_answers: Whether Redis does; if not, workers and messages are not known.
        foreign: Queues of others in the same Redis.
        workers: Those that are registered with RQ.
        more_workers: How many more there are.
        attempts: What is under way, the oldest first, by SQL; at most ``SHOWN``.
        retries: What is tried again next; at most ``SHOWN``.
        failures: What waits for a person, the newest first; at most ``SHOWN``.
    """

    redis_answers: bool
    queues: Sequence[QueueStatus]
    foreign: Sequence[SeenQueue]
    workers: Sequence[SeenWorker]
    more_workers: int
    attempts: Sequence[LiveAttempt]
    retries: Sequence[Retry]
    failures: Sequence[Retry]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetQueue:
    """One target, and its queue.

    Attributes:
        target: What the configuration says.
        destroyed_at: When something was last done there that cannot be undone.
        retries: What is tried again next; at most ``SHOWN``.
        failures: What waits for a person, the newest first; at most ``SHOWN``.
        has_more: Whether more of them follow.
    """

    target: Target
    queue: QueueStatus
    redis_answers: bool
    destroyed_at: datetime | None
    retries: Sequence[Retry]
    failures: Sequence[Retry]
    has_more: bool


class Queues:
    """Reads; changes nothing.

    Args:
        database: The truth.
        fleet: The targets.
        look: Asks Redis.
    """

    def __init__(self, database: Database, fleet: Fleet, look: Look) -> None:
        self._database = database
        self._fleet = fleet
        self._look = look

    def board(self, now: datetime) -> QueueBoard:
        """Return all queues and who works on them; in as many statements as for one target."""
        names = [target.name for target in self._fleet]
        seen = self._look(names)
        with self._database.read() as tx:
            return QueueBoard(
                redis_answers=seen is not None,
                queues=_queues(tx, list(self._fleet), seen, now),
                foreign=[each for each in seen.queues if each.target is None] if seen is not None else (),
                workers=seen.workers if seen is not None else (),
                more_workers=seen.more_workers if seen is not None else 0,
                attempts=target_work.live_attempts(tx, SHOWN),
                retries=target_work.next_retries(tx, names, SHOWN),
                failures=target_work.asking_at(tx, names, SHOWN),
            )

    def of_target(self, name: str, now: datetime, *, after: str | None = None) -> TargetQueue:
        """Return the queue of one target.

        Args:
            name: Which one.
            now: When (UTC).
            after: The last failure of the page before.

        Raises:
            NotFoundError: There is no such target.
        """
        target = self._fleet[name]
        seen = self._look([name])
        with self._database.read() as tx:
            (queue,) = _queues(tx, [target], seen, now)
            failures = target_work.asking_at(tx, [name], SHOWN + 1, after=after)
            return TargetQueue(
                target=target,
                queue=queue,
                redis_answers=seen is not None,
                destroyed_at=target_work.destroyed(tx).get(name),
                retries=target_work.next_retries(tx, [name], SHOWN),
                failures=failures[:SHOWN],
                has_more=len(failures) > SHOWN,
            )

    def failures(self, names: Sequence[str], limit: int, *, after: str | None = None) -> list[Retry]:
        """Return what waits for a person at some targets, the newest first; ``after`` ended the page before."""
        with self._database.read() as tx:
            return target_work.asking_at(tx, names, limit, after=after)

    def retries(self, names: Sequence[str], limit: int) -> list[Retry]:
        """Return what is tried again later at some targets, the next one first."""
        with self._database.read() as tx:
            return target_work.next_retries(tx, names, limit)

    def last_destroyed(self) -> Mapping[str, datetime]:
        """Return when something was last done at each target that cannot be undone."""
        with self._database.read() as tx:
            return target_work.destroyed(tx)


def _queues(tx: Connection, asked: Sequence[Target], seen: Seen | None, now: datetime) -> list[QueueStatus]:
    names = [target.name for target in asked]
    done, failed = target_work.done_since(tx, names, now - RECENT), target_work.failed(tx)
    retrying = target_work.retrying(tx)
    by_target = {each.target: each for each in seen.queues if each.target} if seen is not None else {}
    return [
        QueueStatus(
            status=status,
            waited=max(now - status.oldest_due_at, timedelta()) if status.oldest_due_at else None,
            done_lately=done.get(name, 0),
            retrying=retrying[name][0] if name in retrying else 0,
            next_retry_at=retrying[name][1] if name in retrying else None,
            failed=failed.get(name, 0),
            seen=by_target.get(name),
        )
        for name, status in target_statuses(tx, asked, now).items()
    ]
