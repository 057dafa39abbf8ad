"""A real Redis for the tests of this folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from scimbridge.queue import courier as courier_module
from scimbridge.queue import crew as crew_module
from scimbridge.queue import job
from scimbridge.queue import worker as worker_module
from scimbridge.queue.courier import Courier
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.queue.redis import connect

PATIENT = 120.0
"""Seconds after which a test gives up; nothing is measured."""


@pytest.fixture
def redis_server() -> Iterator[EmbeddedRedis]:
    # The path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="scb-"))
    server = EmbeddedRedis(folder / "redis")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def redis(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    client = connect(redis_server.url, timeout=PATIENT)
    yield client
    client.close()


@pytest.fixture
def courier(redis_server: EmbeddedRedis) -> Iterator[Courier]:
    client = connect(redis_server.url, timeout=PATIENT)
    courier = Courier(client)
    yield courier
    courier.close()
    client.close()


@pytest.fixture
def connecting(redis_server: EmbeddedRedis) -> Callable[[float], Redis]:
    return lambda timeout: connect(redis_server.url, timeout=timeout)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often and wait for little, and forget what another test bound."""
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 1)
    monkeypatch.setattr(crew_module, "LOOK_EVERY", 0.05)
    # A machine that is busy takes longer than an operator would.
    monkeypatch.setattr(courier_module, "FAREWELL", PATIENT)
    monkeypatch.setattr(courier_module, "BREAK", PATIENT)
    monkeypatch.setattr(job, "_bound", {})
