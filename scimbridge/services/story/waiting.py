"""Why a case is not further than it is, and what would help: a sentence and a next step for every possible reason."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.times import moment
from scimbridge.services.overview import TargetStatus
from scimbridge.services.story.of_release import about_approval, about_planned
from scimbridge.services.story.of_tasks import about_task
from scimbridge.services.story.reading import Story
from scimbridge.services.story.reasons import Reason, Why, what, when


def waiting_for(story: Story) -> Iterator[Reason]:
    """Yield why a case is not further than it is; nothing once it has ended."""
    if story.case.state is not CaseState.OPEN:
        return
    for hold in story.holds:
        yield _about_hold(hold, story)
    for name, status in story.targets.items():
        yield from _about_target(name, status, story)
    for task in story.pending:
        if task.state is not TaskState.PLANNED and not _is_told_by_its_target(task, story):
            yield about_task(task, story)
    unapproved = [stage for stage in story.stages if stage.missing and not stage.is_finished]
    yield from (about_approval(stage, story) for stage in unapproved)
    ids = {stage.id for stage in unapproved}
    planned = [task for task in story.pending if task.state is TaskState.PLANNED]
    if any(task.due_at > story.now or task.stage_id not in ids for task in planned):
        yield about_planned(planned, story)
    yield from _about_deadlines(story)
    yield from _about_observing(story)


def _is_told_by_its_target(task: Task, story: Story) -> bool:
    """Whether a task only waits for its target, to which nothing is sent: no worker would help."""
    status = story.targets.get(task.target)
    return task.state is TaskState.READY and status is not None and status.stopped is not None


def _about_hold(hold: Hold, story: Story) -> Reason:
    on = f" of {hold.scope} {hold.subject}" if hold.scope is Scope.TARGET else ""
    since = f"stands since {moment(hold.placed_at)}"
    lift = f"`scimbridge hold lift {hold.id}` lifts it."
    if hold.id in story.hooks:
        asked = story.hooks[hold.id]
        tried = f"; asked {asked['attempts']} times so far" if asked["attempts"] > 1 else ""
        answer = f": {asked['answer']}" if asked["answer"] else ""
        return Reason(
            why=Why.HOOK,
            said=f"The hook {asked['hook']!r} was asked at {moment(asked['asked_at'])}; no answer yet{tried}{answer}. "
            f"It is asked again at {moment(asked['due_at'])}.",
            step=f"{lift.rstrip('.')}, without its answer.",
            about=hold.id,
        )
    if hold.flood_id is not None:
        return Reason(
            why=Why.FLOOD,
            said=f"It is held by the guard since {moment(hold.placed_at)}: {hold.reason}.",
            step=f"`scimbridge guard release {hold.flood_id}` lets all of the flood go on, "
            f"`scimbridge hold lift {hold.id}` this case alone.",
            about=hold.flood_id,
        )
    if hold.is_legal:
        return Reason(
            why=Why.LEGAL_HOLD,
            said=f"A legal hold{on} {since}, placed by {hold.placed_by}: {hold.reason}. {_end_of(hold)}",
            step=f"`scimbridge hold lift {hold.id} --reason …` lifts it.",
            about=hold.id,
        )
    said = f"A hold{on} {since}, placed by {hold.placed_by}: {hold.reason}. {_end_of(hold)}".rstrip()
    return Reason(why=Why.HOLD, said=said, step=lift, about=hold.id)


def _end_of(hold: Hold) -> str:
    """Return when a hold ends, as one sentence; of one that only people end, what is to be said of it."""
    if hold.until is not None:
        return f"It ends by itself at {moment(hold.until)}."
    return "Nothing else ends it." if hold.is_legal else ""


def _about_target(name: str, status: TargetStatus | None, story: Story) -> Iterator[Reason]:
    if status is None and name != NOTICES:
        yield Reason(
            why=Why.NO_TARGET,
            said=f"The configuration has no target {name} any more; its tasks wait until it has.",
            step=f"`scimbridge cases cancel {story.case.id} --reason …` ends the case.",
        )
    elif status is not None and status.unusable:
        yield Reason(
            why=Why.UNUSABLE,
            said=f"Target {name} cannot be used: {status.unusable}. Its tasks wait.",
            step=f"Mend it, start scimbridge again, and `scimbridge targets resume {name}` lets it go on.",
            about=name,
        )
    elif status is not None and status.pause is not None:
        yield Reason(
            why=Why.PAUSED,
            said=f"Target {name} is {status.pause}.",
            step=f"`scimbridge targets resume {name}` lets it go on.",
            about=name,
        )


def _about_deadlines(story: Story) -> Iterator[Reason]:
    for task in story.pending:
        foreseen = story.forecasts.get(task.id)
        if task.deadline_at is None or task.state is TaskState.PLANNED:
            continue
        if task.deadline_at <= story.now:
            said = f"{what(task)} should have been done by {when(task.deadline_at, story.now)}."
        elif foreseen is not None and foreseen.late_by:
            said = f"{what(task)} should be done by {when(task.deadline_at, story.now)}, and will be late."
        else:
            continue
        yield Reason(why=Why.LATE, said=said, step=f"`scimbridge cases retry {task.case_id}` tries it now.")


def _about_observing(story: Story) -> Iterator[Reason]:
    """Yield where nothing will be written. It is no reason to wait, so that it comes last."""
    for name, status in story.targets.items():
        if status is not None and status.mode == "observe" and status.armed_until is None:
            yield Reason(
                why=Why.OBSERVING,
                said=f"Target {name} only observes: what is due there is reported, and nothing is written.",
                step=f'`scimbridge targets arm {name} --for 4h --reason …` lets it act, mode = "enforce" for good.',
                about=name,
            )
