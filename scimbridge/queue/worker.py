"""An RQ worker that lives in a thread."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import InvalidJobOperation
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

IDLE_SECONDS = 10
"""How long a thread waits for more before it ends; an idle target costs none."""

TTL_SECONDS = 300
"""How long Redis remembers a worker that sends nothing: longer than work on an account, which sends no heartbeat."""


class NoDeathPenalty(BaseDeathPenalty):
    """No time limit from outside: it could strike in mid-commit. Every remote call has a deadline of its own."""

    def setup_death_penalty(self) -> None:
        """Do nothing."""

    def cancel_death_penalty(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let everything through."""


class Message(Job):
    """An account's message. It can be tidied up even if Redis was emptied while the account was worked on."""

    def get_status(self, refresh: bool = True) -> JobStatus:
        """Return what Redis says, or what was known last: RQ would end the thread, with a page of traceback."""
        try:
            return super().get_status(refresh)
        except InvalidJobOperation:
            return super().get_status(refresh=False)


class ThreadWorker(SimpleWorker):
    """Serves one target's queue until it has been idle for a while. RQ's tools see it as any worker."""

    death_penalty_class = NoDeathPenalty
    log_result_lifespan = False

    def __init__(self, queue: str, connection: Redis) -> None:
        super().__init__(
            [queue],
            connection=connection,
            job_class=Message,
            serializer=JSONSerializer,
            worker_ttl=TTL_SECONDS,
            job_monitoring_interval=TTL_SECONDS - 60,
        )
        self.log_job_description = False
        self.is_busy = False
        self._job: Job | None = None

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that Redis is asked to wait for a message."""
        return IDLE_SECONDS

    @property
    def connection_timeout(self) -> int:
        """Seconds after which a silent Redis is given up; RQ would raise it to the worker's whole TTL."""
        return IDLE_SECONDS + 5

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job, and be seen to be busy meanwhile."""
        self.is_busy = True
        self._job = job
        try:
            super().execute_job(job, queue)
        finally:
            self.is_busy = False

    def beat(self) -> None:
        """Say that long work goes on, so that RQ's tools take neither it nor the worker for dead."""
        if self._job is not None:
            with suppress(RedisError):  # work needs no Redis
                self.maintain_heartbeats(self._job)

    def run(self) -> None:
        """Work until there has been nothing to do for a while, or ``stop`` was called."""
        self.work(max_idle_time=IDLE_SECONDS, logging_level="WARNING")

    def stop(self) -> None:
        """Take no further message."""
        self._stop_requested = True

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that the worker lives, and register again if Redis has been emptied."""
        if pipeline is None and self.birth_date is not None and not self._is_registered():
            # What is left of our entry was written since, and would be taken for another worker of this name.
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
        super().heartbeat(timeout, pipeline)

    def _is_registered(self) -> bool:
        # Not by the worker's own entry: other steps of RQ write parts of it again, and tools go by the list.
        return bool(self.connection.sismember(self.redis_workers_keys, self.key))

    def procline(self, message: str) -> None:
        """Leave the process title alone; it belongs to the process."""

    def _install_signal_handlers(self) -> None:
        """Signals belong to the main thread."""

    def subscribe(self) -> None:
        """Listen to no commands: one thread and connection less for each worker."""

    def unsubscribe(self) -> None:
        """There is nothing to end."""
