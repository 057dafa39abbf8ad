"""What runs inside a process that a test started."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from scimbridge import asgi, sweeper, worker
from scimbridge.bridge import Bridge
from scimbridge.config import load
from scimbridge.services.leases import Terms
from tests.processes import crash_points
from tests.processes.crash_points import Role
from tests.processes.store_faults import obey

_RUN: dict[Role, Callable[..., None]] = {Role.WEB: asgi.run, Role.WORKER: worker.run, Role.SWEEPER: sweeper.run}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a process is to be.

    Attributes:
        log: Where its output is appended.
        crash: The point at which it kills itself, and at which passage; ``None`` for a long life.
        store_fault: A file that says what is wrong with the database (see ``store_faults``).
    """

    role: Role
    config: Path
    queue_url: str
    terms: Terms
    log: Path
    crash: tuple[str, int] | None
    store_fault: Path


def run(orders: Orders, ready: Connection, lifeline: Connection) -> None:
    """Be one process of a bridge, until told to stop, or until the test's process is gone."""
    _write_to(orders.log)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    obey(orders.store_fault)
    if orders.crash is not None:
        crash_points.arm(*orders.crash)
    bridge = Bridge(load(orders.config), queue_url=orders.queue_url, lease=orders.terms)
    _RUN[orders.role](bridge, ready=lambda: ready.send("ready"))


def _write_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    # A process that is killed takes what it has not flushed along.
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(3)
