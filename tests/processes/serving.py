"""A web process as an operator starts it, ``scimbridge serve``, for tests that speak SCIM over a socket."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import NullPool, create_engine, make_url, text

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.store.upgrade import upgrade
from tests.processes.waiting import eventually
from tests.scim.tables import stored
from tests.servers import quiet_port

SCIMBRIDGE = Path(sys.executable).parent / "scimbridge"


@dataclass
class Server:
    """A started server.

    Attributes:
        url: Its address, without a slash at the end.
        bridge: The test's own look at the store.
    """

    url: str
    process: psutil.Process
    bridge: Bridge
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def base(self) -> str:
        """Where SCIM is spoken."""
        return f"{self.url}/scim/v2"

    def new_source(self) -> str:
        """Return the token of a source that nobody else has used."""
        name = f"source-{next(self._numbers)}"
        return self.bridge.tokens.create(name, by="test", now=self.bridge.clock())

    def client(self, token: str | None = None, **more: Any) -> httpx.Client:
        """Return a client with a token; with that of a new source where none is given."""
        headers = {"Authorization": f"Bearer {token or self.new_source()}", "Content-Type": "application/scim+json"}
        # With its slash, so that relative addresses are below it.
        # Without TLS, none of the authorities of this machine need be read: that takes longer than most requests.
        return httpx.Client(base_url=f"{self.base}/", headers=headers, timeout=200, verify=False, **more)

    def rows(self) -> dict[str, list[Any]]:
        """Return everything that is stored, but for the record of requests; of all sources."""
        return stored(self.bridge.database)


@dataclass
class Cost:
    """What a process has used between two looks.

    Attributes:
        cpu: Seconds of CPU, of the user and of the kernel.
        memory: Bytes by which its memory grew at the most.
    """

    cpu: float
    memory: int


class Meter:
    """Measures a process. The peak is the kernel's own, so that nothing is missed between two looks."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        # proc(5): 5 sets the peak back to what is used now.
        Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
        self._cpu = self._cpu_now()
        self._memory = process.memory_info().rss

    def cost(self) -> Cost:
        """Return what was used since this meter was made."""
        return Cost(self._cpu_now() - self._cpu, max(self._peak() - self._memory, 0))

    def _cpu_now(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _peak(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


@contextmanager
def served(folder: Path, store_url: str, *, config: str = "") -> Iterator[Server]:
    """Run a web process over an empty store.

    There are no targets and no rules, so that it has nothing to say to Redis; none is started.

    Args:
        folder: For its configuration, its log and its files.
        store_url: Where its store is; the schema is made.
        config: More tables of its configuration.
    """
    port = quiet_port()
    file = folder / "scimbridge.toml"
    file.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n[store]\nurl = "{store_url}"\n'
        f'[queue]\nurl = "redis://127.0.0.1:{quiet_port()}"\n{config}',
        encoding="utf-8",
    )
    bridge = Bridge(load(file))
    upgrade(bridge.database)
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(SCIMBRIDGE), "serve", "--config", str(file), "--log-level", "warning"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(verify=False, timeout=5) as client:
            is_up = partial(_answers, client, url)
            eventually(lambda: process.poll() is not None or is_up(), 200, what="serving", explain=log.read_text)
        assert process.poll() is None, f"it ended at its start: {log.read_text()}"
        yield Server(url, psutil.Process(process.pid), bridge)
        assert process.poll() is None, f"it ended: {log.read_text()[-3000:]}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        bridge.close()


@contextmanager
def database_beside(url: str, name: str) -> Iterator[str]:
    """Make another database on a PostgreSQL server, for as long as the block; yields its address."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
