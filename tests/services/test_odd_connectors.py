"""Connectors of strangers that raise, return and say odd things: each case says so and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from scimbridge.domain.action import Action
from scimbridge.domain.task import Task
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    AmbiguousAccountError,
    Confirm,
    Context,
    Done,
    Entitlement,
    InProgress,
    NeedsPerson,
    Outcome,
    RejectedError,
    RetryableError,
    performs,
)
from scimbridge.services.permit import TargetPermit
from scimbridge.services.story import Stories, tell
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryConnector

Odd = Callable[[], Any]
Reads = Callable[[AccountState], Any]
ANYTHING: Any = None


class StrangeConnector(MemoryConnector):
    """A connector that does something odd once for each of some accounts."""

    outcomes: dict[str, Odd]
    reads: dict[str, Reads]

    def read(self, account_id: str) -> AccountState:
        state = super().read(account_id)
        odd = self.reads.pop(state.name, None)
        return state if odd is None else odd(state)

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:
        odd = self.outcomes.pop(account.name, None)
        return super().suspend(account, confirm) if odd is None else odd()


@dataclass
class StrangeBench(Bench):
    outcomes: Mapping[str, Odd] = field(default_factory=dict)
    reads: Mapping[str, Reads] = field(default_factory=dict)

    def _build(self, name: str) -> MemoryConnector:
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        made = StrangeConnector(self.configs[name], Context(target=name, permit=permit), self.systems[name])
        made.outcomes, made.reads = dict(self.outcomes), dict(self.reads)
        return made

    def all_leave(self) -> Iterator[tuple[str, Task]]:
        """Everybody who meets something odd leaves; yields whom, and what became of it at first."""
        people = {name: self.join(name) for name in (*self.outcomes, *self.reads)}
        self.run()
        for person in people.values():
            self.leave(person)
        self.run()
        for name, person in people.items():
            (task,) = self.tasks(self.case(person))
            assert list(tell(Stories(self.database, self.fleet).of(task.case_id, self.clock()))), "it can be shown"
            yield name, task


def raising(error: Callable[[], BaseException]) -> Odd:
    def throw() -> None:
        raise error()

    return throw


UNUSABLE = "the connector returned what cannot be used"
UNEXPECTED = "unexpected {} in the connector; see the worker's log"

OUTCOMES: dict[str, tuple[Odd, str]] = {
    "nothing": (lambda: None, f"{UNUSABLE} (NoneType: it is neither Done, InProgress nor NeedsPerson)"),
    "a class": (lambda: Done, f"{UNUSABLE} (type: "),
    "octets": (lambda: Done(changed=True, after={"raw": b"x"}), f"{UNUSABLE} (Done: Object of type bytes"),
    "no number": (lambda: Done(changed=True, after={"raw": float("nan")}), f"{UNUSABLE} (Done: "),
    "no facts": (lambda: Done(changed=True, after=ANYTHING), f"{UNUSABLE} (Done: "),
    "seconds": (lambda: InProgress(handle="x", check_after=60), f"{UNUSABLE} (InProgress: "),  # type: ignore[arg-type]
    "no handle": (lambda: InProgress(handle=ANYTHING, check_after=timedelta(1)), f"{UNUSABLE} (InProgress: "),
    "no words": (lambda: NeedsPerson(ANYTHING), f"{UNUSABLE} (NeedsPerson: "),
    "NUL": (lambda: NeedsPerson("ask\0 \ud800 her"), "ask\ufffd \ufffd her"),
    "NUL at work": (
        lambda: InProgress(handle="\0", check_after=timedelta(1), progress="\ud800"),
        "the target is working on it: \ufffd",
    ),
    "ages": (lambda: InProgress(handle="x", check_after=timedelta.max), "the target is working on it"),
    "the past": (lambda: InProgress(handle="x", check_after=timedelta.min), ""),
    "NUL raised": (raising(lambda: RetryableError("a\0b")), "a\ufffdb"),
    "half raised": (raising(lambda: RejectedError("a\ud800b")), "a\ufffdb"),
    "a number": (raising(lambda: RejectedError(5)), "5"),  # type: ignore[arg-type]
    "wait 5": (raising(lambda: RetryableError("later", retry_after=5)), UNEXPECTED.format("TypeError")),  # type: ignore[arg-type]
    "wait for ages": (raising(lambda: RetryableError("later", retry_after=timedelta.max)), "later"),
    "two of none": (
        raising(lambda: AmbiguousAccountError("two", ["a", "b"])),  # type: ignore[list-item]
        UNEXPECTED.format("AttributeError"),
    ),
    "an exit": (raising(lambda: SystemExit(1)), UNEXPECTED.format("SystemExit")),
    "canceled": (raising(asyncio.CancelledError), UNEXPECTED.format("CancelledError")),
    "gone": (raising(lambda: AccountNotFoundError("no team")), "no team, but it is there when it is read"),
}

READS: dict[str, tuple[Reads, str]] = {
    "no state": (lambda _: None, UNEXPECTED.format("AttributeError")),
    "a word": (lambda state: replace(state, suspended="false"), UNEXPECTED.format("TypeError")),  # type: ignore[arg-type]
    "another": (lambda state: replace(state, id="another"), "the connector answered with another account"),
    "odd groups": (lambda state: replace(state, groups=("a",)), UNEXPECTED.format("AttributeError")),  # type: ignore[arg-type]
    "half a group": (lambda state: replace(state, groups=(Entitlement("a", "\ud800"),)), "done, and read back"),
    "NUL in a group": (lambda state: replace(state, groups=(Entitlement("a", "\0"),)), "done, and read back"),
    "NUL in it": (lambda state: replace(state, attributes={"mail": ("a\0b",)}), "done, and read back"),
}


def test_whatever_a_connector_comes_up_with_is_told_and_nobody_is_forgotten(
    database: Database, clock: FakeClock
) -> None:
    bench = StrangeBench(
        database,
        clock,
        outcomes={name: odd for name, (odd, _) in OUTCOMES.items()},
        reads={name: odd for name, (odd, _) in READS.items()},
    )

    with capture_logs():
        said = {name: task.reason for name, task in bench.all_leave()}
        bench.run("7d")

    words = {name: words for name, (_, words) in (*OUTCOMES.items(), *READS.items())}
    assert {name: reason for name, reason in said.items() if words[name] not in reason} == {}
    waiting = {name for name in said if not bench.systems["crm"].is_suspended(name)}
    assert waiting == {"NUL", "half raised", "a number", "another"}, "these are for a person"
