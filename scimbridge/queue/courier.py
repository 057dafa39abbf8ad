"""Telling workers about work. Never waits, never fails: what it cannot tell, the sweeper will."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer

from scimbridge import telemetry
from scimbridge.domain.wakeup import WakeUp
from scimbridge.queue import job
from scimbridge.queue.redis import reason_of

WAKE_CHANNEL = "scimbridge:wake"
"""Where a target's name is published after a message for it, so that idle crews need not poll."""

BREAK = 2.0
"""Seconds in which nothing is sent after Redis has failed."""

FAREWELL = 2.0
"""Seconds for what is left when a process ends; what has not been sent then, the sweeper finds."""

BATCH = 200

JOB_TIMEOUT = 600
"""Seconds. Not enforced; RQ clears the messages of killed workers away after this long."""

log = structlog.get_logger("scimbridge.courier")


class Courier:
    """Submits messages to the queues from a thread of its own.

    Args:
        redis: A client with short timeouts, for this courier alone.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._outbox: SimpleQueue[WakeUp | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()
        self._broken_until = 0.0

    def submit(self, wakeups: Sequence[WakeUp]) -> None:
        """Hand messages over. They are sent soon, or dropped while Redis does not answer."""
        if not wakeups:
            return
        self._ensure_thread()
        for wakeup in wakeups:
            self._outbox.put(wakeup)

    def queued(self, target: str) -> frozenset[str] | None:
        """Return the accounts and runs that a target's queue holds messages for; ``None`` if Redis does not answer."""
        try:
            ids: list[bytes] = self._redis.lrange(f"rq:queue:{job.queue_name(target)}", 0, -1)  # type: ignore[assignment]
        except RedisError:
            return None
        return frozenset(job.account_of(entry.decode()) for entry in ids)

    def close(self) -> None:
        """Send what is left, if Redis answers, and end the thread."""
        thread = self._thread
        if thread is not None:
            self._outbox.put(None)
            thread.join(FAREWELL)

    def _ensure_thread(self) -> None:
        # Made on first use, so that a process may fork after the courier was built.
        with self._turn:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._outbox.get()) is not None:
            batch, closing = self._drain(first)
            self._send(batch)
            if closing:
                return

    def _drain(self, first: WakeUp) -> tuple[list[WakeUp], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                following = self._outbox.get_nowait()
            except Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _send(self, batch: Iterable[WakeUp]) -> None:
        by_target: dict[str, list[WakeUp]] = defaultdict(list)
        for wakeup in dict.fromkeys(batch):
            by_target[wakeup.target].append(wakeup)
        count = sum(map(len, by_target.values()))
        if time.monotonic() < self._broken_until:
            telemetry.SUBMISSIONS.labels("dropped").inc(count)
            return
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for target, wakeups in by_target.items():
                    queue = Queue(job.queue_name(target), connection=self._redis, serializer=JSONSerializer)
                    queue.enqueue_many([_message(wakeup) for wakeup in wakeups], pipeline=pipeline)
                    pipeline.publish(WAKE_CHANNEL, target)
                pipeline.execute()
            telemetry.SUBMISSIONS.labels("accepted").inc(count)
        except RedisError as error:
            telemetry.SUBMISSIONS.labels("dropped").inc(count)
            self._broken_until = time.monotonic() + BREAK
            log.warning("redis does not answer", action="submit.failed", reason=reason_of(error))


def _message(wakeup: WakeUp) -> EnqueueData:
    """Return a message that leaves nothing behind: failures and history are in SQL, and duplicates are harmless."""
    return Queue.prepare_data(
        job.FUNCTIONS[wakeup.work],
        args=(wakeup.account_id,),
        timeout=JOB_TIMEOUT,
        result_ttl=0,
        failure_ttl=0,
        job_id=job.job_id(wakeup.account_id),
    )
