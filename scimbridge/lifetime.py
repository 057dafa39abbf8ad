"""How a process of the bridge runs: until it is told to stop, with its upkeep beside it."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import structlog

from scimbridge.errors import BridgeError, CoreError

log = structlog.get_logger("scimbridge.process")


def metrics_directory(directory: Path) -> None:
    """Have this process, and those that it forks, count their metrics in one directory.

    To be called before ``scimbridge.telemetry`` is imported: the metrics library reads the
    variable then. Files of earlier runs are removed, because their processes are gone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for left_over in directory.glob("*.db"):
        left_over.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)


OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""A batch of requests makes some thousand objects that are freed without the collector's help, once it is committed."""


def keep_loaded() -> None:
    """Spare the garbage collector what a process has loaded; to be called when it has, before it serves.

    A collection of all generations looks at every object, a tenth of a second long, while nobody is served; and what
    it touches can no longer be shared with processes that are forked.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 10, 10)


def require_core(core: int) -> None:
    """Make sure that this process may run on a core.

    Raises:
        CoreError: It may not.
    """
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    if core not in usable:
        raise CoreError(core, usable)


def keep_on_core(core: int) -> None:
    """Let this thread, and all that it starts from now on, run on one core.

    Raises:
        CoreError: This process may not run on it.
    """
    require_core(core)
    os.sched_setaffinity(0, {core})


class Stop:
    """Set by SIGTERM or SIGINT. A second signal ends the process at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> None:
        """Take over both signals; to be called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def set(self) -> None:
        """Ask the process to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether the process is to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than until the process is to stop. Returns whether it is."""
        return self._event.wait(seconds)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            os._exit(1)
        self._event.set()


def repeat(name: str, task: Callable[[], object], every: float, stop: Stop) -> None:
    """Do something again and again until the process stops; a failure is logged and the next turn tried."""
    while not stop.is_set():
        try:
            task()
        except BridgeError as error:
            log.warning("upkeep failed; trying again", action=f"{name}.failed", reason=str(error))
        except Exception:  # one bad turn must not end what the whole installation depends on
            log.exception("upkeep broke; trying again", action=f"{name}.broke")
        stop.wait(every)


@contextmanager
def beside(name: str, task: Callable[[], object], every: float, stop: Stop) -> Iterator[None]:
    """Repeat something in a thread of its own for as long as the block runs."""
    thread = threading.Thread(target=repeat, args=(name, task, every, stop), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)
