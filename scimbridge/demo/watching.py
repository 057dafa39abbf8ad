"""What the bridge is doing, read from its database while it works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scimbridge.bridge import Bridge
from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import Task, TaskState

TOLD = frozenset(
    {
        "case opened",
        "fact recorded",
        "fact without rule",
        "excluded",
        "case canceled",
        "case completed",
        "restore opened",
        "task waits",
        "task ready again",
        "task done",
        "task skipped",
        "task failed",
        "needs a person",
        "attempt lapsed",
        "target paused",
        "target resumed",
        "hold placed",
        "hold lifted",
    }
)
"""Entries of the history that a reader wants to see; others are for the record."""

_MADE = {Action.SUSPEND: "suspended", Action.DELETE: "deleted", Action.RESTORE: "restored"}


@dataclass(frozen=True, slots=True)
class News:
    """One entry of the history.

    Attributes:
        identity_id: Whom it is about, if anybody.
        text: What happened and why, as one line.
    """

    event: str
    identity_id: str | None
    text: str


class Watch:
    """Follows the history, and looks at cases. Writes nothing.

    Attributes:
        seen: Each event that was in the history, with the id of the identity it was about.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._last_entry = 0
        self._linked = 0
        self.seen: set[tuple[str, str]] = set()
        self._cases: Mapping[str, Sequence[tuple[Case, Sequence[Task]]]] = {}

    @property
    def linked(self) -> int:
        """How many accounts have been linked so far."""
        return self._linked

    def look(self) -> list[News]:
        """Return what is new in the history, and see how all cases stand."""
        entries = self._bridge.overview.history_after(self._last_entry)
        if entries:
            self._last_entry = entries[-1]["id"]
            self._cases = self._read_cases()
        self._linked += sum(entry["event"] == "account linked" for entry in entries)
        self.seen.update((entry["event"], entry["identity_id"] or "") for entry in entries)
        return [
            News(entry["event"], entry["identity_id"], _told(entry["event"], entry["reason"], entry["target"], action))
            for entry in entries
            if entry["event"] in TOLD
            for action in [entry["details"].get("action")]
        ]

    def has_done(self, identity_id: str, action: Action) -> bool:
        """Whether an action was done for somebody at every target of the case."""
        wanted = [task for task in self._tasks(identity_id) if task.action is action]
        return bool(wanted) and all(task.state is TaskState.DONE for task in wanted)

    def open_case(self, identity_id: str) -> str:
        """Return the id of somebody's open case; empty where there is none."""
        cases = (case for case, _ in self._cases.get(identity_id, ()))
        return next((case.id for case in cases if case.state is CaseState.OPEN), "")

    def status(self, identity_id: str, target: str) -> str:
        """Return how somebody stands at a target, with the seconds to what comes next."""
        for _, tasks in self._cases.get(identity_id, ()):
            own = [task for task in tasks if task.target == target]
            if own:
                return _status(own, self._bridge.clock())
        return "excluded" if ("excluded", identity_id) in self.seen else ""

    def _tasks(self, identity_id: str) -> list[Task]:
        return [task for _, tasks in self._cases.get(identity_id, ()) for task in tasks]

    def _read_cases(self) -> Mapping[str, Sequence[tuple[Case, Sequence[Task]]]]:
        found: dict[str, list[tuple[Case, Sequence[Task]]]] = {}
        for summary in self._bridge.overview.list_cases(CaseQuery(), self._bridge.clock(), limit=50):
            story = self._bridge.stories.of(summary.case.id, self._bridge.clock())
            found.setdefault(summary.case.identity_id, []).append((story.summary.case, story.tasks))
        return found


def _told(event: str, reason: str, target: str | None, action: str | None) -> str:
    """Return what happened, and why, as one line."""
    what = event
    if action is not None:
        how = "" if event == "task done" else f" {event.removeprefix('task ')}"
        what = f"{action} at {target}{how}"
    return reason if reason.startswith(what) else f"{what}: {reason}".removesuffix(": ")


def _status(tasks: Sequence[Task], now: datetime) -> str:
    """Return the status of one case's tasks at one target, in the order of their stages."""
    done = [_MADE[task.action] for task in tasks if task.state is TaskState.DONE]
    parts = done[-1:]
    coming = next((task for task in tasks if not task.is_finished), None)
    if coming is not None:
        parts.append(_coming(coming, now))
    return "; ".join(parts) or tasks[-1].state


def _coming(task: Task, now: datetime) -> str:
    match task.state:
        case TaskState.PLANNED:
            return f"{task.action} in {_span(task.due_at, now)}"
        case TaskState.WAITING if task.not_before is not None:
            return f"{task.action}: again in {_span(task.not_before, now)}"
        case TaskState.WAITING | TaskState.FAILED:
            return f"{task.action} needs a person"
        case _:
            return f"{task.action} now"


def _span(at: datetime, now: datetime) -> str:
    seconds = max(0, round((at - now).total_seconds()))
    return f"{seconds} s" if seconds < 3600 else f"{round(seconds / 86400)} d"
