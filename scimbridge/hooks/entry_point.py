"""Hooks of installed packages: entry points of the group ``scimbridge.hooks``, imported when they are first asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Any

from scimbridge.hooks.hook import BrokenHookError, checked
from scimbridge.sdk.hook import HookAnswer, HookRequest

GROUP = "scimbridge.hooks"
TIMEOUT = timedelta(seconds=30)


def installed() -> frozenset[str]:
    """Return the names of the hooks that are installed. Imports none of them."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


class EntryPointHook:
    """A callable of an installed package.

    It runs in a thread of its own, which cannot be ended: one that hangs is not asked again before it comes back.
    """

    def __init__(self, name: str, timeout: timedelta = TIMEOUT) -> None:
        self._name = name
        self._timeout = timeout
        self._busy = threading.Lock()

    def ask(self, request: HookRequest, *, now: datetime) -> HookAnswer:  # noqa: ARG002 - as every hook has it
        """Call it."""
        function = self._load()
        if not self._busy.acquire(timeout=self._timeout.total_seconds()):
            raise BrokenHookError("it is still busy with an earlier question")
        result: list[Any] = []
        thread = threading.Thread(target=self._run, args=(function, request, result), daemon=True)
        thread.start()
        thread.join(self._timeout.total_seconds())
        if not result:
            raise BrokenHookError(f"it did not answer within {self._timeout.total_seconds():g} s")
        answer = result[0]
        if isinstance(answer, BaseException):
            # What it says may hold anything, also what is private; its kind is enough to look for it.
            raise BrokenHookError(f"it raised {type(answer).__name__}") from answer
        if not isinstance(answer, HookAnswer):
            raise BrokenHookError(f"it returned {type(answer).__name__} instead of a HookAnswer")
        return checked(answer, request)

    def _run(self, function: Callable[[HookRequest], Any], request: HookRequest, result: list[Any]) -> None:
        try:
            result.append(function(request))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the hook is broken
            result.append(error)
        finally:
            self._busy.release()

    def _load(self) -> Callable[[HookRequest], Any]:
        found = next((entry for entry in entry_points(group=GROUP) if entry.name == self._name), None)
        if found is None:
            raise BrokenHookError(f"no installed package has a hook {self._name!r}")
        try:
            loaded: Any = found.load()
        except Exception as error:
            raise BrokenHookError(f"it cannot be imported: {type(error).__name__}") from error
        if not callable(loaded):
            raise BrokenHookError("its entry point names nothing that can be called")
        function: Callable[[HookRequest], Any] = loaded
        return function
