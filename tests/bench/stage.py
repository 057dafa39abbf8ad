"""What is measured, started: the peer, the bridge's processes, and a target."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx
import psutil

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.demo.directory import start_directory
from scimbridge.demo.entries import BASE_DN, SERVICE_DN, DemoDirectory
from scimbridge.queue.embedded import EmbeddedRedis
from tests.bench.people import name_of
from tests.servers import quiet_port

COMMAND = str(Path(sys.executable).parent / "scimbridge")


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for as long as the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, seconds: float = 120) -> None:
    """Wait until an address answers 200."""
    until = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            message = f"{url} does not answer"
            raise RuntimeError(message)
        time.sleep(0.02)


class Installation:
    """The bridge's processes over one configuration, a Redis and a directory."""

    def __init__(
        self, folder: Path, *, grace: str, concurrency: int = 8, store: str = "sqlite:///data/bridge.db"
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = quiet_port()
        self.processes: dict[str, psutil.Process] = {}
        self._stack = ExitStack()
        self.redis = EmbeddedRedis(folder / "redis")
        self.directory: DemoDirectory = start_directory(folder / "d")
        self.config = folder / "scimbridge.toml"
        self.config.write_text(self._configuration(grace, concurrency, store), encoding="utf-8")
        self.bridge = Bridge(load(self.config))
        self.bridge.prepare_store(may_upgrade=True)
        self.token = self.bridge.tokens.create("idp", by="bench", now=self.bridge.clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.bridge.close()
        self.redis.stop()
        self.directory.stop()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/scim/v2"

    def start(self, *names: str) -> None:
        """Start processes: ``serve``, ``worker``, ``sweeper``."""
        for name in names:
            command = [COMMAND, name, "--config", str(self.config), "--log-level", "warning"]
            process = self._stack.enter_context(running(command, self.folder / f"{name}.log"))
            self.processes[name] = psutil.Process(process.pid)
            if name == "serve":
                wait_for(f"http://127.0.0.1:{self.port}/readyz")

    def stop(self) -> None:
        """Stop the processes that were started."""
        self._stack.close()

    def _configuration(self, grace: str, concurrency: int, store: str) -> str:
        return f"""
data_dir = "data"
[server]
listen = "127.0.0.1:{self.port}"
max_body = "32MiB"
[store]
url = "{store}"
[queue]
url = "{self.redis.url}"
[sources.idp]
[targets.directory]
connector = "ldap"
mode = "enforce"
url = "{self.directory.url}"
flavor = "openldap"
bind_dn = "{SERVICE_DN}"
bind_password = "{self.directory.service_password}"
base_dn = "{BASE_DN}"
match = {{ userName = "mail" }}
concurrency = {concurrency}
[guard]
all = {{ count = 1_000_000_000, percent = 100, window = "24h" }}
percent_floor = 1_000_000_000
[[rules]]
name = "leavers"
when = ["deactivated", "deleted"]
restore = "auto"
[[rules.stages]]
after = "{grace}"
do = ["suspend"]
"""


def add_people(bridge: Installation, numbers: Iterable[int]) -> None:
    """Give people an entry in the directory."""
    for number in numbers:
        name = name_of(number)
        bridge.directory.add_person(name.partition("@")[0], "Ada Example", "Example", name)
