"""Acting on several cases: first a preview of how many and who, and who is left out and why; then it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.case_filter import CaseFilter, read_filter
from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, until, who_and_why
from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.page import Page, Shown, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.number import number_of
from scimbridge.domain.operator import Permission
from scimbridge.domain.situation import CaseQuery
from scimbridge.domain.task import TaskState
from scimbridge.services.acting import AT_ONCE, Acted

TOLD = 5
"""Cases to which it was not done, told one by one."""


class ActingPage(Page):
    """What is chosen in the list of cases comes here."""

    path = "/acting"
    template = "acting.html"
    permission = Permission.ACT
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:  # noqa: ARG002
        """Return that nothing is chosen: a preview is the answer to a form."""
        return {"preview": None}

    def post(self, visit: Visit) -> Response | Shown:
        """Show what would be done, or do it."""
        intent, asked = _intent(visit), read_filter(visit.form)
        if asked.problems:
            raise IncompleteFormError(asked.problems[0].rstrip("."))
        if visit.form.get("step") == "do":
            return self._do(visit, intent, asked)
        preview = self.bridge.acting.preview(intent, _selection(visit, asked), visit.now)
        return Shown(self.template, {"preview": preview, "intent": intent, "asked": asked, "states": tuple(TaskState)})

    def _do(self, visit: Visit, intent: Intent, asked: CaseFilter) -> Response:
        """Do it to the cases that the preview has named, as far as the filter still finds them; to no others."""
        be_sure(visit)
        acting = self.bridge.acting
        preview = acting.preview(intent, replace(_selection(visit, asked), ids=_named(visit)), visit.now)
        results = list(acting.act(preview, **who_and_why(visit)))
        return go_to(visit, asked.path, list(_told(intent, results, named=len(visit.chosen))))


def _intent(visit: Visit) -> Intent:
    try:
        action = CaseAction(visit.form.get("action", ""))
    except ValueError as error:
        raise IncompleteFormError("choose what to do") from error
    stage = visit.form.get("stage") or "1"
    if not stage.isdecimal() or len(stage) > 4:
        raise IncompleteFormError("the stage is not a number")
    return Intent(
        action=action,
        stage=int(stage),
        until=until(visit, "hold_until") if action is CaseAction.HOLD else None,
    )


def _selection(visit: Visit, asked: CaseFilter) -> CaseQuery:
    if visit.form.get("whom") == "found":
        return asked.query
    return CaseQuery(ids=_named(visit))


def _named(visit: Visit) -> tuple[str, ...]:
    if not visit.chosen:
        raise IncompleteFormError("choose at least one case, or all that the filter finds")
    return visit.chosen


_DONE: Mapping[CaseAction, str] = {
    CaseAction.CANCEL: "called off",
    CaseAction.EXPEDITE: "let skip their grace",
    CaseAction.HOLD: "held",
    CaseAction.RELEASE: "released",
    CaseAction.RETRY: "tried again",
    CaseAction.RESTORE: "being given back",
}


def _told(intent: Intent, results: list[Acted], named: int) -> list[Message]:
    done = sum(each.is_done for each in results)
    failed = [each for each in results if not each.is_done]
    said = [flash.done(f"{number_of(done, 'case')} {_DONE[intent.action]}.")] if done else []
    if not results:
        said.append(flash.refused("Nothing was changed: there is no such case any more."))
    said += [flash.refused(f"Not done: {each.said}.", f"/cases/{each.case_id}") for each in failed[:TOLD]]
    if len(failed) > TOLD:
        said.append(flash.refused(f"Nor to {len(failed) - TOLD} more."))
    if 0 < len(results) < named:
        left = number_of(named - len(results), "case")
        said.append(flash.refused(f"{left} of the preview changed meanwhile: nothing was done there."))
    if len(results) == AT_ONCE:
        said.append(flash.done("There may be more: do it again to go on."))
    return said
