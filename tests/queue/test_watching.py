"""What is seen of a real Redis, in whatever state it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker

from scimbridge.domain.wakeup import WakeUp
from scimbridge.queue import job
from scimbridge.queue.courier import Courier
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.queue.redis import connect
from scimbridge.queue.watching import Seen, SeenQueue, Watch
from scimbridge.queue.worker import ThreadWorker
from tests.queue.conftest import PATIENT

ADA, BEN = "019cadc6-9a80-7443-8569-000000000001", "019cadc6-9a80-7443-8569-000000000002"


@pytest.fixture
def watch(redis_server: EmbeddedRedis) -> Iterator[Watch]:
    watch = Watch(connect(redis_server.url, timeout=PATIENT))
    yield watch
    watch.close()


def look(watch: Watch, *targets: str) -> Seen:
    seen = watch.look(targets or ("crm",))
    assert seen is not None
    return seen


def queue_of(seen: Seen, name: str = "target:crm") -> SeenQueue:
    (found,) = (each for each in seen.queues if each.name == name)
    return found


def is_of_now(at: datetime | None) -> bool:
    return at is not None and abs(datetime.now(UTC) - at) < timedelta(seconds=PATIENT)


def test_queues_and_workers_are_seen_as_they_are(
    watch: Watch, courier: Courier, redis: Redis, redis_server: EmbeddedRedis
) -> None:
    assert look(watch) == Seen(queues=(queue_of(look(watch)),), workers=())
    courier.submit([WakeUp("crm", ADA), WakeUp("crm", BEN)])
    courier.close()

    waiting = queue_of(look(watch, "crm", "directory"))
    started, go_on = threading.Event(), threading.Event()

    def work(_account: str) -> None:
        started.set()
        go_on.wait(PATIENT)

    job.bind(work)
    worker = ThreadWorker("target:crm", connect(redis_server.url, timeout=PATIENT))
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert started.wait(PATIENT)
    working = look(watch)
    go_on.set()
    thread.join(PATIENT)
    worker.connection.close()

    assert (waiting.depth, waiting.started, waiting.target) == (2, 0, "crm")
    assert is_of_now(waiting.oldest_at)
    assert (queue_of(working).depth, queue_of(working).started) == (1, 1)
    (busy,) = working.workers
    assert (busy.state, busy.queues, busy.account_id, busy.is_gone) == ("busy", ("target:crm",), ADA, False)
    assert is_of_now(busy.born_at)
    assert is_of_now(busy.seen_at)
    assert (queue_of(look(watch)).depth, look(watch).workers) == (0, ())


def test_what_others_left_in_the_same_redis_is_told_apart(watch: Watch, redis: Redis) -> None:
    foreign: Any = Queue("mails", connection=redis)
    for _ in range(3):
        foreign.enqueue(os.getpid)
    killed: Any = SimpleWorker([foreign], connection=redis)
    killed.register_birth()
    forgotten: Any = SimpleWorker([foreign], connection=redis)
    forgotten.register_birth()
    redis.delete(forgotten.key)
    redis.lpush("rq:queue:target:crm", "no_job_at_all")
    # What has no business to be there: another type, and bytes that are no text.
    redis.set("rq:wip:mails", "a string")
    redis.sadd("rq:queues", b"rq:queue:\xff\xfe")

    seen = look(watch)

    mails = queue_of(seen, "mails")
    assert (mails.depth, mails.target, mails.started) == (3, None, 0)
    ours = queue_of(seen)
    assert (ours.depth, ours.oldest_at) == (1, None)
    assert [each.is_gone for each in seen.workers] == [False, True]
    assert seen.workers[0].account_id is None
    redis.delete("rq:workers", "rq:queues")
    redis.set("rq:workers", "a string")
    assert look(watch).workers == ()
    redis.flushall()
    assert queue_of(look(watch)).depth == 0


def test_while_redis_is_away_nothing_is_seen_and_nobody_waits(redis_server: EmbeddedRedis) -> None:
    watch = Watch(connect(redis_server.url, timeout=PATIENT))
    assert watch.look(["crm"]) is not None
    redis_server.stop()

    seen = watch.look(["crm"])
    watch.close()

    assert seen is None
    asked: list[object] = []
    watch._look = asked.append  # type: ignore[assignment,method-assign]
    assert (watch.look(["crm"]), asked) == (None, [])
    redis_server.restart()
    watch._broken_until = 0.0
    watch.look(["crm"])
    assert len(asked) == 1
