"""Units of work, and who waits for them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.store.batch import LeftBatchError

T = TypeVar("T")
R = TypeVar("R")


class Unit(ABC, Generic[T]):
    """Work with its outcome, which nobody hears of before the commit.

    Args:
        work: Writes, and returns a value.
        about: The id of the one User that it reads and changes, if there is one; not more than a hint.
    """

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

    @abstractmethod
    def settle(self) -> None:
        """Hand the outcome over."""


class Blocking(Unit[T]):
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


class Awaited(Unit[T], Generic[T, R]):
    """A unit for which a task of an event loop waits.

    Args:
        work: As ever.
        about: As ever.
        loop: The event loop.
        then: Makes of the work's value what the task gets.
    """

    def __init__(
        self, work: Callable[[], T], about: str | None, loop: asyncio.AbstractEventLoop, then: Callable[[T], R]
    ) -> None:
        super().__init__(work, about)
        self.loop = loop
        self.future: asyncio.Future[R] = loop.create_future()
        self._then = then
        self._prepared: Callable[[], None] | None = None

    def prepare(self) -> None:
        """Make ready what the task gets, should the commit succeed; to be called in the event loop."""
        if self._error is None:
            self._prepared = self._handing_over()

    def settle(self) -> None:
        """Wake the task; one whose client has gone waits no longer. To be called in the event loop."""
        if self.future.done():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            # Whatever made the work run once more had it prepared once more, too.
            hand_over = self._prepared or self._handing_over()
            hand_over()

    def _handing_over(self) -> Callable[[], None]:
        try:
            return partial(self.future.set_result, self._then(self._value))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            return partial(self.future.set_exception, error)


def prepare(units: Sequence[Unit[Any]]) -> None:
    """Let event loops make ready what they will hand over, while whoever calls goes on."""
    _tell_loops(units, _prepare)


def deliver(units: Sequence[Unit[Any]]) -> None:
    """Hand all outcomes over."""
    for unit in units:
        if not isinstance(unit, Awaited):
            unit.settle()
    _tell_loops(units, _settle)


def _tell_loops(units: Sequence[Unit[Any]], act: Callable[[Sequence[Awaited[Any, Any]]], None]) -> None:
    """Wake each event loop once for all of its units, and not once for each of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Awaited[Any, Any]]] = {}
    for unit in units:
        if isinstance(unit, Awaited):
            by_loop.setdefault(unit.loop, []).append(unit)
    for loop, own in by_loop.items():
        with suppress(RuntimeError):  # it has ended, and with it everybody who waited
            loop.call_soon_threadsafe(act, own)


def _prepare(units: Sequence[Awaited[Any, Any]]) -> None:
    for unit in units:
        unit.prepare()


def _settle(units: Sequence[Awaited[Any, Any]]) -> None:
    for unit in units:
        unit.settle()
