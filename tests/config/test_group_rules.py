"""Rules for groups at targets: for nothing else, and refused with the reason where they are more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.sample.store import SampleFile
from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.guard import GuardScope
from tests.config.conftest import Load, Problems


def a_configuration(*stages: str, when: str = '["requested"]', more: str = "", target: str = "") -> str:
    tables = ", ".join(f"{{ {stage} }}" for stage in stages)
    return f"""
[targets.directory]
connector = "sample"
file = "directory.db"
{target or 'groups_container = "old groups"'}

[[rules]]
name = "old groups"
when = {when}
stages = [{tables}]
{more}
"""


STAMP = 'after = "0s", do = ["stamp_group"]'
HOOK = '[hooks.ask]\nurl = "https://hr.example.com"\nsecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"'
DELETE = 'after = "365d", do = ["delete_group"]'


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    SampleFile.create(tmp_path / "directory.db")


def test_a_rule_for_groups_is_read_and_a_deletion_waits_for_approval(load_text: Load) -> None:
    moved = 'after = "30d", do = ["disable_group", "move_group", "empty_group"]'

    (rule,) = load_text(a_configuration(STAMP, moved, DELETE)).ruleset.rules

    assert rule.is_for_groups
    assert [stage.terms.approvers for stage in rule.stages] == [0, 0, 1]
    assert rule.stages[2].actions == (Action.DELETE_GROUP,)


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (
            a_configuration('after = "0s", do = ["stamp_group", "suspend"]'),
            "rules[0].stages[0].do",
            '"suspend" is done to accounts, and "stamp_group" to groups',
        ),
        (a_configuration(STAMP, when='["requested", "deleted"]'), "rules[0].when", "no source speaks of them"),
        (a_configuration(STAMP, more=f'hook = "ask"\n{HOOK}'), "rules[0].hook", "people only"),
        (a_configuration(STAMP, more='restore = "auto"'), "rules[0].restore", "cases restore"),
        (
            a_configuration('after = "0s", do = ["stamp_group", "notify"], notify = ["manager"]'),
            "rules[0].stages[0].notify",
            '"owner"',
        ),
        (a_configuration('after = "0s", do = ["refill_group"]'), "rules[0].stages[0].do", "cases restore"),
        (
            a_configuration('after = "0s", do = ["empty_group", "delete_group"]'),
            "rules[0].stages[0].do",
            'later stage than "empty_group"',
        ),
        (a_configuration(DELETE, 'after = "366d", do = ["stamp_group"]'), "rules[0].stages[1].do", 'after "delete_gro'),
        (
            a_configuration('after = "0s", do = ["move_group"]', target="concurrency = 1"),
            "targets.directory.groups_container",
            "is missing",
        ),
        (a_configuration(STAMP, more='[guard]\ngroups = { percent = 5, window = "1h" }'), "guard.groups.percent", ""),
    ],
)
def test_what_makes_no_sense_for_groups_is_refused_with_the_reason(
    problems_of: Problems, text: str, path: str, says: str
) -> None:
    problems = problems_of(text)

    assert path in problems
    assert says in problems[path]


@pytest.mark.parametrize(
    ("guard", "count"), [("", 50), ('[guard]\nall = { count = 5, window = "1h" }', 50), ("[guard.groups]", 7)]
)
def test_groups_have_a_limit_of_their_own_whatever_the_others_say(load_text: Load, guard: str, count: int) -> None:
    more = f'{guard}\ncount = 7\nwindow = "24h"' if guard == "[guard.groups]" else guard

    limits = load_text(a_configuration(STAMP, more=more)).guard.limits

    (groups,) = (limit for limit in limits if limit.guard_class is GuardClass.GROUPS)
    assert (groups.scope, groups.count, groups.window) == (GuardScope.OVERALL, count, timedelta(hours=24))


def test_no_source_is_called_like_the_groups_of_a_target(problems_of: Problems) -> None:
    problems = problems_of(a_configuration(STAMP, more='[sources."@directory"]'))

    assert "take another name" in problems['sources."@directory"']
