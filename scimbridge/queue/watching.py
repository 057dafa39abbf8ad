"""Watching the queues: what any RQ tool shows, in a few round trips, in whatever state Redis is.

Nothing here trusts what it reads. Other programs share a Redis, workers are killed in the middle of a job, and
somebody may flush it while we look: what makes no sense is left out, and a key of another type counts as empty.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from scimbridge.queue import job

MOST_WORKERS = 500
MOST_FOREIGN = 50
"""Queues of others that are looked at; there may be any number."""

BREAK = 2.0
"""Seconds in which Redis is not asked again after it has failed: a page has better things to do than to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenQueue:
    """One queue of RQ.

    Attributes:
        name: As RQ knows it, ``target:crm``.
        target: Whose it is; ``None`` where it is none of ours.
        depth: Messages that nobody has taken.
        oldest_at: When the next message was put there; ``None`` where there is none, or it does not say.
        started: Messages that a worker took and has not finished; those of a killed worker among them, until RQ
            clears them away.
    """

    name: str
    target: str | None
    depth: int
    oldest_at: datetime | None
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """One worker that is registered with RQ.

    Attributes:
        queues: The names of the queues that it serves.
        state: What it said last: ``busy``, ``idle``, ``suspended``…; empty where it says nothing any more.
        account_id: What it works on, where that is one of our accounts.
        born_at: When it registered.
        seen_at: When it last said that it lives.
        is_gone: It is still registered, and nothing else is left of it: it was killed, or Redis has forgotten it.
    """

    name: str
    host: str
    queues: tuple[str, ...]
    state: str
    account_id: str | None
    born_at: datetime | None
    seen_at: datetime | None
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is in Redis.

    Attributes:
        queues: Ours, whether or not anything was ever put there, and then those of others.
        workers: Those that are busy first.
        more_workers: How many more are registered than are shown.
    """

    queues: tuple[SeenQueue, ...]
    workers: tuple[SeenWorker, ...]
    more_workers: int = 0


class Watch:
    """Looks at the queues of targets.

    Args:
        redis: A client with short timeouts, for this watch alone.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._turn = threading.Lock()
        self._broken_until = 0.0

    def look(self, targets: Sequence[str]) -> Seen | None:
        """Return what there is, or ``None`` while Redis does not answer.

        It takes three round trips, whatever there is.

        Args:
            targets: The targets whose queues are ours.
        """
        with self._turn:
            if time.monotonic() < self._broken_until:
                return None
        try:
            return self._look(targets)
        except (RedisError, OSError):
            with self._turn:
                self._broken_until = time.monotonic() + BREAK
            return None

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def _look(self, targets: Sequence[str]) -> Seen:
        known, registered, count = self._ask(
            ("SMEMBERS", "rq:queues"), ("SRANDMEMBER", "rq:workers", MOST_WORKERS), ("SCARD", "rq:workers")
        )
        ours = {job.queue_name(target): target for target in targets}
        others = sorted({_text(key).removeprefix(_QUEUE) for key in _each(known)} - ours.keys())[:MOST_FOREIGN]
        names = [*ours, *others]
        workers = [_text(key).removeprefix(_WORKER) for key in _each(registered)]
        answers = self._ask(
            *(("LLEN", f"{_QUEUE}{name}") for name in names),
            *(("ZCARD", f"rq:wip:{name}") for name in names),
            *(("LINDEX", f"{_QUEUE}{name}", 0) for name in names),
            *(("HMGET", f"{_WORKER}{name}", *_FIELDS) for name in workers),
        )
        depths, started, next_ones = (answers[at * len(names) : (at + 1) * len(names)] for at in range(3))
        oldest = self._ask(*(("HGET", f"rq:job:{_text(each)}", "enqueued_at") for each in next_ones))
        queues = tuple(
            SeenQueue(
                name=name,
                target=ours.get(name),
                depth=_number(depth),
                oldest_at=_moment(at),
                started=_number(running),
            )
            for name, depth, running, at in zip(names, depths, started, oldest, strict=True)
        )
        found = [_worker(*each) for each in zip(workers, answers[3 * len(names) :], strict=True)]
        found.sort(key=lambda each: (each.is_gone, each.state != "busy", each.queues, each.name))
        return Seen(queues=queues, workers=tuple(found), more_workers=max(0, _number(count) - len(found)))

    def _ask(self, *commands: Sequence[Any]) -> list[Any]:
        """Return the answers to some commands; an error is an answer, too.

        Raises:
            RedisError: Redis does not answer.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return list(pipeline.execute(raise_on_error=False))


_QUEUE, _WORKER = "rq:queue:", "rq:worker:"
_FIELDS = ("queues", "state", "current_job", "birth", "last_heartbeat", "hostname")


def _worker(name: str, answer: Any) -> SeenWorker:
    told: Mapping[str, str] = {
        field: _text(value) for field, value in zip(_FIELDS, _each(answer), strict=False) if value is not None
    }
    current = told.get("current_job")
    return SeenWorker(
        name=name,
        host=told.get("hostname", ""),
        queues=tuple(each for each in told.get("queues", "").split(",") if each),
        state=told.get("state", ""),
        account_id=job.account_of(current) if current else None,
        born_at=_moment(told.get("birth")),
        seen_at=_moment(told.get("last_heartbeat")),
        is_gone="birth" not in told,
    )


def _each(answer: Any) -> Iterable[Any]:
    """Return the members of an answer; none where it is an error, because the key is something else."""
    return answer if isinstance(answer, list | tuple | set) else ()


def _number(answer: Any) -> int:
    return answer if isinstance(answer, int) else 0


def _text(answer: Any) -> str:
    if isinstance(answer, bytes):
        return answer.decode("utf-8", "replace")
    return answer if isinstance(answer, str) else ""


def _moment(answer: Any) -> datetime | None:
    """Return a time as RQ writes it; ``None`` where that is none."""
    try:
        at = datetime.fromisoformat(_text(answer))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
