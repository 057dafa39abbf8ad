"""The supervisor keeps everything alive, and takes everything along when it goes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scimbridge.bridge import Bridge
from scimbridge.config import load
from tests.chaos import ledger
from tests.processes.provider import IdentityProvider
from tests.processes.rules import AT_ONCE
from tests.processes.targets import APP, Targets, configuration
from tests.processes.waiting import eventually

ADA = "ada@example.com"
CHILDREN = 4  # Redis, web, worker and sweeper
PATIENCE = 200.0
"""Seconds after which a test gives up. When the supervisor loses its own patience, it does not end with 0."""

pytestmark = [pytest.mark.chaos, pytest.mark.journey]


class Up:
    """A bridge under its supervisor."""

    def __init__(self, folder: Path, config: str) -> None:
        file = folder / "scimbridge.toml"
        file.write_text(config, encoding="utf-8")
        self._log_file = folder / "up.log"
        self._log = self._log_file.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.up", str(file)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.supervisor = psutil.Process(self.process.pid)
        self.bridge = Bridge(load(file), queue_url="redis://nowhere")

    def wait_until_ready(self) -> None:
        """Wait for the supervisor to say so."""
        assert self.process.stdout is not None
        assert any(line.strip() == "ready" for line in self.process.stdout), "it ended at its start"

    def children(self) -> list[psutil.Process]:
        """Return the processes that it keeps; zombies are none."""
        return [child for child in self.supervisor.children() if _lives(child)]

    def provider(self) -> IdentityProvider:
        """Return an identity provider with a token of this bridge."""
        token = self.bridge.tokens.create("idp", by="test", now=self.bridge.clock())
        return IdentityProvider(f"http://{self.bridge.settings.server.listen}/scim/v2", token)

    def close(self) -> None:
        """End everything that is left, and only that."""
        if self.process.poll() is None:
            for process in (*self.supervisor.children(recursive=True), self.supervisor):
                process.kill()
        self.process.wait()
        self.bridge.close()
        self._log.close()
        print(self._log_file.read_text(encoding="utf-8"))  # pytest shows it where something failed
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def up(folder: Path, targets: Targets) -> Iterator[Up]:
    up = Up(folder, configuration(targets.app.base_url, targets.directory, AT_ONCE))
    try:
        up.wait_until_ready()
        yield up
    finally:
        up.close()


def test_whichever_process_is_killed_it_comes_back_and_leavers_lose_access(up: Up, targets: Targets) -> None:
    first = up.children()
    names = [f"person-{number}@example.com" for number in range(CHILDREN)]
    for name in names:
        targets.add(name)

    with up.provider() as provider:
        for child, name in zip(first, names, strict=True):
            child.kill()
            eventually(lambda child=child: _is_replaced(up, child), PATIENCE, what=f"another {child.name()}")  # type: ignore[misc]
            provider.disable(provider.create(name))
            eventually(lambda name=name: targets.is_suspended(name), PATIENCE, what=f"{name} suspended")  # type: ignore[misc]

    assert {child.pid for child in up.children()}.isdisjoint({child.pid for child in first})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(up: Up, number: signal.Signals) -> None:
    children = up.children()

    up.process.send_signal(number)

    assert up.process.wait(PATIENCE) == 0
    assert [child for child in children if child.is_running()] == []


def test_a_change_under_way_is_brought_to_its_end_before_everything_ends(up: Up, targets: Targets) -> None:
    targets.add(ADA)
    with up.provider() as provider:
        ada = provider.create(ADA)
        targets.app.faults(holding=True)
        provider.disable(ada)
        eventually(lambda: ledger.reads_committed(up.bridge.database, APP), PATIENCE, what="the change under way")

        up.process.send_signal(signal.SIGTERM)
        targets.app.faults(holding=False, delay_ms=1500)

        assert up.process.wait(PATIENCE) == 0
        assert ledger.live_attempts(up.bridge.database) == 0
        assert [attempt.outcome for attempt in ledger.attempts_at(up.bridge.database, APP)] == ["done"]


def test_nothing_outlives_a_supervisor_that_was_killed(up: Up) -> None:
    children = up.children()

    up.process.kill()

    _gone, alive = psutil.wait_procs(children, timeout=PATIENCE)
    for child in alive:
        child.kill()
    assert alive == []


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False  # it ended since it was listed


def _is_replaced(up: Up, child: psutil.Process) -> bool:
    present = {process.pid for process in up.children()}
    return child.pid not in present and len(present) == CHILDREN
