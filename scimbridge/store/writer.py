"""Writing for many at once: what waits for the same commit shares it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial, wraps
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from sqlalchemy import Connection

from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.store.ahead import read_ahead
from scimbridge.store.batch import Batch, LeftBatchError
from scimbridge.store.database import Database, is_deadlock

T = TypeVar("T")
P = ParamSpec("P")

MOST = 256
"""Units in one transaction. They wait for each other, and other processes for all of them."""

PATIENCE = 0.003
"""Seconds that a unit may wait for others to share its commit, where there were others before."""

PATIENCE_FOR_EACH = 0.00025
"""Seconds for each of those who are waited for, where that is more: answering and asking takes a moment for each."""

MOST_PATIENCE = 0.02
"""Seconds that a unit may wait, however many others there were."""

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
        self._inbox = _Inbox()
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
        waiting = _Blocking(unit, about)
        self._enqueue(waiting)
        return waiting.future.result()

    def submit(self, unit: Callable[[], T], about: str | None = None) -> asyncio.Future[T]:
        """Return the same as ``run``, without a thread that waits for it; to be called in an event loop."""
        loop = asyncio.get_running_loop()
        if not self.database.is_sqlite:
            return loop.run_in_executor(self._threads(), _alone, unit)
        waiting = _Awaited(unit, loop, about)
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
            self._inbox = _Inbox()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _enqueue(self, unit: _Unit[Any]) -> None:
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
            _deliver(units)

    def _serve(self, units: Sequence[_Unit[Any]]) -> None:
        try:
            self._commit(units)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and this thread go on
            if len(units) > 1:
                # The trouble may be one unit's alone; then it is the only one that is told.
                for unit in units:
                    self._serve([unit])
                return
            units[0].fail(error)

    def _commit(self, units: Sequence[_Unit[Any]]) -> None:
        with self.database.write() as tx:
            for unit in _run_together(tx, units):
                unit.attempt()


class _Inbox:
    """Units that wait for the one who takes them, and who is woken once for all that come together."""

    def __init__(self) -> None:
        self._units: deque[_Unit[Any]] = deque()
        self._expected = 1
        self._wanted = 1
        # An event would do, and takes ten times as long.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._units)

    def put(self, unit: _Unit[Any]) -> None:
        """Add a unit; any thread may."""
        self._units.append(unit)
        if len(self._units) >= self._wanted:
            self._bell.put(None)

    def close(self) -> None:
        """Let the one who takes come to an end, after what is there already."""
        self._is_closed = True
        self._bell.put(None)

    def expect(self, number: int) -> None:
        """Say how many are about to come; to be called by the one who takes, who will wait for them."""
        self._expected = min(number, MOST)
        self._listen(self._expected)

    def take(self) -> list[_Unit[Any]]:
        """Return what waits, or will in a moment; nothing where there will be nothing any more.

        As many as are expected are waited for: a commit for each few of them would make all of them slower.
        """
        expected = self._expected
        patience = min(max(PATIENCE, expected * PATIENCE_FOR_EACH), MOST_PATIENCE)
        if expected > 1:
            self._wait(patience)
        if not self._units:
            self._wait_for_one()
            if expected > 1:
                self._listen(expected)
                self._wait(patience)
        return [self._units.popleft() for _ in range(min(len(self._units), MOST))]

    def _wait_for_one(self) -> None:
        # A thread that was held up may ring for a unit that was taken long ago.
        while not self._units and not self._is_closed:
            self._listen(1)
            self._wait(None)

    def _listen(self, wanted: int) -> None:
        self._wanted = wanted
        while not self._bell.empty():
            self._bell.get()

    def _wait(self, timeout: float | None) -> None:
        # What came before the bell was listened to is seen here; what came after it has rung.
        if len(self._units) < self._wanted and not self._is_closed:
            with suppress(Empty):
                self._bell.get(timeout=timeout)


def _run_together(tx: Connection, units: Sequence[_Unit[Any]]) -> list[_Unit[Any]]:
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


class _Unit(Generic[T]):
    """A unit with its outcome, which nobody hears of before the commit."""

    def __init__(self, work: Callable[[], T], about: str | None = None) -> None:
        self.about = about
        self._work = work
        self._value: Any = None
        self._error: Exception | None = None

    def attempt(self) -> None:
        """Run the work.

        Raises:
            StoreBusyError, StoreUnavailableError: The whole transaction is in doubt: SQLite
                undoes it by itself where the disk is full.
            LeftBatchError: It is to be run by itself.
        """
        try:
            self._value, self._error = self._work(), None
        except (StoreBusyError, StoreUnavailableError, LeftBatchError):
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            self._value, self._error = None, error

    def fail(self, error: Exception) -> None:
        """Say that nothing was stored."""
        self._value, self._error = None, error

    @property
    def has_failed(self) -> bool:
        """Whether the work raised when it was run last."""
        return self._error is not None

    def settle(self) -> None:
        """Hand the outcome over."""
        raise NotImplementedError


class _Blocking(_Unit[T]):
    """A unit for which a thread waits."""

    def __init__(self, work: Callable[[], T], about: str | None) -> None:
        super().__init__(work, about)
        self.future: Future[T] = Future()

    def settle(self) -> None:
        """Wake the thread."""
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._value)


class _Awaited(_Unit[T]):
    """A unit for which a task of an event loop waits."""

    def __init__(self, work: Callable[[], T], loop: asyncio.AbstractEventLoop, about: str | None) -> None:
        super().__init__(work, about)
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()

    def settle(self) -> None:
        """Wake the task; one whose client has gone waits no longer."""
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._value)


def _deliver(batch: Sequence[_Unit[Any]]) -> None:
    """Hand all outcomes over: one wake-up for each event loop, not for each unit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit[Any]]] = {}
    for unit in batch:
        if isinstance(unit, _Awaited):
            by_loop.setdefault(unit.loop, []).append(unit)
        else:
            unit.settle()
    for loop, units in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, units)
        except RuntimeError:
            continue  # the loop has ended, and with it everybody who waited


def _settle(units: Sequence[_Unit[Any]]) -> None:
    for unit in units:
        unit.settle()
