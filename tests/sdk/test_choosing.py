from __future__ import annotations

from typing import Any

import pytest

from scimbridge.sdk import Action
from scimbridge.sdk.conformance.choosing import about


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.DELETE])
@pytest.mark.parametrize("why", ["a", "b"], ids=["first", "second"])
def _example(action: Action, why: str) -> None:
    """Take whatever comes."""
    del action, why


@pytest.mark.parametrize(("action", "what"), [(Action.STAMP, "text"), pytest.param(Action.DELETE, "all", id="x")])
def _pairs(action: Action, what: str) -> None:
    del action, what


def _plain() -> None:
    """Have no parameters."""


def values(test: Any) -> list[Any]:
    return [mark.args[1] for mark in test.pytestmark]


def test_only_parameters_that_name_other_actions_are_left_out() -> None:
    left = about(_example, {Action.SUSPEND})

    assert values(left) == [["a", "b"], [Action.SUSPEND]]
    assert values(_example) == [["a", "b"], [Action.SUSPEND, Action.DELETE]]
    assert left is not None
    assert left.__doc__ == "Take whatever comes."


def test_an_action_is_found_among_other_parameters() -> None:
    assert values(about(_pairs, {Action.STAMP})) == [[(Action.STAMP, "text")]]


def test_nothing_is_left_of_a_test_whose_actions_are_all_others() -> None:
    assert about(_pairs, {Action.SUSPEND}) is None


@pytest.mark.parametrize(("test", "actions"), [(_plain, set()), (_example, set(Action))])
def test_a_test_that_leaves_nothing_out_is_the_same(test: Any, actions: set[Action]) -> None:
    assert about(test, actions) is test
