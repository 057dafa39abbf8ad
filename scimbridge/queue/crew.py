"""The crew of a worker process: threads that come when there is work, and go when there is none."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import BridgeError
from scimbridge.queue import job
from scimbridge.queue.courier import WAKE_CHANNEL
from scimbridge.queue.redis import PATIENT, reason_of
from scimbridge.queue.worker import ThreadWorker

LOOK_EVERY = 1.0
"""Seconds between two looks at the queues, for messages whose wake-up was lost."""

Runnable = Callable[[str, int], list[str]]
"""Returns accounts at a target with work, from SQL: what the crew goes by while Redis is away."""

log = structlog.get_logger("scimbridge.crew")


class Crew:
    """Keeps as many threads at work on each target as its queue and its concurrency ask for.

    A thread that dies is simply gone: the next look at the queue starts another one.
    While Redis does not answer, threads are started from SQL instead.

    Args:
        connect: Makes a Redis client with the given timeout in seconds.
        concurrency: How many accounts may be worked on at once, by target.
        work: Works on an account; False where its target has no room for another attempt.
        submit: Gives a message back.
        runnable: Finds work without Redis.
        reconcile: Works on a run over all accounts of a target, and calls what it is given after each page.
    """

    def __init__(
        self,
        connect: Callable[[float], Redis],
        concurrency: Mapping[str, int],
        work: Callable[[str], bool],
        submit: Callable[[Sequence[WakeUp]], None],
        runnable: Runnable,
        reconcile: Callable[[str, Callable[[int], None]], None] = lambda _run_id, _beat: None,
    ) -> None:
        self._connect = connect
        self._redis = connect(PATIENT)
        self._concurrency = concurrency
        self._work = work
        self._submit = submit
        self._runnable = runnable
        self._reconcile = reconcile
        self._turn = threading.Lock()
        self._serving: Counter[str] = Counter()
        self._direct: Counter[str] = Counter()
        self._reconciling: Counter[str] = Counter()
        self._workers: dict[str, set[ThreadWorker]] = defaultdict(set)
        self._full_until: dict[str, float] = {}
        self._own = threading.local()
        self._stopping = threading.Event()

    def work(self, account_id: str) -> None:
        """Work on an account that a message named.

        Where its target has no room, other processes fill it: the message goes back, and
        this thread takes no further one, so that the queue is left to them.
        """
        if self._work(account_id):
            return
        worker: ThreadWorker = self._own.worker
        with self._turn:
            self._full_until[self._own.target] = time.monotonic() + LOOK_EVERY
        worker.stop()
        self._submit([WakeUp(self._own.target, account_id)])

    def reconcile(self, run_id: str) -> None:
        """Work on a run that a message named. Its thread is one more than the others: leavers need those."""
        worker: ThreadWorker = self._own.worker
        with self._turn:
            self._reconciling[self._own.target] += 1
        try:
            self._reconcile(run_id, lambda _accounts: worker.beat())
        finally:
            with self._turn:
                self._reconciling[self._own.target] -= 1

    def run(self) -> None:
        """Keep the crew until ``stop`` is called."""
        pubsub = None
        is_away = False
        while not self._stopping.is_set():
            try:
                pubsub = pubsub or self._subscribe()
                self._serve_queues()
                pubsub.get_message(ignore_subscribe_messages=True, timeout=LOOK_EVERY)
                is_away = False
            except (RedisError, OSError) as error:
                if not is_away:
                    log.warning("redis does not answer; working from the database", reason=reason_of(error))
                pubsub, is_away = None, True
                self._serve_from_store()
                self._stopping.wait(LOOK_EVERY)

    def stop(self, patience: float) -> bool:
        """Take no new work. Returns whether everything under way has ended within ``patience`` seconds."""
        self._stopping.set()
        with self._turn:
            for worker in chain.from_iterable(self._workers.values()):
                worker.stop()
        until = time.monotonic() + patience
        while self._is_busy() and time.monotonic() < until:
            time.sleep(0.05)
        return not self._is_busy()

    def _is_busy(self) -> bool:
        with self._turn:
            workers = chain.from_iterable(self._workers.values())
            return self._direct.total() > 0 or any(worker.is_busy for worker in workers)

    def _subscribe(self) -> Any:
        pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]
        pubsub.subscribe(WAKE_CHANNEL)
        return pubsub

    def _serve_queues(self) -> None:
        names = list(self._concurrency)
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.llen(f"rq:queue:{job.queue_name(name)}")
            lengths = pipeline.execute()
        for name, length in zip(names, lengths, strict=True):
            for _ in range(self._missing(name, length)):
                self._start(self._serve_queue, self._serving, name)

    def _missing(self, name: str, length: int) -> int:
        """Return how many more threads a queue of this length asks for."""
        with self._turn:
            if time.monotonic() < self._full_until.get(name, 0.0):
                return 0
            busy = sum(worker.is_busy for worker in self._workers[name])
            idle = self._serving[name] - busy
            most = self._concurrency[name] + self._reconciling[name]
            return max(0, min(length - idle, most - self._serving[name]))

    def _serve_from_store(self) -> None:
        for name, limit in self._concurrency.items():
            try:
                waiting = self._runnable(name, limit - self._direct[name])
            except BridgeError as error:
                log.warning("cannot look for work", action="crew.look", target=name, reason=str(error))
                return
            for account_id in waiting:
                self._start(self._serve_account, self._direct, name, account_id)

    def _start(self, function: Callable[..., None], count: Counter[str], name: str, *arguments: str) -> None:
        with self._turn:
            count[name] += 1
        thread = threading.Thread(
            target=self._counted, args=(function, count, name, *arguments), name=f"worker {name}", daemon=True
        )
        thread.start()

    def _counted(self, function: Callable[..., None], count: Counter[str], name: str, *arguments: str) -> None:
        try:
            function(name, *arguments)
        except Exception as error:  # noqa: BLE001  # whatever RQ or Redis does, the next look starts another thread
            log.warning("worker thread ended", action="crew.thread", target=name, reason=type(error).__name__)
        finally:
            with self._turn:
                count[name] -= 1

    def _serve_account(self, _name: str, account_id: str) -> None:
        self._work(account_id)

    def _serve_queue(self, name: str) -> None:
        connection = self._connect(PATIENT)
        worker = ThreadWorker(job.queue_name(name), connection)
        self._own.worker, self._own.target = worker, name
        with self._turn:
            self._workers[name].add(worker)
        try:
            worker.run()
        finally:
            with self._turn:
                self._workers[name].discard(worker)
            connection.close()
