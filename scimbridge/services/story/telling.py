"""A case told in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any

from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.duration import format_duration
from scimbridge.domain.identity import target_of
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.times import distance, moment
from scimbridge.domain.trigger import Trigger
from scimbridge.services.forecasting import Forecast
from scimbridge.services.story.of_tasks import left_undone
from scimbridge.services.story.reading import Row, Story
from scimbridge.services.story.reasons import what
from scimbridge.services.story.waiting import waiting_for


def tell(story: Story) -> Iterator[str]:
    """Yield the lines of a case's story."""
    yield from opening(story)
    waits = list(waiting_for(story))
    if waits:
        yield ""
        has_begun = any(task.state is not TaskState.PLANNED for task in story.tasks)
        yield "What it waits for:" if has_begun else "Why nothing has happened yet:"
        yield from (f"  {reason}" for reason in waits)
    undone = list(left_undone(story))
    if undone:
        yield ""
        yield "What was left undone:"
        yield from (f"  {reason}" for reason in undone)
    yield from _stages(story)
    yield from _section("What was not given back:", not_given_back(story))
    yield from _section("What the source sent:", (_request(row) for row in story.requests))
    yield from _section("History:", (_entry(entry) for entry in story.history))


_OPENINGS: Mapping[Trigger | None, str] = {
    Trigger.DEACTIVATED: "was deactivated",
    Trigger.DELETED: "was deleted",
    Trigger.ENDED: "ended: the end date passed",
    Trigger.UNASSIGNED: "was unassigned",
    Trigger.CHANGED: "changed roles",
    Trigger.REQUESTED: "is to leave, as was requested",
    Trigger.STALE: "was found not to use an account",
    Trigger.ORPHANED: "has an account that no identity claims",
    None: "left",
}


def opening(story: Story) -> Iterator[str]:
    """Yield who left, when and how, by which rule, and how the case is."""
    case, summary = story.case, story.summary
    if case.is_about_group:
        yield from _opening_of_group(story)
    else:
        yield from _opening_of_person(story)
    if case.state is CaseState.OPEN:
        yield f"It is open: {summary.situation}."
    else:
        ended = f" at {moment(case.closed_at)}" if case.closed_at else ""
        yield f"It was {case.state}{ended}: {case.reason}."


def _opening_of_person(story: Story) -> Iterator[str]:
    case, summary = story.case, story.summary
    name = story.identity.document.get("displayName")
    person = f"{summary.user_name} ({name})" if name and name != summary.user_name else summary.user_name
    if case.kind is CaseKind.LEAVE:
        by = f" by {case.opened_by}" if case.opened_by else ""
        yield f"{person} of source {case.source} {_OPENINGS[case.trigger]}{by} at {moment(case.trigger_at)}."
        yield from (f"{person} {each.said}." for each in story.stale)
        yield f"Rule {case.rule}{_of_version(case)} planned case {case.id}."
    else:
        yield f"{person} of source {case.source} returned at {moment(case.trigger_at)}."
        yield f"Case {case.id} gives back what rule {case.rule} took."


def _opening_of_group(story: Story) -> Iterator[str]:
    case = story.case
    group = f"Group {story.summary.user_name} at {target_of(case.source)}"
    by = f", as {case.opened_by} asked" if case.opened_by else ""
    if case.kind is CaseKind.LEAVE:
        yield f"{group} is to be given up{by} at {moment(case.trigger_at)}."
        yield f"Rule {case.rule}{_of_version(case)} planned case {case.id}."
    else:
        yield f"{group} is given back{by} at {moment(case.trigger_at)}."
        yield f"Case {case.id} gives back what rule {case.rule} took."


def _stages(story: Story) -> Iterator[str]:
    is_drawn = False
    numbers = {stage.id: stage for stage in story.stages}
    for (stage_id, due_at), tasks in groupby(story.tasks, key=lambda task: (task.stage_id, task.due_at)):
        stage = numbers[stage_id]
        by = f", approved by {', '.join(stage.approved_by)}" if stage.approved_by else ""
        yield ""
        yield f"Stage {stage.number}, due {moment(due_at)} ({distance(due_at, story.now)}){by}:"
        for task in tasks:
            if task.action.is_irreversible and not is_drawn:
                yield "  -- point of no return --"
                is_drawn = True
            yield from _task(task, story)


def _task(task: Task, story: Story) -> Iterator[str]:
    reason = f": {task.reason}" if task.reason else ""
    yield f"  {what(task)}: {task.state}{reason} (task {task.id})"
    yield from outlook(story.forecasts.get(task.id))
    changes = list(_evidence(story.evidence.get(task.id) or {}))
    if changes:
        yield f"    read before and after: {'; '.join(changes)}"
    yield from (f"    {_run(run)}" for run in story.attempts.get(task.id, ()))


def outlook(foreseen: Forecast | None) -> Iterator[str]:
    """Yield by when a task will be done and should be, where it has a deadline."""
    if foreseen is None or foreseen.deadline_at is None:
        return
    at = f"done by about {foreseen.at:%Y-%m-%d %H:%M} UTC" if foreseen.at is not None else "nobody can tell by when"
    deadline = f"deadline {moment(foreseen.deadline_at)}"
    missed = f": will be missed by {format_duration(_rounded(foreseen.late_by))}" if foreseen.late_by else ""
    yield f"    {at}; {deadline}{missed}"


def _rounded(span: timedelta) -> timedelta:
    """Return a span to the minute, or to the second where it is shorter than one."""
    unit = timedelta(minutes=1) if span >= timedelta(minutes=1) else timedelta(seconds=1)
    return max(round(span / unit), 1) * unit


def _evidence(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was read before and what was read back; of the many facts that stayed, whether one can sign in."""
    before, after = evidence.get("before") or {}, evidence.get("after") or {}
    for key in before:
        if key in after and before[key] != after[key]:
            yield f"{key} {in_words(before[key])} -> {in_words(after[key])}"
        elif key in after and key in _ALWAYS_TOLD:
            yield f"{key} {in_words(before[key])}"


_ALWAYS_TOLD = frozenset({"exists", "suspended", "disabled"})


def in_words(value: object) -> str:
    """Return a value of an account as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value)) or "none"
        case None:
            return "unknown"
        case _:
            return str(value)


def not_given_back(story: Story) -> Iterator[str]:
    """Yield what could not be given back, and where."""
    for task in story.tasks:
        for lost in (story.evidence.get(task.id) or {}).get("not_given_back", ()):
            yield f"{task.target}: {lost}"


def _request(row: Row) -> str:
    said = f"{row['at']:%Y-%m-%d %H:%M:%S} UTC  {row['source']} sent {row['method']} {row['path']}: {row['understood']}"
    return (
        f"{said}; answered {row['status']}, {row['applied']}" if row["applied"] else f"{said}; answered {row['status']}"
    )


def _section(heading: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield heading
        yield from (f"  {line}" for line in found)


def _run(run: Row) -> str:
    outcome = f"{run['outcome']}: {run['reason']}" if run["ended_at"] else "under way"
    return f"attempt {run['started_at']:%Y-%m-%d %H:%M:%S} UTC by {run['worker']}: {outcome}"


def _entry(entry: Row) -> str:
    at = f" at {entry['target']}" if entry["target"] else ""
    action = f" ({entry['details']['action']})" if "action" in entry["details"] else ""
    reason = f": {entry['reason']}" if entry["reason"] else ""
    return f"{entry['at']:%Y-%m-%d %H:%M:%S} UTC  {entry['event']}{action}{at}, by {entry['actor']}{reason}"


def _of_version(case: Case) -> str:
    return f", of version {case.ruleset} of the rules," if case.ruleset is not None else ""
