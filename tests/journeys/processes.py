"""Processes as a user starts them, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

SCIMBRIDGE = str(Path(sys.executable).parent / "scimbridge")
MARK = "SCIMBRIDGE_TEST_MARK"
PATIENCE = 300.0
"""Seconds after which a test gives up; nobody waits for that in a good run, however busy the machine is."""


class Command:
    """A command in a session of its own, whose processes can be told from all others by a mark in the environment."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.mark = uuid.uuid4().hex
        self.output = ""
        self._process = subprocess.Popen(
            [SCIMBRIDGE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env={**os.environ, **environment, MARK: self.mark},
            start_new_session=True,
        )

    def read_until(self, text: str) -> str:
        """Read what it prints up to the line with a text; fails if it ends before."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}:\n{self.output}")

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal sends SIGINT to the whole group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self, timeout: float = PATIENCE) -> int:
        """Read the rest of the output, wait for the end, and return the exit code."""
        rest, _ = self._process.communicate(timeout=timeout)
        self.output += rest
        return self._process.returncode

    def processes(self) -> list[list[str]]:
        """Return the command lines of its processes that run now."""
        return [process.cmdline() for process in psutil.process_iter() if _mark_of(process) == self.mark]

    def kill(self) -> None:
        """End it and all of its processes, however they are."""
        for process in psutil.process_iter():
            if _mark_of(process) == self.mark:
                process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Command]:
    """Start ``scimbridge`` with some arguments; nothing of it is left afterwards."""
    command = Command(*arguments, **environment)
    try:
        yield command
    finally:
        command.kill()


def eventually(holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE) -> None:
    """Wait until something holds that other processes bring about."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"after {seconds} s still not: {what}"
        time.sleep(0.1)  # other processes tell us nothing; polling is all there is


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None
