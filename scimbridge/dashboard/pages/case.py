"""A case: its story, its stages along a line, what it waits for, and what one can do to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.case_view import draw
from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, until, who_and_why
from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.next_steps import NextStep, next_step
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.hold import Scope
from scimbridge.domain.operator import Permission
from scimbridge.domain.task import Task, TaskState
from scimbridge.errors import NotFoundError
from scimbridge.services.story import Reason, Story, left_undone, not_given_back, opening, waiting_for

HISTORY_SHOWN = 200


class CasePage(Page):
    """One case."""

    path = "/cases/{case_id}"
    template = "case.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return everything there is to know about it."""
        story = self.bridge.stories.of(visit.request.path_params["case_id"], visit.now)
        drawn = draw(story)
        may_audit = visit.may("audit")
        ambiguous = [one.task.id for stage in drawn for one in (*stage.before, *stage.beyond) if one.is_ambiguous]
        return {
            "story": story,
            # That it is open, and how, stands above it with a color.
            "said": list(opening(story))[: -1 if story.case.state == "open" else None],
            "waits": self._with_steps(waiting_for(story), story, visit),
            "undone": self._with_steps(left_undone(story), story, visit),
            "lost": list(not_given_back(story)),
            "stages": drawn,
            "candidates": {task_id: self.bridge.overview.candidates(task_id) for task_id in ambiguous},
            "snapshots": self.bridge.overview.snapshots(story.case.id),
            "requests": [(row, _pretty(row["received"])) for row in story.requests] if may_audit else None,
            "history": story.history[-HISTORY_SHOWN:] if may_audit else story.history[-20:],
            "can": _possible(story),
        }

    @staticmethod
    def _with_steps(reasons: Iterable[Reason], story: Story, visit: Visit) -> list[tuple[Reason, NextStep | None]]:
        may_act = visit.may("act")
        return [(each, next_step(each, story.case.id, may_act=may_act)) for each in reasons]

    def post(self, visit: Visit) -> Response:
        """Do what one of its forms asks for."""
        do = _ACTIONS.get(visit.form.get("do", ""))
        if do is None:
            raise IncompleteFormError("the form does not say what to do; reload the page")
        case_id = visit.request.path_params["case_id"]
        path, *messages = do(self, case_id, visit)
        return go_to(visit, str(path) or f"/cases/{case_id}", [each for each in messages if isinstance(each, Message)])

    def _cancel(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        be_sure(visit)
        self.bridge.operating.cancel(case_id, **who_and_why(visit))
        return "", flash.done("The case is called off. What it had done stays done; restore gives it back.")

    def _expedite(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        be_sure(visit)
        number = _number(visit, "stage")
        came = self.bridge.expediting.expedite(case_id, number=number, task_id=None, **who_and_why(visit))
        if not came.tasks:
            return "", flash.refused("Nothing in that stage waits for its grace: nothing was changed.")
        still = f" It still waits: {'; '.join(came.still)}." if came.still else ""
        return "", flash.done(f"Stage {number} skips its grace: {len(came.tasks)} tasks are due now.{still}")

    def _hold(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        is_legal = visit.form.get("legal") == "yes"
        placed = self.bridge.holding.place(
            Scope.CASE, case_id, is_legal=is_legal, until=until(visit), **who_and_why(visit)
        )
        late = [
            flash.refused(f"Too late for an attempt at {each.target}: its request may have left already.")
            for each in placed.too_late_for
        ]
        said = flash.done("The case is held: nothing of it is released or started.", f"/holds/{placed.hold.id}")
        return "", said, *late

    def _lift(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        wanted = visit.form.get("hold", "")
        if wanted not in {hold.id for hold in self.bridge.holding.own(case_id)}:
            raise NotFoundError("hold of this case", wanted)
        self.bridge.holding.lift(wanted, **who_and_why(visit))
        return "", flash.done("Lifted. What became due meanwhile is released by the next sweep.")

    def _retry(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        retried = self.bridge.operating.retry(case_id, **who_and_why(visit))
        if not retried:
            return "", flash.refused("Nothing in it has failed or waits: nothing was changed.")
        return "", flash.done(f"Tried again: {len(retried)} {_tasks(retried)}.")

    def _observed(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        be_sure(visit)
        planned = self.bridge.operating.do_observed(case_id, **who_and_why(visit))
        if not planned:
            return "", flash.refused("Nothing in it was only observed: nothing was changed.")
        return "", flash.done(f"Planned again, and done as it is released: {len(planned)} {_tasks(planned)}.")

    def _restore(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        be_sure(visit)
        given = self.bridge.giving_back.restore(case_id, **who_and_why(visit))
        lost = [flash.refused(f"Nobody can give back, at {target}: {what}") for target, what in given.lost]
        return f"/cases/{given.case.id}", flash.done("This case gives back what the other one took."), *lost

    def _withdraw(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        withdrawn = self.bridge.approving.withdraw(case_id, _number(visit, "stage"), **who_and_why(visit))
        late = [
            flash.refused(f"Too late for the attempt at {each.target}: it may be through.")
            for each in withdrawn.too_late_for
        ]
        return "", flash.done(f"Stage {withdrawn.stage.number} is no longer approved."), *late

    def _done(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        task = self.bridge.operating.done_by_hand(visit.form.get("task", ""), case_id=case_id, **who_and_why(visit))
        return "", flash.done(f"{task.action} at {task.target} was done by hand. The case goes on.")

    def _link(self, case_id: str, visit: Visit) -> tuple[str | Message, ...]:
        said = visit.form
        task = self.bridge.operating.link(
            said.get("task", ""), said.get("account", ""), case_id=case_id, by=visit.operator.name, now=visit.now
        )
        return "", flash.done(f"{task.action} at {task.target} goes on with that account.")


_ACTIONS: Mapping[str, Callable[[CasePage, str, Visit], tuple[str | Message, ...]]] = {
    "cancel": CasePage._cancel,
    "expedite": CasePage._expedite,
    "hold": CasePage._hold,
    "lift": CasePage._lift,
    "retry": CasePage._retry,
    "observed": CasePage._observed,
    "restore": CasePage._restore,
    "withdraw": CasePage._withdraw,
    "done": CasePage._done,
    "link": CasePage._link,
}


def _possible(story: Story) -> dict[str, Any]:
    """Return which forms make sense; the services decide when they are sent."""
    is_open, is_leave = story.case.state == "open", story.case.kind == "leave"
    tasks = story.tasks
    return {
        "cancel": is_open and is_leave,
        "hold": is_open,
        "retry": is_open and any(task.state in (TaskState.FAILED, TaskState.WAITING) for task in tasks),
        "expedite": [
            (stage.number, f"stage {stage.number}")
            for stage in story.stages
            if is_open and any(t.state is TaskState.PLANNED and t.due_at > story.now for t in stage.tasks)
        ],
        "observed": [
            task
            for task in tasks
            if task.state is TaskState.SKIPPED and story.evidence.get(task.id, {}).get("observed")
        ]
        if story.case.state != "canceled"
        else [],
        "restore": is_leave and any(task.state is TaskState.DONE for task in tasks),
    }


def _tasks(found: Sequence[Task]) -> str:
    return "task" if len(found) == 1 else "tasks"


def _number(visit: Visit, name: str) -> int:
    said = visit.form.get(name, "")
    if not said.isdecimal() or len(said) > 4:
        raise IncompleteFormError(f"{name} is not a number; reload the page")
    return int(said)


def _pretty(received: object) -> str:
    return json.dumps(received, indent=2, ensure_ascii=False, default=str) if received is not None else ""
