"""Writing for many at once: what waits for the same commit shares it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from sqlalchemy import Connection

from scimbridge.errors import StoreBusyError
from scimbridge.store.ahead import read_ahead
from scimbridge.store.batch import Batch
from scimbridge.store.database import Database, is_deadlock
from scimbridge.store.inbox import Inbox
from scimbridge.store.unit import Awaited, Blocking, Unit, deliver, prepare

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

TRIES = 5
"""How often a unit is run whose transaction PostgreSQL undoes because of a deadlock."""

_THREADS = 16
"""Units at once on PostgreSQL; the pool has connections for more."""


class Writer:
    """Runs units of work: functions that write in a ``Database.write()`` of their own.

    SQLite has one writer at a time, and every commit waits for the disk. So one thread runs all
    units of the process: those that arrive during a commit share the next one, each in its own
    savepoint, so that one that fails undoes itself only. Those that say which identity they are
    about share their statements, too (``Batch``). PostgreSQL commits many transactions at once;
    there each unit has its own.

    A unit may run twice, where a commit of several has failed, or PostgreSQL broke a deadlock: it
    must not keep anything of the first time. It is answered after the commit.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._inbox = Inbox()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None

    def run(self, unit: Callable[[], T], about: str | None = None) -> T:
        """Return what a unit returned, once that is committed; within another unit, together with it.

        Args:
            unit: The work.
            about: The id of the one User that it reads and changes, if there is one; not more than a hint.

        Raises:
            StoreBusyError, StoreUnavailableError: Nothing was stored.
            Exception: What the unit raised; nothing was stored.
        """
        if self.database.is_writing:
            return unit()
        if not self.database.is_sqlite:
            return _alone(unit)
        waiting = Blocking(unit, about)
        self._enqueue(waiting)
        return waiting.future.result()

    @overload
    def submit(self, unit: Callable[[], T], about: str | None = None) -> asyncio.Future[T]: ...

    @overload
    def submit(
        self, unit: Callable[[], T], about: str | None = None, *, then: Callable[[T], R]
    ) -> asyncio.Future[R]: ...

    def submit(
        self, unit: Callable[[], Any], about: str | None = None, *, then: Callable[[Any], Any] = lambda value: value
    ) -> asyncio.Future[Any]:
        """Return the same as ``run``, without a thread that waits for it; to be called in an event loop.

        Args:
            unit: The work.
            about: The id of the one User that it reads and changes, if there is one; not more than a hint.
            then: Makes of the unit's value what is returned, while the commit is under way where that is possible. It
                may be called for a value that is never committed, and leaves no trace.
        """
        loop = asyncio.get_running_loop()
        if not self.database.is_sqlite:
            return loop.run_in_executor(self._threads(), lambda: then(_alone(unit)))
        waiting = Awaited(unit, about, loop, then)
        self._enqueue(waiting)
        return waiting.future

    @property
    def waiting(self) -> int:
        """How many units have not been begun."""
        return len(self._inbox)

    def close(self) -> None:
        """Finish what was submitted, and end the threads."""
        if self._thread is not None:
            self._inbox.close()
            self._thread.join()
            self._thread = None
            self._inbox = Inbox()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _enqueue(self, unit: Unit[Any]) -> None:
        if self._thread is None:
            self._start()
        self._inbox.put(unit)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                # A daemon: whoever leaves without closing does not wait for it.
                self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
                self._thread.start()

    def _threads(self) -> ThreadPoolExecutor:
        with self._starting:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="writer")
            return self._pool

    def _work(self) -> None:
        while units := self._inbox.take():
            self._serve(units)
            # Those who are answered now are about to ask again, beside those who have asked meanwhile. Nothing but
            # waiting is left after the answers: whoever is woken by them would wait for this thread.
            self._inbox.expect(len(units) + len(self._inbox))
            deliver(units)

    def _serve(self, units: Sequence[Unit[Any]]) -> None:
        try:
            self._commit(units)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and this thread go on
            if len(units) > 1:
                # The trouble may be one unit's alone; then it is the only one that is told.
                for unit in units:
                    self._serve([unit])
                return
            units[0].fail(error)

    def _commit(self, units: Sequence[Unit[Any]]) -> None:
        with self.database.write() as tx:
            for unit in _run_together(tx, units):
                unit.attempt()
            # The commit waits for the disk, and needs no interpreter.
            prepare(units)


def _run_together(tx: Connection, units: Sequence[Unit[Any]]) -> list[Unit[Any]]:
    """Run the units that can share their statements, and return those that are to be run by themselves."""
    firsts = {unit.about: unit for unit in reversed(units) if unit.about is not None}
    if len(firsts) < 2:
        return list(units)
    left = []
    with Batch(tx, read_ahead(tx, firsts)) as batch:
        for unit in units:
            # Who comes second for the same User has to see what the first one wrote.
            is_first = unit.about is not None and firsts[unit.about] is unit
            has_joined = is_first and batch.attempt(unit.about or "", unit.attempt)
            # What fails here has left nothing, and may go well, or is refused as ever, by itself.
            if not has_joined or unit.has_failed:
                left.append(unit)
    return left


def _alone(unit: Callable[[], T]) -> T:
    """Run a unit in a transaction of its own; once more where PostgreSQL broke a deadlock by undoing it."""
    for _ in range(TRIES - 1):
        try:
            return unit()
        except StoreBusyError as error:
            if not is_deadlock(error):
                raise
    return unit()


class HasWriter(Protocol):
    """Something that writes through a ``Writer``."""

    @property
    def writer(self) -> Writer:
        """The writer."""
        ...


W = TypeVar("W", bound=HasWriter)


def unit_of_work(method: Callable[Concatenate[W, P], T]) -> Callable[Concatenate[W, P], T]:
    """Make each call of a method a unit of its object's writer."""

    @wraps(method)
    def call(self: W, *args: P.args, **kwargs: P.kwargs) -> T:
        if self.writer.database.is_writing:
            return method(self, *args, **kwargs)
        return self.writer.run(partial(method, self, *args, **kwargs))

    return cast("Callable[Concatenate[W, P], T]", call)
