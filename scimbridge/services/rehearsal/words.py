"""Rehearsals in plain words, the same in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.domain.duration import format_duration
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.times import moment
from scimbridge.domain.trigger import Trigger
from scimbridge.services.rehearsal.forecast import Rehearsal, RehearsedStage, RehearsedTask
from scimbridge.services.rehearsal.tally import GuardAnswer

NO_RETURN = "point of no return"


def before(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield what there is to know before the first task, each as one sentence."""
    if rehearsal.rule is None:
        yield "No rule matches; the fact is kept, and nothing happens."
        return
    if rehearsal.excluded is not None:
        yield f"Excluded: {rehearsal.excluded}; nothing is touched."
        return
    if rehearsal.open_case is not None:
        adds = "the tasks below are added" if rehearsal.acts else "nothing is added"
        earlier = f", and {rehearsal.earlier} of its tasks are due earlier" if rehearsal.earlier else ""
        yield f"Case {rehearsal.open_case.id} is open: the fact is recorded on it, {adds}{earlier}."
    if rehearsal.hook is not None:
        yield f"The hook {rehearsal.hook!r} is asked first; until it answers, nothing happens."
    for hold in rehearsal.held:
        on = "everything" if hold.scope is Scope.EVERYTHING else f"{hold.scope} {hold.subject}"
        yield f"On hold ({on}): {hold.reason}, says {hold.placed_by}; nothing happens until {_end_of(hold)}."
    yield from (_guard(answer) for answer in rehearsal.guard if answer.is_held)


def _end_of(hold: Hold) -> str:
    return f"it is lifted, or {moment(hold.until)}" if hold.until is not None else "it is lifted"


def guard(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield how full each limit of the guard would be, this person included."""
    for answer in rehearsal.guard:
        yield _guard(answer)


def after(rehearsal: Rehearsal) -> Iterator[str]:
    """Yield what there is to know behind the last task, each as one sentence."""
    for action, targets in rehearsal.left_out.items():
        yield f"Left out: {action} at {', '.join(targets)}; the connector cannot do it."
    for target, why in rehearsal.unusable.items():
        yield f"{target} cannot be used: {why}. Its tasks wait; of those, what it cannot do is left out in the end."
    if rehearsal.trigger is Trigger.STALE and rehearsal.acts:
        yield "Before each of them, the target is asked whether somebody has signed in since; then it is called off."
    if any(task.observed for stage in rehearsal.stages for task in stage.tasks):
        yield "Targets in observe mode are read, never written: there it is only reported."


def notes(stage: RehearsedStage, task: RehearsedTask) -> Iterator[str]:
    """Yield what is special about a task, each in a few words."""
    if task.spared is not None:
        yield f"left alone: {task.spared}"
    if task.contested:
        yield "contested: another active identity owns the account; a person is asked"
    if task.observed:
        yield "observe: only reported"
    if not task.verified:
        yield "unverified: the target is taken at its word"
    if task.takes_snapshot:
        yield "the account's state is kept first, for undo"
    if task.because_of is not None:
        yield f"because of {task.because_of}"
    terms = stage.terms
    if terms.approvers:
        yield f"waits for approval by {terms.approvers} operator{'s' if terms.approvers > 1 else ''}"
    if terms.schedule is not None:
        within = f", within {format_duration(terms.window)}" if terms.window is not None else ""
        yield f'released at "{terms.schedule}" ({terms.timezone}){within}'
    yield from _about_time(task)


def _about_time(task: RehearsedTask) -> Iterator[str]:
    if task.frozen:
        yield "after a freeze"
    if task.kept_until is not None:
        yield f"can be brought back until {moment(task.kept_until)}"


def _guard(answer: GuardAnswer) -> str:
    limit = answer.limit
    room = f"{answer.counted} of {answer.most:g}"
    said = f"Guard, {limit.guard_class} at {limit.where}: {room} within {format_duration(limit.window)}"
    if answer.flood_id is not None:
        return f"{said}; held: `scimbridge guard show {answer.flood_id}` is about the flood that is open."
    return f"{said}; held: that is more than the limit." if answer.is_held else f"{said}."
