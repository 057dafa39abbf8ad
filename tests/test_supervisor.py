"""How the supervisor starts; what it survives is told in ``tests/chaos``."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.errors import CoreError, ListenError, StoreError
from scimbridge.lifetime import Stop
from scimbridge.supervisor import Supervisor, _Child


class NoSignals(Stop):
    """Leaves the signals of the tests alone."""

    def install(self) -> None:
        """Do nothing."""


def a_supervisor(folder: Path, listen: str = "127.0.0.1:0", more: str = "") -> Supervisor:
    file = folder / "scimbridge.toml"
    file.write_text(f'[server]\nlisten = "{listen}"\n{more}', encoding="utf-8")
    return Supervisor(load(file, {}), on_ready=pytest.fail, stop=NoSignals())


@pytest.mark.parametrize(("host", "reason"), [("127.0.0.1", "Address already in use"), ("192.0.2.1", "Cannot assign")])
def test_where_the_address_is_not_to_be_had_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, reason: str
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"{host}:{taken.getsockname()[1]}"

        with pytest.raises(ListenError, match=rf"cannot listen on {listen} \({reason}.*\[server\] listen"):
            a_supervisor(tmp_path, listen).run()

    assert not (tmp_path / "data" / "redis").exists()
    assert not (tmp_path / "data" / "bridge.db").exists()


def test_where_the_core_is_not_to_be_had_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    usable = sorted(os.sched_getaffinity(0))

    with pytest.raises(CoreError, match=rf"core 4096 at \[server\] core: write one of {', '.join(map(str, usable))}"):
        a_supervisor(tmp_path, more="core = 4096").run()

    assert not (tmp_path / "data" / "bridge.db").exists()


def test_a_process_that_ends_at_its_start_was_never_ready(tmp_path: Path) -> None:
    def ends(_bridge: Bridge, **_ready: Any) -> None:
        raise StoreError("gone")

    supervisor, child = a_supervisor(tmp_path), _Child("web", ends)

    supervisor._start(child)
    while child.ready_pipe >= 0:
        supervisor._await_news([child])

    assert not child.is_ready
    assert os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]) == 1
