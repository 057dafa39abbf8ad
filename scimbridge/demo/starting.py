"""Starting and stopping the processes of the demo."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 40.0


class InstallationError(Exception):
    """A part of the demo cannot be started; the message says which and where to look."""


def start(command: list[str], log: Path) -> subprocess.Popen[str]:
    """Start a process whose first line of output says that it is ready; a Ctrl-C in the terminal is for us alone."""
    with log.open("a", encoding="utf-8") as errors:
        return subprocess.Popen(  # noqa: S603  # our own modules
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )


def stop(process: subprocess.Popen[str]) -> None:
    """End a process, and wait for its end."""
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def announced(process: subprocess.Popen[str], prefix: str, keep_waiting: Callable[[], bool]) -> str | None:
    """Return what a process says after the prefix once it is ready.

    ``None`` if it ends first, takes too long, or is not waited for any more.
    """
    until = time.monotonic() + START_SECONDS
    assert process.stdout is not None  # noqa: S101  # it was started with a pipe
    while keep_waiting() and time.monotonic() < until:
        if select.select([process.stdout], [], [], 0.1)[0]:
            line = process.stdout.readline()
            return line.removeprefix(prefix).strip() if line.startswith(prefix) else None
    return None


def last_line(log: Path) -> str:
    """Return the last line of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
