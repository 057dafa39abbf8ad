"""A bridge of several processes with a Redis of its own, all of them gone afterwards."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.queue.embedded import EmbeddedRedis
from scimbridge.queue.redis import connect
from scimbridge.services.leases import Terms
from scimbridge.store.upgrade import upgrade
from tests.processes.crash_points import Role
from tests.processes.runner import Orders, run
from tests.processes.store_faults import StoreFault
from tests.processes.waiting import eventually

QUICK = Terms(length=timedelta(seconds=3), renew_every=timedelta(seconds=0.8), margin=timedelta(seconds=0.5))
"""Leases for tests that kill hundreds of workers and wait for each lease to run out."""

START_SECONDS = 200.0
SOURCE = "idp"

# Processes are forked from one that has imported everything: a start takes hundredths of a second.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["tests.processes.runner", "connectors.ldap", "connectors.scim", "alembic.runtime.migration"]
)


@dataclass
class Process:
    """One process of the bridge.

    Attributes:
        ready_at: When it said that it is ready (monotonic); ``None`` before.
        killed_from_outside: Whether ``kill`` found it alive.
    """

    orders: Orders
    started_at: float = field(default_factory=time.monotonic)
    ready_at: float | None = None
    killed_from_outside: bool = False

    def __post_init__(self) -> None:
        self._ready, ready = _FORKS.Pipe(duplex=False)
        lifeline, self._lifeline = _FORKS.Pipe(duplex=False)
        self._process: ForkServerProcess = _FORKS.Process(target=run, args=(self.orders, ready, lifeline), daemon=True)
        self._process.start()
        ready.close()
        lifeline.close()

    @property
    def role(self) -> Role:
        """What it is."""
        return self.orders.role

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL was its end."""
        return self._process.exitcode == -signal.SIGKILL

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it is ready."""
        if self.ready_at is None and self._has_said_so():
            self.ready_at = time.monotonic()
        return self.ready_at is not None

    def wait_until_ready(self) -> None:
        """Wait until it takes requests, or work.

        Raises:
            AssertionError: It ended, or takes too long; with the end of its log.
        """
        eventually(
            lambda: self.is_ready or not self.is_alive, START_SECONDS, what=f"{self.role} ready", explain=self.said
        )
        assert self.is_ready, f"{self.role} ended at its start: {self.said()}"

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill -9, and wait for the end."""
        self.killed_from_outside = self.is_alive
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        """Ask it to end, and wait for that.

        Raises:
            AssertionError: It does not.
        """
        self._process.terminate()
        self._process.join(START_SECONDS)
        assert not self.is_alive, f"{self.role} does not stop: {self.said()}"

    def _has_said_so(self) -> bool:
        try:
            return self._ready.poll() and bool(self._ready.recv())
        except (EOFError, OSError):
            return False

    def said(self) -> str:
        """Return the end of its log, which it shares with others of its role."""
        return self.orders.log.read_text(encoding="utf-8")[-3000:] if self.orders.log.exists() else ""


class Installation:
    """A bridge on one machine: its configuration, store and Redis, and whatever processes a test wants.

    Attributes:
        bridge: The test's own look at the store; it works on nothing.
    """

    def __init__(self, folder: Path, config: str, *, terms: Terms = QUICK) -> None:
        self.folder = folder
        self.terms = terms
        self.config = folder / "scimbridge.toml"
        self.config.write_text(config, encoding="utf-8")
        self.redis = EmbeddedRedis(folder / "redis")
        self.processes: list[Process] = []
        self._fault = folder / "store-fault"
        self.bridge = Bridge(load(self.config), queue_url=self.redis.url)
        upgrade(self.bridge.database)
        self.bridge.prepare_store(may_upgrade=False)
        self.token = self.bridge.tokens.create(SOURCE, by="test", now=self.bridge.clock())

    @property
    def base_url(self) -> str:
        """Where SCIM is spoken."""
        return f"http://{self.bridge.settings.server.listen}/scim/v2"

    def start(
        self,
        role: Role,
        crash: tuple[str, int] | None = None,
        *,
        log_to_file: bool = True,
        config: Path | None = None,
    ) -> Process:
        """Start a process, without waiting for it to be ready; with a configuration of its own, where there is one."""
        log = self.folder / f"{role}.log" if log_to_file else Path(os.devnull)
        process = Process(
            Orders(
                role=role,
                config=config or self.config,
                queue_url=self.redis.url,
                terms=self.terms,
                log=log,
                crash=crash,
                store_fault=self._fault,
            )
        )
        self.processes.append(process)
        return process

    def start_all(self, *, log_to_files: bool = True) -> dict[Role, Process]:
        """Start one process of each kind, and wait for them."""
        started = {role: self.start(role, log_to_file=log_to_files) for role in Role}
        for process in started.values():
            process.wait_until_ready()
        return started

    def break_store(self, fault: StoreFault) -> None:
        """Let write transactions fail from now on, in all processes that were started here."""
        partial = self._fault.with_suffix(".new")
        partial.write_text(fault, encoding="utf-8")
        partial.rename(self._fault)

    def redis_client(self, timeout: float = 5.0) -> Any:
        """Return a client of its Redis."""
        return connect(self.redis.url, timeout=timeout)

    def flush_redis(self) -> None:
        """Empty its Redis."""
        client = self.redis_client()
        client.flushall()
        client.close()

    def close(self) -> None:
        """End everything."""
        for process in self.processes:
            if process.is_alive:
                process.kill()
        self.bridge.close()
        if self.redis.is_running():
            os.kill(self.redis.pid, signal.SIGCONT)  # a stopped process would not hear that it is to end
        self.redis.stop()


@contextmanager
def short_folder() -> Iterator[Path]:
    """Lend a folder whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="scb-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def installed(folder: Path, config: str, *, terms: Terms = QUICK) -> Iterator[Installation]:
    """Run an installation without processes yet."""
    installation = Installation(folder, config, terms=terms)
    try:
        yield installation
    finally:
        installation.close()
