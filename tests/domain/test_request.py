"""What becomes of a line that asks somebody to leave; which cases are asked for; what a token is."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.domain.access import BearerToken
from scimbridge.domain.case import CaseState
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Finding, Outcome, Report
from scimbridge.domain.situation import CaseQuery, Column, Wanted
from scimbridge.domain.trigger import Trigger

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NEW = {Outcome.OPENED, Outcome.JOINED, Outcome.DATED}


def test_a_line_is_good_where_what_it_asks_for_happens_or_has_happened() -> None:
    assert {outcome for outcome in Outcome if outcome.is_new} == NEW
    assert {outcome for outcome in Outcome if outcome.is_good} == NEW | {Outcome.ALREADY, Outcome.REPEATED}


def test_a_report_names_the_lines_that_are_not_done() -> None:
    findings = [Finding(leaver=Leaver(line=line), outcome=outcome) for line, outcome in enumerate(Outcome, 2)]

    failed = Report(findings, is_done=False).failed

    assert [finding.outcome for finding in failed] == [
        Outcome.LEFT_ALONE,
        Outcome.UNKNOWN,
        Outcome.AMBIGUOUS,
        Outcome.WRONG,
    ]


NARROWING = {
    "source": "okta",
    "rule": "leavers",
    "trigger": Trigger.DELETED,
    "target": "crm",
    "since": NOW,
    "until": NOW,
    "flood_id": "flood",
    "situation": Wanted.LATE,
    "search": "",
    "column": Column.HELD,
    "ids": (),
}


@pytest.mark.parametrize(("name", "value"), NARROWING.items())
def test_a_query_narrows_by_anything_that_it_asks_for(name: str, value: Any) -> None:
    assert CaseQuery(**{name: value}).narrows


def test_the_state_alone_and_the_way_access_goes_narrow_nothing() -> None:
    wide = CaseQuery(state=CaseState.OPEN, kind_is_leave=True, is_about_group=True)

    assert not wide.narrows
    assert {field.name for field in fields(CaseQuery)} == {*NARROWING, "state", "kind_is_leave", "is_about_group"}


@pytest.mark.parametrize(
    ("text", "is_jwt"), [("a.b.c", True), ("a.b", False), ("a.b.c.d", False), ("scb_7", False), ("aXX.XXb.c", True)]
)
def test_a_token_of_three_parts_is_a_jwt(text: str, is_jwt: bool) -> None:
    assert BearerToken(text).is_jwt is is_jwt
