"""What a change of the rules is about: line by line, and what it would do that cannot be undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Rule, Ruleset, Stage, Terms
from scimbridge.domain.rules_change import difference, new_irreversible
from scimbridge.domain.trigger import Trigger

MONTH = timedelta(days=30)
FINAL = Stage(after=MONTH, actions=(Action.DELETE,), terms=Terms(approvers=1), grace={"wiki": 2 * MONTH})
RULE = Rule(name="leavers", when=frozenset({Trigger.DELETED}), stages=(FINAL,), exclude_targets=frozenset({"hr"}))


def test_nothing_hides_in_a_difference() -> None:
    # A line separator ends a line for many programs, and not for TOML: what was a comment comes into force.
    assert difference("# so\u2028approval = false\n", "# so\napproval = false\n")[1:] == [
        "-# so\\u2028approval = false",
        "+# so",
        "+approval = false",
    ]
    assert difference("", "\tname = 'é'  # \u202eoga\x1b[2J\n")[1:] == ["+\tname = 'é'  # \\u202eoga\\x1b[2J"]
    assert difference("a\n", "a\n") == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (RULE, None),
        (replace(RULE, name="people"), "people: delete but not at hr after 30d (60d at wiki), with an approval"),
        (replace(RULE, exclude_targets=frozenset()), "leavers: delete after 30d (60d at wiki), with an approval"),
        (
            replace(RULE, stages=(replace(FINAL, grace={"wiki": timedelta(0)}),)),
            "leavers: delete but not at hr after 30d (0s at wiki), with an approval",
        ),
        (
            replace(RULE, stages=(replace(FINAL, targets=frozenset({"crm", "hr"}), grace={}, terms=Terms()),)),
            "leavers: delete at crm after 30d, without an approval",
        ),
    ],
)
def test_a_step_that_cannot_be_undone_is_new_where_it_comes_sooner_or_to_more(changed: Rule, said: str | None) -> None:
    contractors = replace(changed, name="contractors")  # that others have such a step says nothing

    found = new_irreversible(Ruleset((RULE, contractors)), Ruleset((changed, contractors)))

    assert found == ([f"rule {said}"] if said else [])
