"""Messages are ordinary jobs of RQ: a tool that nobody here wrote shows the same queues, workers and running jobs."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from scimbridge.domain.wakeup import WakeUp
from scimbridge.queue import job
from scimbridge.queue.courier import Courier
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.queue.redis import connect
from scimbridge.queue.watching import Watch
from scimbridge.queue.worker import ThreadWorker
from tests.processes.waiting import eventually
from tests.queue.conftest import PATIENT
from tests.servers import quiet_port
from tests.targets.foreign.environments import environment

ACCOUNTS = [f"019cadc6-9a80-7443-8569-00000000000{number}" for number in range(5)]


@pytest.fixture
def dashboard(redis_server: EmbeddedRedis) -> Iterator[str]:
    """rq-dashboard on the same Redis; yields its address."""
    port = quiet_port()
    arguments = ["--json", "--redis-url", redis_server.url, "--bind", "127.0.0.1", "--port", str(port)]
    program = environment("rq_dashboard").with_name("rq-dashboard")
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=PATIENT) as answer:
        return json.load(answer)


@pytest.mark.journey
def test_rq_dashboard_shows_the_same_depths_workers_and_running_jobs(
    dashboard: str, courier: Courier, redis_server: EmbeddedRedis
) -> None:
    courier.submit([*(WakeUp("crm", account) for account in ACCOUNTS), WakeUp("directory", ACCOUNTS[0])])
    courier.close()
    started, go_on = threading.Event(), threading.Event()

    def work(_account: str) -> None:
        started.set()
        go_on.wait(PATIENT)

    job.bind(work)
    worker = ThreadWorker("target:crm", connect(redis_server.url, timeout=PATIENT))
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert started.wait(PATIENT)
    eventually(lambda: answers(dashboard), PATIENT)
    watch = Watch(connect(redis_server.url, timeout=PATIENT))

    theirs = {each["name"]: each for each in ask(f"{dashboard}/0/data/queues.json")["queues"]}
    workers = ask(f"{dashboard}/0/data/workers.json")["workers"]
    running = ask(f"{dashboard}/0/data/jobs/target%3Acrm/started/10/asc/1.json")["jobs"]
    seen = watch.look(["crm", "directory"])
    go_on.set()
    thread.join(PATIENT)
    worker.connection.close()
    watch.close()

    assert seen is not None
    assert {each.name: (each.depth, each.started) for each in seen.queues} == {
        name: (each["count"], each["started_job_registry_count"]) for name, each in theirs.items()
    }
    assert [(each.name, each.state, list(each.queues)) for each in seen.workers] == [
        (each["name"], each["state"], each["queues"]) for each in workers
    ]
    assert [each.account_id for each in seen.workers] == ACCOUNTS[:1]
    assert [job.account_of(each["id"]) for each in running] == ACCOUNTS[:1]


def answers(address: str) -> bool:
    try:
        ask(f"{address}/0/data/queues.json")
    except OSError:
        return False
    return True
