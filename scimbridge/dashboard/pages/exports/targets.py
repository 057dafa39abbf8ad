"""Targets, their queues, and what waits or failed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from scimbridge.dashboard.export import MOST, Export
from scimbridge.dashboard.visit import Visit
from scimbridge.documents.sheet import Sheet, paged
from scimbridge.services.overview import TargetStatus
from scimbridge.services.preflight import Checked
from scimbridge.services.queues import QueueStatus
from scimbridge.store.target_work import Retry


@dataclass(frozen=True, slots=True)
class _Target:
    status: TargetStatus
    check: Checked | None
    destroyed_at: datetime | None


def _state(one: Retry) -> str:
    return "failed" if one.has_failed else "tried again later" if one.at is not None else "needs a person"


_OF_RETRY: Mapping[str, Callable[[Retry], object]] = {
    "case": lambda one: one.case_id,
    "task": lambda one: one.task_id,
    "person": lambda one: one.user_name,
    "source": lambda one: one.source,
    "target": lambda one: one.target,
    "action": lambda one: one.action,
    "state": _state,
    "reason": lambda one: one.reason,
    "attempts": lambda one: one.attempts,
    "first tried at": lambda one: one.first_tried_at,
    "next at": lambda one: one.at,
    "due at": lambda one: one.due_at,
    "deadline at": lambda one: one.deadline_at,
}

FAILURES: Sheet[Retry] = Sheet("failures", _OF_RETRY)
RETRIES: Sheet[Retry] = Sheet("retries", _OF_RETRY)

QUEUES: Sheet[QueueStatus] = Sheet(
    "queues",
    {
        "target": lambda one: one.status.name,
        "waiting": lambda one: one.status.runnable,
        "messages": lambda one: one.seen.depth if one.seen else None,
        "taken": lambda one: one.seen.started if one.seen else None,
        "oldest waits (s)": lambda one: one.waited.total_seconds() if one.waited is not None else None,
        "attempts": lambda one: one.status.live,
        "at once": lambda one: one.status.at_once,
        "done per minute": lambda one: round(one.done_per_minute, 2),
        "retries": lambda one: one.retrying,
        "next retry at": lambda one: one.next_retry_at,
        "for a person": lambda one: one.status.needs_person,
        "failed": lambda one: one.failed,
        "paused": lambda one: one.status.pause,
    },
)

TARGETS: Sheet[_Target] = Sheet(
    "targets",
    {
        "target": lambda one: one.status.name,
        "connector": lambda one: one.status.kind,
        "mode": lambda one: one.status.mode,
        "armed until": lambda one: one.status.armed_until,
        "paused": lambda one: one.status.pause,
        "cannot be used": lambda one: one.status.unusable,
        "waiting": lambda one: one.status.runnable,
        "attempts": lambda one: one.status.live,
        "for a person": lambda one: one.status.needs_person,
        "checked at": lambda one: one.check.at if one.check else None,
        "verdict": lambda one: one.check.worst if one.check else None,
        "findings": lambda one: "; ".join(each.message for each in one.check.findings) if one.check else None,
        "credentials end at": lambda one: one.check.ends_at if one.check else None,
        "last irreversible at": lambda one: one.destroyed_at,
    },
)


class FailuresExport(Export):
    """What waits for a person, at all targets or at one (``target=``), the newest first."""

    path = "/failures.csv"
    sheet = FAILURES

    def items(self, visit: Visit) -> Iterator[Retry]:
        """Yield the tasks."""
        names, queues = _targets(self, visit), self.bridge.queues
        return paged(lambda limit, after: queues.failures(names, limit, after=after), lambda one: one.task_id)


class RetriesExport(Export):
    """What is tried again later, at all targets or at one (``target=``), the next one first."""

    path = "/retries.csv"
    sheet = RETRIES

    def items(self, visit: Visit) -> Iterator[Retry]:
        """Yield the tasks."""
        return iter(self.bridge.queues.retries(_targets(self, visit), MOST))


class QueuesExport(Export):
    """One row for each queue."""

    path = "/queues.csv"
    sheet = QUEUES

    def items(self, visit: Visit) -> Iterator[QueueStatus]:
        """Yield the queues."""
        return iter(self.bridge.queues.board(visit.now).queues)


class TargetsExport(Export):
    """One row for each target."""

    path = "/targets.csv"
    sheet = TARGETS

    def items(self, visit: Visit) -> Iterator[_Target]:
        """Yield the targets."""
        checked, destroyed = self.bridge.preflight.kept(), self.bridge.queues.last_destroyed()
        for one in self.bridge.overview.targets(visit.now):
            yield _Target(one, checked.get(one.name), destroyed.get(one.name))


def _targets(export: Export, visit: Visit) -> list[str]:
    """Return the targets that are asked for.

    Raises:
        NotFoundError: There is no such target.
    """
    fleet = export.bridge.fleet
    named = visit.asked("target")
    return [fleet[named].name] if named else [target.name for target in fleet]
