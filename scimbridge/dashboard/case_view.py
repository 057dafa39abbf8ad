"""A case as its page draws it: stages along a line, with the point of no return, and what was true before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimbridge.domain.task import Task, TaskState
from scimbridge.services.stage import CaseStage
from scimbridge.services.story import Story, in_words, outlook

NOT_READ = "not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact about an account, as it was read before and after a task."""

    name: str
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        """Whether the task made a difference to it, as far as it was read both times."""
        return self.before != self.after and NOT_READ not in (self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTask:
    """A task.

    Attributes:
        outlook: By when it will be done, and should be.
        differences: What was read before and after, what changed first.
        attempts: Its runs, oldest first.
        is_ambiguous: Whether somebody has to choose among accounts.
    """

    task: Task
    outlook: Sequence[str]
    differences: Sequence[Difference]
    attempts: Sequence[Mapping[Any, Any]]
    is_ambiguous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnStage:
    """A stage.

    Attributes:
        how: Its state in a word or two, with a style of the same name.
        before: Its tasks that can be undone.
        beyond: Those that cannot.
        is_line: Whether the point of no return is drawn before what is beyond it: once in a case.
    """

    stage: CaseStage
    how: str
    before: Sequence[DrawnTask]
    beyond: Sequence[DrawnTask]
    is_line: bool


def draw(story: Story) -> list[DrawnStage]:
    """Return the stages of a case in order."""
    drawn: list[DrawnStage] = []
    for stage in story.stages:
        tasks = [_task(task, story) for task in stage.tasks]
        beyond = [one for one in tasks if one.task.action.is_irreversible]
        is_first = bool(beyond) and not any(each.beyond for each in drawn)
        before = [one for one in tasks if not one.task.action.is_irreversible]
        drawn.append(DrawnStage(stage=stage, how=_how(stage, story), before=before, beyond=beyond, is_line=is_first))
    return drawn


def _how(stage: CaseStage, story: Story) -> str:
    states = {task.state for task in stage.tasks}
    left = [task for task in stage.tasks if not task.is_finished]
    if not left:
        return "canceled" if states == {TaskState.CANCELED} else "done"
    if any(task.needs_person for task in left):
        return "needs a person"
    if all(any(hold.stops_work_at(task.target) for hold in story.holds) for task in left):
        return "held"
    if states & {TaskState.READY, TaskState.RUNNING}:
        return "working"
    if stage.waits_for_approval(story.now):
        return "waits for approval"
    if TaskState.WAITING in states:
        return "retrying"
    return "due" if stage.due_at <= story.now else "grace"


def _task(task: Task, story: Story) -> DrawnTask:
    evidence = story.evidence.get(task.id) or {}
    return DrawnTask(
        task=task,
        outlook=[line.strip() for line in outlook(story.forecasts.get(task.id))],
        differences=sorted(_differences(evidence), key=lambda one: (not one.is_changed, one.name)),
        attempts=story.attempts.get(task.id, ()),
        is_ambiguous=task.asks_which_account,
    )


def _differences(evidence: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = evidence.get("before") or {}, evidence.get("after") or {}
    for name in before | after:
        yield Difference(name=name, before=_said(before, name), after=_said(after, name))


def _said(read: Mapping[str, Any], name: str) -> str:
    return in_words(read[name]) if name in read else NOT_READ
