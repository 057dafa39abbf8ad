"""What a later version will have is refused by name: a setting that is ignored looks like one that works."""

from __future__ import annotations

from scimbridge.config import later
from scimbridge.domain.trigger import Trigger
from tests.config.conftest import GOOD, Problems


def test_later_triggers_are_refused_by_name(problems_of: Problems) -> None:
    problems = problems_of(GOOD.replace('"deactivated"', '"deactivated", "orphaned"'))

    assert problems == {"rules[0].when[1]": f'"orphaned" {later.SAYS}'}


def test_nothing_that_this_version_has_is_called_later() -> None:
    assert {Trigger.ORPHANED} == later.TRIGGERS, "prepared, and fed by a later version"
