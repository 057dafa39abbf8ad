"""What is measured, started: the peer, the bridge's processes, and a target."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
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
from tests.bench.waiting import has_counted, is_listening, until
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


def wait_for(url: str, seconds: float = 120, *, status: int = 200) -> None:
    """Wait until an address answers 200, or whatever says that it is there."""
    until = time.monotonic() + seconds
    while True:
        try:
            if httpx.get(url).status_code == status:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > until:
            message = f"{url} does not answer"
            raise RuntimeError(message)
        time.sleep(0.02)


_IS_AT_WORK = {"worker": is_listening, "sweeper": has_counted}


class Processes:
    """The bridge's processes over one configuration and a Redis.

    Args:
        folder: Where everything is.
        configuration: Returns the configuration, given the address of Redis.
    """

    def __init__(self, folder: Path, configuration: Callable[[str], str]) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.processes: dict[str, psutil.Process] = {}
        self._stack = ExitStack()
        self.redis = EmbeddedRedis(folder / "redis")
        self.config = folder / "scimbridge.toml"
        self.config.write_text(configuration(self.redis.url), encoding="utf-8")
        self.bridge = Bridge(load(self.config))
        self.port = int(str(self.bridge.settings.server.listen).rpartition(":")[2])
        self.bridge.prepare_store(may_upgrade=True)
        self.token = self.bridge.tokens.create("idp", by="bench", now=self.bridge.clock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.bridge.close()
        self.redis.stop()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/scim/v2"

    def start(self, *names: str) -> None:
        """Start processes: ``serve``, ``worker``, ``sweeper``. They are at work then: starting takes a core each."""
        for name in names:
            command = [COMMAND, name, "--config", str(self.config), "--log-level", "warning"]
            process = self._stack.enter_context(running(command, self.folder / f"{name}.log"))
            self.processes[name] = psutil.Process(process.pid)
        for name in names:
            if name == "serve":
                wait_for(f"http://127.0.0.1:{self.port}/readyz")
            else:
                until(partial(_IS_AT_WORK[name], self))

    def stop(self) -> None:
        """Stop the processes that were started."""
        self._stack.close()

    def cpu(self) -> float:
        """Return the seconds of CPU that the processes have taken so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes.values())


class Installation(Processes):
    """Such processes, and a directory."""

    def __init__(
        self,
        folder: Path,
        *,
        grace: str,
        concurrency: int = 8,
        store: str = "sqlite:///data/bridge.db",
        core: int | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.directory: DemoDirectory = start_directory(folder / "d")
        self._core = "" if core is None else f"core = {core}"
        super().__init__(folder, lambda redis: self._configuration(redis, grace, concurrency, store))

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.directory.stop()

    def _configuration(self, redis: str, grace: str, concurrency: int, store: str) -> str:
        return f"""
data_dir = "data"
[server]
listen = "127.0.0.1:{quiet_port()}"
max_body = "32MiB"
{self._core}
[store]
url = "{store}"
[queue]
url = "{redis}"
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
