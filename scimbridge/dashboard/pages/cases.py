"""The list of cases, with a filter that can be bookmarked."""

from __future__ import annotations

from typing import Any

from scimbridge.dashboard.case_filter import ALL, read_filter
from scimbridge.dashboard.page import Page
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.case import CaseState
from scimbridge.domain.situation import Column, Wanted
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger

SHOWN = 50
USUAL_STAGES = 4
"""Stages that are offered at least: a case may have been planned by rules that are not in force any more."""

COUNTED = 1000
"""A list is counted up to here, so that the page costs by what it shows."""


class CasesPage(Page):
    """Cases that a filter finds, the newest first."""

    path = "/cases"
    template = "cases.html"

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return one page of the list, and how many there are."""
        asked = read_filter(visit.request.query_params)
        after = visit.asked("after") or None
        found = self.bridge.overview.list_cases(asked.query, visit.now, limit=SHOWN + 1, after=after)
        settings, rules = self.bridge.settings, self.bridge.rulebook.rules.rules
        most_stages = max([USUAL_STAGES, *(len(rule.stages) for rule in rules)])
        return {
            "asked": asked,
            "cases": found[:SHOWN],
            "more": visit.address(after=found[SHOWN - 1].case.id) if len(found) > SHOWN else "",
            "is_first": after is None,
            "count": self.bridge.overview.count_cases(asked.query, visit.now, most=COUNTED),
            "counted": COUNTED,
            "choices": {
                "state": [(each.value, each.value) for each in CaseState] + [(ALL, "open or ended")],
                "column": [(each.value, each.value) for each in Column],
                "situation": [(each.value, each.value) for each in Wanted],
                "source": [(name, name) for name in settings.sources],
                "target": [(name, name) for name in settings.targets],
                "rule": [(rule.name, rule.name) for rule in rules],
                "trigger": [(each.value, each.value) for each in Trigger],
                "stage": [(str(number), str(number)) for number in range(1, most_stages + 1)],
            },
            "states": tuple(TaskState),
        }
