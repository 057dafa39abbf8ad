"""The courier against a real Redis: what it says, and what it does when nobody listens."""

from __future__ import annotations

import json
import os
import re
import signal
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import QueueError
from scimbridge.queue import job
from scimbridge.queue.courier import BATCH, WAKE_CHANNEL, Courier
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.queue.redis import connect
from tests.queue.conftest import PATIENT

ADA, BOB = "019cadc6-9a80-7443-8569-000000000001", "019cadc6-9a80-7443-8569-000000000002"


def messages(redis: Any, target: str = "crm") -> list[str]:
    return [entry.decode() for entry in redis.lrange(f"rq:queue:target:{target}", 0, -1)]


def test_a_message_carries_an_account_id_and_nothing_else(courier: Courier, redis: Any) -> None:
    courier.submit([WakeUp("crm", ADA)])
    courier.close()

    (message,) = messages(redis)
    stored = redis.hgetall(f"rq:job:{message}")
    assert json.loads(zlib.decompress(stored[b"data"])) == ["scimbridge.queue.job.work", None, [ADA], {}]
    assert job.account_of(message) == ADA


def test_nothing_in_redis_is_a_pickle(courier: Courier, redis: Any) -> None:
    courier.submit([WakeUp("crm", ADA), WakeUp("dir", BOB)])
    courier.close()

    for message in (*messages(redis), *messages(redis, "dir")):
        for value in redis.hgetall(f"rq:job:{message}").values():
            plain = zlib.decompress(value) if value.startswith(b"x\x9c") else value
            assert not plain.startswith(b"\x80")
            plain.decode()


def test_each_target_has_a_queue_of_its_own(courier: Courier, redis: Any) -> None:
    courier.submit([WakeUp("crm", ADA), WakeUp("dir", ADA), WakeUp("crm", BOB)])
    courier.close()

    assert [job.account_of(message) for message in messages(redis)] == [ADA, BOB]
    assert [job.account_of(message) for message in messages(redis, "dir")] == [ADA]
    assert redis.smembers("rq:queues") == {b"rq:queue:target:crm", b"rq:queue:target:dir"}


def test_more_than_one_batch_is_sent_whole_and_in_order(courier: Courier, redis: Any) -> None:
    accounts = [f"account-{number}" for number in range(2 * BATCH + 10)]
    courier.submit([WakeUp("crm", account) for account in accounts])
    courier.close()

    assert [job.account_of(message) for message in messages(redis)] == accounts


def test_what_is_queued_is_known_by_account(courier: Courier) -> None:
    assert courier.queued("crm") == frozenset()

    courier.submit([WakeUp("crm", ADA), WakeUp("crm", BOB), WakeUp("dir", ADA)])
    courier.close()

    assert courier.queued("crm") == frozenset({ADA, BOB})
    assert courier.queued("dir") == frozenset({ADA})


def test_after_a_flush_nothing_is_queued(courier: Courier, redis: Redis) -> None:
    courier.submit([WakeUp("crm", ADA)])
    courier.close()

    redis.flushall()

    assert courier.queued("crm") == frozenset()


def test_a_message_is_announced(courier: Courier, redis: Any) -> None:
    pubsub = redis.pubsub()
    pubsub.subscribe(WAKE_CHANNEL)
    assert pubsub.get_message(timeout=PATIENT)["type"] == "subscribe"

    courier.submit([WakeUp("crm", ADA)])

    assert pubsub.get_message(timeout=PATIENT)["data"] == b"crm"
    pubsub.close()


def test_a_redis_that_is_gone_neither_raises_nor_is_asked_again_at_once(redis_server: EmbeddedRedis) -> None:
    client = connect(redis_server.url, timeout=PATIENT)
    courier = Courier(client)
    redis_server.stop()

    courier.submit([WakeUp("crm", ADA)])
    courier.close()
    redis_server.restart()
    courier.submit([WakeUp("crm", BOB)])
    courier.close()

    assert courier.queued("crm") == frozenset()
    client.close()


def test_whoever_submits_does_not_wait_for_redis(redis_server: EmbeddedRedis, courier: Courier) -> None:
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        courier.submit([WakeUp("crm", ADA)])  # if it waited, nothing would be sent: Redis would have failed by then
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    courier.close()

    assert courier.queued("crm") == frozenset({ADA})


def test_a_redis_that_does_not_answer_says_nothing_about_its_queue(redis_server: EmbeddedRedis) -> None:
    client = connect(redis_server.url, timeout=PATIENT)
    redis_server.stop()

    assert Courier(client).queued("crm") is None

    redis_server.restart()
    assert Courier(client).queued("crm") == frozenset()
    client.close()


def test_submitting_nothing_starts_nothing(connecting: Callable[[float], Redis]) -> None:
    courier = Courier(connecting(1))

    courier.submit([])

    assert courier._thread is None
    courier.close()


def test_a_message_id_is_accepted_by_rq_and_never_used_twice() -> None:
    ids = {job.job_id(ADA) for _ in range(100)}

    assert len(ids) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", one) for one in ids)
    assert {job.account_of(one) for one in ids} == {ADA}


def test_a_worker_that_is_none_of_ours_says_so() -> None:
    with pytest.raises(QueueError, match="scimbridge worker"):
        job.work(ADA)


def test_a_message_calls_what_the_process_has_bound() -> None:
    called: list[str] = []
    job.bind(called.append)

    job.work(ADA)

    assert called == [ADA]
