"""``/tasks``: what is done at targets, and what a person has to do."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import tasks as models
from scimbridge.api.models.steps import Because
from scimbridge.api.paging import cut, link, position
from scimbridge.domain.operator import Permission
from scimbridge.domain.task import Task
from scimbridge.services.browsing import TaskQuery

routes = Routes("tasks")


@routes.get("/tasks", Permission.LOOK)
def list_tasks(call: Call[models.TaskList, Nothing]) -> models.TaskPage:
    """List tasks, the newest first."""
    asked = call.query
    query = TaskQuery(
        state=asked.state,
        target=asked.target,
        action=asked.action,
        case_id=asked.case,
        needs_person=asked.needs_person,
    )
    shown, is_more = cut(call.bridge.browsing.tasks(query, before=position(call), limit=asked.limit + 1), asked.limit)
    items = [models.TaskFound.from_row(row) for row in shown]
    return models.TaskPage(items=items, next=link(call, shown[-1]["id"] if is_more else None))


@routes.get("/tasks/{task}/candidates", Permission.ACT)
def list_candidates(call: Call[Nothing, Nothing]) -> models.Candidates:
    """List the accounts to choose among for a task."""
    found = call.bridge.overview.candidates(call.path["task"])
    return models.Candidates(items=[models.Candidate(id=each["id"], name=each["name"]) for each in found])


@routes.post("/tasks/{task}/link", Permission.ACT)
def link_task(call: Call[Nothing, models.LinkRequest]) -> models.TaskDone:
    """Choose the account that a task is about, and let it go on."""
    return _done(call.bridge.operating.link(call.path["task"], call.body.account, by=call.by, now=call.now))


@routes.post("/tasks/{task}/done", Permission.ACT)
def end_task(call: Call[Nothing, Because]) -> models.TaskDone:
    """Say that a person has seen to a task that waits for one.

    Nothing is read back: the task counts as skipped, with your word for it, and the case goes on.
    """
    task = call.bridge.operating.done_by_hand(call.path["task"], reason=call.body.reason, by=call.by, now=call.now)
    return _done(task)


def _done(task: Task) -> models.TaskDone:
    return models.TaskDone(
        id=task.id, case_id=task.case_id, action=task.action, target=task.target, state=task.state, reason=task.reason
    )
