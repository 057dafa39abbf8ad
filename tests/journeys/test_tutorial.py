"""The tutorial, followed to the letter: its commands are run, its files written, and what it promises is looked for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.processes import PATIENCE, eventually
from tests.servers import quiet_port

ROOT = Path(__file__).parent.parent.parent
STEP = re.compile(
    r"<!-- (run|file): ?(?P<how>.*?) ?-->\n+```\w+\n(?P<text>.*?)```|<!-- run -->\n+```sh\n(?P<plain>.*?)```", re.DOTALL
)
END = "--- end of the step ---"

pytestmark = pytest.mark.journey


class Reader:
    """Somebody who types what the tutorial says; its two ports are exchanged for free ones."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        listen, crm = quiet_port(), quiet_port()
        self._exchanged = {
            ":8085": f":{listen}",
            ":9100": f":{crm}",
            "--port 9100": f"--port {crm}",
            ".venv/bin/python": sys.executable,
            "$PWD/.venv/bin": f"{folder}:{Path(sys.executable).parent}",
        }
        self._environment = {
            **os.environ,
            "SCIMBRIDGE_SERVER__LISTEN": f"127.0.0.1:{listen}",
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        curl = folder / "curl"
        curl.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("curl.py")} "$@"\n')
        curl.chmod(0o755)
        self._shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=self._environment,
        )
        stack.callback(self._leave)

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(self._exchange(text))

    def type(self, text: str) -> str:
        """Type commands and return what they print."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{self._exchange(text)}\necho; echo '{END}'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{END}\n"))

    def start(self, text: str, *, until: str) -> subprocess.Popen[str]:
        """Type a command in a terminal of its own, and wait for a line of its output."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self._exchange(text).strip()}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env={**self._environment, "CRM_TOKEN": "crm-secret"},
        )
        self._stack.callback(stop, process)
        assert process.stdout is not None
        assert any(until in line for line in process.stdout), f"{text} did not say {until!r}"
        return process

    def _exchange(self, text: str) -> str:
        for written, used in self._exchanged.items():
            text = text.replace(written, used)
        return text

    def _leave(self) -> None:
        self._shell.kill()
        self._shell.communicate()


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)


def steps() -> Iterator[tuple[str, str]]:
    """Yield the tutorial's steps: what to do with a block, and the block."""
    for found in STEP.finditer((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        yield (found["how"] or "", found["text"] or found["plain"])


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    remaining = steps()

    def block(how: str = "") -> str:
        found, text = next(remaining)
        assert found == how, text
        return text

    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        reader.start(block("in the background"), until="listening")
        assert '"userName": "ada@example.com"' in reader.type(block())

        reader.write("scimbridge.toml", block("scimbridge.toml"))
        checked = reader.type(block())
        assert "The configuration is good" in checked
        assert re.search(r"^scb_", checked, re.MULTILINE)

        bridge = reader.start(block("in the background"), until="scimbridge is up")
        planned = re.sub(r" {2,}", "  ", reader.type(block()))
        assert re.search(r"suspend  crm  .*observe: only reported", planned)

        assert "ada@example.com" in reader.type(block())
        ended = block("after the grace")
        eventually(lambda: "completed" in reader.type(ended), "the case is completed")
        case = re.search(r"^([0-9a-f-]{36}) ", reader.type(ended), re.MULTILINE)
        assert case is not None
        assert "observe mode: would suspend" in reader.type(f"scimbridge cases show {case[1]}")

        reader.type(block())
        stop(bridge)
        reader.write("scimbridge.toml", block("scimbridge.toml"))
        reader.start(block("in the background, instead"), until="scimbridge is up")
        reader.type(block())
        look = block("after the grace")
        eventually(lambda: '"active": false' in reader.type(look), "suspended in the CRM")

        reader.type('hr -X PATCH "http://127.0.0.1:8085/scim/v2/Users/$ID" -d "$return"')
        eventually(lambda: '"active": true' in reader.type(look), "active in the CRM")
        assert list(remaining) == []
