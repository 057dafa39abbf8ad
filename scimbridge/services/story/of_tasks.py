"""Why a task that was let go has not ended, and why one will never be done."""

from __future__ import annotations

from collections.abc import Iterator

from scimbridge.domain.approval import CHANGED, PROTECTED, SPARED, UNTOLD
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.times import moment
from scimbridge.services.restoring import asks_whether
from scimbridge.services.story.reading import Story
from scimbridge.services.story.reasons import PATIENCE, Reason, Why, what, when

_APPROVED = (
    (PROTECTED, Why.PROTECTED),
    (CHANGED, Why.CHANGED),
    (SPARED, Why.SPARED),
    (UNTOLD, Why.UNTOLD),
)
"""What an approval of exactly this state answers, by how the reason begins."""

_WORKER = "See that one runs: `scimbridge worker`, or `scimbridge up`."


def about_task(task: Task, story: Story) -> Reason:
    """Return why a task that was let go has not ended."""
    this = what(task)
    if task.needs_person:
        return _about_person(task, story)
    match task.state:
        case TaskState.RUNNING:
            return _about_running(task, story)
        case TaskState.WAITING if task.not_before is not None:
            tries = f", after {task.attempts} attempts" if task.attempts > 1 else ""
            return Reason(
                why=Why.BACKOFF,
                said=f"{this} is tried again at {when(task.not_before, story.now)}{tries}: {task.reason}.",
                step=f"`scimbridge cases retry {task.case_id}` tries it now.",
            )
        case _:
            return _about_ready(task, story)


def _about_person(task: Task, story: Story) -> Reason:
    said = f"{what(task)} needs a person: {task.reason}."
    for start, why in _APPROVED:
        if task.reason.startswith(start):
            number = story.stage_of(task).number
            step = f"`scimbridge cases approve {task.case_id} --stage {number}` shows what it is now, and asks."
            return Reason(why=why, said=said, about=str(number), step=step)
    if task.asks_which_account:
        step = f"`scimbridge tasks link {task.id}` lists them, and with the right one chooses it."
        return Reason(why=Why.AMBIGUOUS, said=said, about=task.id, step=step)
    retry = f"`scimbridge cases retry {task.case_id}`"
    if asks_whether(task):
        cancel = f"`scimbridge cases cancel {task.case_id} --reason …`"
        return Reason(why=Why.NEEDS_PERSON, said=said, step=f"Answer by {retry} or {cancel}.")
    why = Why.CONTESTED if task.reason.startswith("contested") else Why.NEEDS_PERSON
    return Reason(why=why, said=said, step=f"Then {retry}.")


def _about_running(task: Task, story: Story) -> Reason:
    run = next((run for run in story.attempts.get(task.id, ()) if run["ended_at"] is None), None)
    if run is not None and run["lease_until"] <= story.now:
        return Reason(
            why=Why.LEASE,
            said=f"{what(task)}: the worker {run['worker']} has stopped answering.",
            step="The next sweep has somebody else look and go on; see that `scimbridge sweeper` runs.",
        )
    by = f" by {run['worker']} since {moment(run['started_at'])}" if run is not None else ""
    return Reason(why=Why.RUNNING, said=f"{what(task)} is being worked on{by}.")


def _about_ready(task: Task, story: Story) -> Reason:
    this = what(task)
    earlier = [
        one
        for one in story.pending
        if one.account_id == task.account_id and one.position < task.position and one != task
    ]
    if earlier:
        return Reason(why=Why.EARLIER, said=f"{this} is due and comes after {what(earlier[0])}, which has not ended.")
    status = story.targets.get(task.target)
    if status is None:
        return Reason(why=Why.NO_WORKER, said=f"{this} is due and waits for a worker.", step=_WORKER)
    if status.live >= status.at_once < status.concurrency:
        return Reason(
            why=Why.LETTING_GO,
            said=f"{this} is due; what has piled up there is let go gradually, {status.at_once} at once by now.",
            step=f"`scimbridge targets list` shows how many wait at {task.target}.",
        )
    if status.live >= status.at_once:
        return Reason(
            why=Why.FULL,
            said=f"{this} is due and waits for its turn: {status.live} attempts of {status.concurrency} are under way.",
            step=f"[targets.{task.target}] `concurrency` is how many; `scimbridge targets list` shows how many wait.",
        )
    busy = f"{status.live} of {status.concurrency} attempts are under way there"
    late = story.now - task.due_at > PATIENCE
    return Reason(
        why=Why.NO_WORKER,
        said=f"{this} is due and waits for a worker; {busy}.",
        step=_WORKER if late else "",
    )


def _about_skipped(task: Task, story: Story) -> Reason:
    this = f"{what(task)} was not done"
    if story.evidence.get(task.id, {}).get("observed"):
        return Reason(
            why=Why.OBSERVED,
            said=f"{this}: {task.reason}.",
            step=f"Once {task.target} acts (`scimbridge targets arm {task.target} --for 4h --reason …`), "
            f"`scimbridge cases retry {task.case_id} --observed` does it.",
            about=task.target,
        )
    if task.reason.startswith("excluded"):
        step = "`scimbridge exclusion list` shows those of run time; the others are in the configuration."
        return Reason(why=Why.EXCLUDED, said=f"{this}: {task.reason}.", step=step)
    if task.reason.startswith("no account"):
        step = (
            f"If there is one all the same, see [targets.{task.target}] `match`; "
            f"`scimbridge targets check {task.target}` shows whether it is reached."
        )
        return Reason(why=Why.NO_ACCOUNT, said=f"{this}: nobody was found there.", step=step, about=task.target)
    return Reason(why=Why.SKIPPED, said=f"{this}: {task.reason}.")


def left_undone(story: Story) -> Iterator[Reason]:
    """Yield what was planned and will not be done, and why."""
    for task in story.tasks:
        if task.state is TaskState.SKIPPED:
            yield _about_skipped(task, story)
