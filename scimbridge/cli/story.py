"""A case told in sentences, and the answer to "why has nothing happened yet?"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.approval import PROTECTED
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.duration import format_duration
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.plan import NOTICES
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Trigger

if TYPE_CHECKING:
    from scimbridge.services.forecasting import Forecast
    from scimbridge.services.overview import CaseStory, TargetStatus
    from scimbridge.services.stage import CaseStage

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a case does not know itself.

    Attributes:
        holds: Those that stop work in it.
        targets: Those of the configuration, by name.
    """

    holds: Sequence[Hold]
    targets: Mapping[str, TargetStatus]
    now: datetime


def tell(story: CaseStory, around: Surroundings) -> Iterator[str]:
    """Yield the lines of a case's story."""
    yield from _opening(story)
    waits = list(waiting_for(story, around))
    if waits:
        yield ""
        has_begun = any(task.state is not TaskState.PLANNED for task in story.tasks)
        yield "What it waits for:" if has_begun else "Why nothing has happened yet:"
        yield from (f"  {sentence}" for sentence in waits)
    yield from _stages(story, around.now)
    yield ""
    yield "History:"
    yield from (f"  {_entry(entry)}" for entry in story.history)


def waiting_for(story: CaseStory, around: Surroundings) -> Iterator[str]:
    """Yield why a case is not further than it is, and what would help; nothing once it has ended."""
    if story.summary.case.state is not CaseState.OPEN:
        return
    pending = [task for task in story.tasks if not task.is_finished]
    for hold in around.holds:
        if hold.flood_id is not None:
            yield (
                f"It is held by the guard since {moment(hold.placed_at)}: {hold.reason}. "
                f"`scimbridge guard release {hold.flood_id}` lets all of the flood go on, "
                f"`scimbridge hold lift {hold.id}` this case alone."
            )
        elif _covers(hold, story, pending):
            on = f" of {hold.scope} {hold.subject}" if hold.scope is Scope.TARGET else ""
            yield (
                f"A hold{on} stands since {moment(hold.placed_at)}, placed by {hold.placed_by}: {hold.reason}. "
                f"`scimbridge hold lift {hold.id}` lifts it."
            )
    for target in sorted({task.target for task in pending}):
        yield from _about_target(target, around.targets.get(target))
    for task in pending:
        if task.state is not TaskState.PLANNED:
            yield _about_task(task, around)
    unapproved = {stage.id for stage in story.stages if stage.missing and not stage.is_finished}
    yield from (_about_approval(stage, around.now) for stage in story.stages if stage.id in unapproved)
    planned = [task for task in pending if task.state is TaskState.PLANNED]
    if any(task.due_at > around.now or task.stage_id not in unapproved for task in planned):
        yield _about_planned(planned, pending, around.now)


def _covers(hold: Hold, story: CaseStory, pending: Sequence[Task]) -> bool:
    match hold.scope:
        case Scope.EVERYTHING:
            return True
        case Scope.TARGET:
            return any(task.target == hold.subject for task in pending)
        case Scope.SOURCE:
            return hold.subject == story.identity.source
        case Scope.IDENTITY:
            return hold.subject == story.identity.id
        case Scope.CASE:
            return hold.subject == story.summary.case.id


def _about_target(name: str, status: TargetStatus | None) -> Iterator[str]:
    if status is None:
        yield f"The configuration has no target {name} any more; its tasks wait until it has, or the case is canceled."
    elif status.pause is not None:
        yield f"Target {name} is {status.pause}. `scimbridge targets resume {name}` lets it go on."


def _what(task: Task) -> str:
    return f"{task.action} at {task.target}" if task.target != NOTICES else task.action.value


def _about_task(task: Task, around: Surroundings) -> str:
    what = _what(task)
    if task.needs_person:
        if task.reason.startswith(PROTECTED):
            return f"{what} needs a person: {task.reason}."
        return f"{what} needs a person: {task.reason}. Then `scimbridge cases retry {task.case_id}`."
    match task.state:
        case TaskState.RUNNING:
            return f"{what} is being worked on."
        case TaskState.WAITING if task.not_before is not None:
            when = f"{moment(task.not_before)} ({distance(task.not_before, around.now)})"
            return f"{what} is tried again at {when}: {task.reason}."
        case _:
            status = around.targets.get(task.target)
            busy = f"; {status.live} of {status.concurrency} attempts are under way there" if status else ""
            return f"{what} is due and waits for a worker{busy}."


def _about_approval(stage: CaseStage, now: datetime) -> str:
    case_id = stage.tasks[0].case_id
    given = f", by {', '.join(stage.approved_by)}" if stage.approved_by else ""
    has = f"{len(stage.approved_by)} of {stage.terms.approvers}{given}"
    why = next((f" ({task.reason})" for task in stage.tasks if task.state is TaskState.PLANNED and task.reason), "")
    when = "" if stage.waits_for_approval(now) else "; it may be given before it is due"
    return (
        f"Stage {stage.number} waits for its approval, {has}{why}: "
        f"`scimbridge cases approve {case_id} --stage {stage.number}` shows what it will do, and asks{when}."
    )


def _about_planned(planned: Sequence[Task], pending: Sequence[Task], now: datetime) -> str:
    first = min(planned, key=lambda task: (task.due_at, task.position))
    what = f"{first.action} at {first.target}"
    when = f"{moment(first.due_at)} ({distance(first.due_at, now)})"
    if first.due_at > now and first.reason:
        return f"Next is {what}, due {when}: {first.reason}."
    if first.due_at > now:
        return f"The grace runs: next is {what}, due {when}."
    if first.action.is_irreversible and any(task.position < first.position for task in pending):
        return f"{what} was due {when} and waits until everything before it has ended."
    return f"{what} was due {when} and is released by the next sweep; without a hold, see that the sweeper runs."


def _opening(story: CaseStory) -> Iterator[str]:
    case, summary = story.summary.case, story.summary
    name = story.identity.document.get("displayName")
    person = f"{summary.user_name} ({name})" if name and name != summary.user_name else summary.user_name
    if case.kind is CaseKind.LEAVE:
        was = "ended" if case.trigger is Trigger.ENDED else f"was {case.trigger}"
        yield f"{person} of source {case.source} {was} at {moment(case.trigger_at)}."
        yield f"Rule {case.rule} planned case {case.id}."
    else:
        yield f"{person} of source {case.source} returned at {moment(case.trigger_at)}."
        yield f"Case {case.id} gives back what rule {case.rule} took."
    if case.state is CaseState.OPEN:
        yield f"It is open: {summary.situation}."
    else:
        ended = f" at {moment(case.closed_at)}" if case.closed_at else ""
        yield f"It was {case.state}{ended}: {case.reason}."


def _stages(story: CaseStory, now: datetime) -> Iterator[str]:
    is_drawn = False
    numbers = {stage.id: stage for stage in story.stages}
    for (stage_id, due_at), tasks in groupby(story.tasks, key=lambda task: (task.stage_id, task.due_at)):
        stage = numbers[stage_id]
        by = f", approved by {', '.join(stage.approved_by)}" if stage.approved_by else ""
        yield ""
        yield f"Stage {stage.number}, due {moment(due_at)} ({distance(due_at, now)}){by}:"
        for task in tasks:
            if task.action.is_irreversible and not is_drawn:
                yield "  -- point of no return --"
                is_drawn = True
            reason = f": {task.reason}" if task.reason else ""
            yield f"  {_what(task)}: {task.state}{reason} (task {task.id})"
            yield from _outlook(story.forecasts.get(task.id))
            yield from (f"    {_run(run)}" for run in story.attempts.get(task.id, ()))


def _outlook(forecast: Forecast | None) -> Iterator[str]:
    """Yield by when a task will be done and should be, where it has a deadline."""
    if forecast is None or forecast.deadline_at is None:
        return
    at = f"done by about {forecast.at:%Y-%m-%d %H:%M} UTC" if forecast.at is not None else "nobody can tell by when"
    deadline = f"deadline {moment(forecast.deadline_at)}"
    missed = f": will be missed by {format_duration(_rounded(forecast.late_by))}" if forecast.late_by else ""
    yield f"    {at}; {deadline}{missed}"


def _rounded(span: timedelta) -> timedelta:
    """Return a span to the minute, or to the second where it is shorter than one."""
    unit = timedelta(minutes=1) if span >= timedelta(minutes=1) else timedelta(seconds=1)
    return max(round(span / unit), 1) * unit


def _run(run: Row) -> str:
    outcome = f"{run['outcome']}: {run['reason']}" if run["ended_at"] else "under way"
    return f"attempt {run['started_at']:%Y-%m-%d %H:%M:%S} UTC by {run['worker']}: {outcome}"


def _entry(entry: Row) -> str:
    at = f" at {entry['target']}" if entry["target"] else ""
    action = f" ({entry['details']['action']})" if "action" in entry["details"] else ""
    reason = f": {entry['reason']}" if entry["reason"] else ""
    return f"{entry['at']:%Y-%m-%d %H:%M:%S} UTC  {entry['event']}{action}{at}, by {entry['actor']}{reason}"
