"""A person, whether or not they have a case: what is known of them, and why nothing happens to them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, who_and_why
from scimbridge.dashboard.page import Page, go_to
from scimbridge.dashboard.times import moment
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.names import called
from scimbridge.domain.operator import Permission
from scimbridge.domain.request import Asked, Finding, Outcome
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError, RuleError
from scimbridge.services.dossier import SHOWN, why_nothing
from scimbridge.services.rehearsal import words

TRIED = (Trigger.DEACTIVATED, Trigger.DELETED, Trigger.ENDED, Trigger.REQUESTED)
"""What the rules can be tried with: facts that need to say nothing more."""


class PersonNotAskedForError(RuleError):
    """Nothing came of asking that somebody leaves."""


class PersonPage(Page):
    """One person; a form to have them leave, and what the rules would make of it."""

    path = "/people/{identity_id}"
    template = "person.html"
    posting = Permission.ACT

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what is known of them; by ``?try=deactivated``, what the rules would do then."""
        identity_id, tried = _person(visit), _trigger(visit.asked("try"))
        dossier = self.bridge.dossiers.of(identity_id, visit.now)
        rehearsing = self.bridge.rehearsing
        return {
            "dossier": dossier,
            "identity": dossier.identity,
            "called": called(dossier.identity.document),
            "why": list(why_nothing(dossier)),
            "tried": tried or "",
            "triggers": [(each.value, each.value) for each in TRIED],
            "rehearsal": rehearsing.rehearse_one(identity_id, tried, visit.now) if tried else None,
            "words": words,
            "most": SHOWN,
        }

    def post(self, visit: Visit) -> Response:
        """Have them leave, or take that back where it waits for its date."""
        match visit.form.get("do"):
            case "leave":
                return self._leave(visit)
            case "withdraw":
                return self._withdraw(visit)
            case _:
                raise IncompleteFormError("the form does not say what to do; reload the page")

    def _leave(self, visit: Visit) -> Response:
        identity_id, why = _person(visit), who_and_why(visit)
        be_sure(visit)
        self.bridge.dossiers.of(identity_id, visit.now)
        asked = Asked(
            by=why["by"],
            reason=why["reason"],
            date=visit.form.get("date", ""),
            again=visit.form.get("again") == "yes",
        )
        leaver = Leaver(line=1, id=identity_id)
        (finding,) = self.bridge.requesting.request([leaver], asked, visit.now).findings
        return go_to(visit, *_told(finding, f"/people/{identity_id}"))

    def _withdraw(self, visit: Visit) -> Response:
        identity_id, wanted = _person(visit), visit.form.get("request", "")
        waiting = self.bridge.dossiers.of(identity_id, visit.now).waiting
        if waiting is None or waiting["id"] != wanted:
            raise NotFoundError("request that waits for its date", wanted)
        self.bridge.requesting.withdraw(wanted, **who_and_why(visit))
        return go_to(visit, f"/people/{identity_id}", [flash.done("They are not to leave at that date any more.")])


def _told(finding: Finding, here: str) -> tuple[str, list[flash.Message]]:
    """Return where to go, and what to tell there."""
    match finding.outcome:
        case Outcome.OPENED | Outcome.JOINED if finding.case_id is not None:
            begun = "A case begins" if finding.outcome is Outcome.OPENED else "The open case goes on with it"
            return f"/cases/{finding.case_id}", [flash.done(f"{begun}.")]
        case Outcome.DATED if finding.due_at is not None:
            return here, [flash.done(f"They are to leave at {moment(finding.due_at)}.")]
        case _:
            raise PersonNotAskedForError(finding.why)


def _trigger(said: str) -> Trigger | None:
    return next((each for each in TRIED if each == said), None)


def _person(visit: Visit) -> str:
    return str(visit.request.path_params["identity_id"])
