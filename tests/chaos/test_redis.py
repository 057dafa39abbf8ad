"""Redis refuses, hangs, is restarted and emptied: the identity provider notices nothing, and nothing is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rq import Worker

from tests.chaos import ledger
from tests.processes.installation import Installation, installed
from tests.processes.provider import IdentityProvider
from tests.processes.rules import AT_ONCE
from tests.processes.targets import APP, Targets, configuration
from tests.processes.waiting import eventually

CONCURRENCY = 4
PATIENCE = 200.0
"""Seconds after which a test gives up; that no answer waits for Redis at all is tested with the courier."""

pytestmark = pytest.mark.chaos


@contextmanager
def _refusing(installation: Installation) -> Iterator[None]:
    installation.redis.stop()
    yield
    installation.redis.restart()


@contextmanager
def _hanging(installation: Installation) -> Iterator[None]:
    os.kill(installation.redis.pid, signal.SIGSTOP)
    yield
    os.kill(installation.redis.pid, signal.SIGCONT)


@contextmanager
def _restarted_and_empty(installation: Installation) -> Iterator[None]:
    os.kill(installation.redis.pid, signal.SIGKILL)
    eventually(lambda: not installation.redis.is_running(), PATIENCE)
    for file in (installation.folder / "redis" / "appendonlydir").iterdir():
        file.unlink()
    installation.redis.restart()
    yield


@contextmanager
def _flushed(installation: Installation) -> Iterator[None]:
    installation.flush_redis()
    yield


TROUBLES = [_refusing, _hanging, _restarted_and_empty, _flushed]


@pytest.fixture
def people(targets: Targets) -> list[str]:
    names = [f"person-{number}@example.com" for number in range(3 + 3 * CONCURRENCY)]
    for name in names:
        targets.add(name)
    return names


@pytest.fixture
def installation(folder: Path, targets: Targets) -> Iterator[Installation]:
    config = configuration(targets.app.base_url, targets.directory, AT_ONCE, concurrency=CONCURRENCY)
    with installed(folder, config) as installation:
        yield installation


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_redis_requests_are_answered_leavers_lose_access_and_no_worker_is_missing_afterwards(
    installation: Installation, targets: Targets, people: list[str], trouble: Callable[[Installation], Any]
) -> None:
    database = installation.bridge.database
    installation.start_all()
    with IdentityProvider(installation.base_url, installation.token, patience=0.0) as provider:
        ids = {name: provider.create(name) for name in people}
        early, meanwhile, afterwards = people[:1], people[1 : 3 + CONCURRENCY], people[3 + CONCURRENCY :]
        _leave(provider, ids, early)
        eventually(lambda: _all_done(installation), PATIENCE, what="those who left before")

        with trouble(installation):
            _leave(provider, ids, meanwhile)
            eventually(lambda: _all_done(installation), PATIENCE, what="those who left meanwhile")
            assert all(targets.is_suspended(name) for name in early + meanwhile)

        targets.app.faults(hanging=True)
        _leave(provider, ids, afterwards)
        eventually(
            lambda: ledger.live_attempts(database, APP) == CONCURRENCY,
            PATIENCE,
            what="as many accounts worked on at once as may be",
            explain=lambda: ledger.live_attempts(database, APP),
        )
        with installation.redis_client() as client:
            eventually(
                lambda: Worker.count(connection=client) >= CONCURRENCY, PATIENCE, what="workers that RQ's tools see"
            )
        targets.app.recover()
        eventually(lambda: _all_done(installation), PATIENCE, what="those who left afterwards")
        assert all(targets.is_suspended(name) for name in people)


def _leave(provider: IdentityProvider, ids: dict[str, str], people: list[str]) -> None:
    for name in people:
        provider.disable(ids[name])


def _all_done(installation: Installation) -> bool:
    database = installation.bridge.database
    return ledger.open_cases(database) == 0 and ledger.live_attempts(database) == 0
