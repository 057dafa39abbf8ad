"""Rules in words, tried on a person; schedules with their next instants, and freezes."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from scimbridge.dashboard.deciding import IncompleteFormError
from scimbridge.dashboard.page import Page, Shown
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.domain.outline import left_out
from scimbridge.domain.rule import Rule, Stage
from scimbridge.domain.trigger import Trigger
from scimbridge.services import rules_in_words
from scimbridge.services.rehearsal import words
from scimbridge.services.timetable import timetable


class RulesPage(Page):
    """The rules in their order, and what they would make of somebody."""

    path = "/rules"
    template = "rules.html"
    # Nothing is changed; it is a form because a name is no part of an address.
    posting = Permission.LOOK

    def context(self, _visit: Visit) -> dict[str, Any]:
        """Return the rules."""
        settings = self.bridge.settings
        return {
            "rules": [(rule, [_stage(rule, stage, self.bridge) for stage in rule.stages]) for rule in self._rules()],
            "said": rules_in_words,
            "triggers": [(each.value, each.value) for each in (Trigger.DEACTIVATED, Trigger.DELETED)],
            "drafts": self.bridge.drafting.drafts(),
            "standing": self.bridge.following.standing(),
            "may_edit": settings.operators.edit_rules,
            "rehearsals": None,
            "named": "",
            "words": words,
        }

    def post(self, visit: Visit) -> Response | Shown:
        """Show what would happen to somebody; touches nothing."""
        named = visit.form.get("person", "")
        if not named:
            raise IncompleteFormError("name a person")
        try:
            trigger = Trigger(visit.form.get("trigger", Trigger.DEACTIVATED))
        except ValueError as error:
            raise IncompleteFormError("choose what the source says") from error
        found = self.bridge.rehearsing.rehearse(named, trigger, visit.now)
        return Shown("rules.html", {**self.context(visit), "rehearsals": found, "named": named})

    def _rules(self) -> tuple[Rule, ...]:
        return tuple(self.bridge.rulebook.rules.rules)


class SchedulesPage(Page):
    """When stages are let go, and when nothing is done that cannot be undone."""

    path = "/schedules"
    template = "schedules.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return the schedules with their next instants, and the freezes that are not over."""
        settings = self.bridge.settings
        found = timetable(self.bridge.rulebook.rules.rules, settings.freezes, settings.deadlines, visit.now)
        return {"timetable": found}


def _stage(rule: Rule, stage: Stage, bridge: Any) -> dict[str, Any]:
    return {
        "stage": stage,
        "left_out": left_out(rule, stage, bridge.settings.capabilities),
        "is_final": any(action.is_irreversible for action in stage.actions),
    }
