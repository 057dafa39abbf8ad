"""Why work has not been let go: grace, approval, schedule, freeze; or nobody to do it."""

from __future__ import annotations

from collections.abc import Sequence

from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.times import distance
from scimbridge.services.stage import CaseStage
from scimbridge.services.story.reading import Story
from scimbridge.services.story.reasons import PATIENCE, Reason, Why, what, when


def about_approval(stage: CaseStage, story: Story) -> Reason:
    """Return that a stage waits for approval, and how to give it."""
    given = f", by {', '.join(stage.approved_by)}" if stage.approved_by else ""
    has = f"{len(stage.approved_by)} of {stage.terms.approvers}{given}"
    why = next((f" ({task.reason})" for task in stage.tasks if task.state is TaskState.PLANNED and task.reason), "")
    early = "" if stage.waits_for_approval(story.now) else "; it may be given before it is due"
    return Reason(
        why=Why.LAPSED if "lapsed" in why else Why.APPROVAL,
        said=f"Stage {stage.number} waits for its approval, {has}{why}:",
        about=str(stage.number),
        step=(
            f"`scimbridge cases approve {story.case.id} --stage {stage.number}` shows what it will do, and asks{early}."
        ),
    )


def about_planned(planned: Sequence[Task], story: Story) -> Reason:
    """Return why the first of what is planned has not been let go."""
    first = min(planned, key=lambda task: (task.due_at, task.position))
    this, due = what(first), when(first.due_at, story.now)
    terms = story.stage_of(first).terms
    if first.due_at > story.now >= story.graces[first.stage_id] and terms.schedule is not None:
        said = f'{this} waits for the schedule "{terms.schedule}" ({terms.timezone}), which lets it go at {due}.'
        return Reason(why=Why.SCHEDULE, said=said)
    if first.due_at > story.now:
        said = (
            f"Next is {this}, due {due}: {first.reason}."
            if first.reason
            else f"The grace runs: next is {this}, due {due}."
        )
        return Reason(
            why=Why.GRACE,
            said=said,
            step=f"`scimbridge cases cancel {story.case.id} --reason …` calls it off.",
        )
    if first.action.is_irreversible and any(task.position < first.position for task in story.pending):
        said = f"{this} was due {due} and waits until everything before it has ended."
        return Reason(why=Why.EARLIER, said=said)
    later = _released_later(first, story)
    if later is not None:
        return later
    late = story.now - first.due_at > PATIENCE
    return Reason(
        why=Why.NO_SWEEPER,
        said=f"{this} was due {due} and is released by the next sweep; without a hold, see that the sweeper runs.",
        step="It has not for that long: start `scimbridge sweeper`, or `scimbridge up`."
        if late and not story.holds
        else "",
    )


def _released_later(task: Task, story: Story) -> Reason | None:
    """Return why a task whose grace is over is let go later: a freeze, or its stage's schedule."""
    not_yet = story.timing.not_yet(task, story.stage_of(task).terms, story.now)
    if not_yet is None:
        return None
    said = (
        f"{what(task)} was due {when(task.due_at, story.now)}; {not_yet.reason} ({distance(not_yet.until, story.now)})."
    )
    if not_yet.reason.startswith("frozen"):
        return Reason(why=Why.FREEZE, said=said, step="`[[freeze]]` in the configuration says when it ends.")
    if "window" in not_yet.reason:
        return Reason(why=Why.WINDOW, said=said, step="See that `scimbridge sweeper` runs then.")
    return Reason(why=Why.SCHEDULE, said=said)
