from __future__ import annotations

from typing import Any

import pytest

from scimbridge.sdk import Action
from scimbridge.sdk.conformance.choosing import LIST, Asked, about, begun_by, by_hand_only, needs, of_lists


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


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.RESTORE])
@needs(Action.DELETE, also=begun_by)
def _begun(action: Action) -> None:
    del action


@pytest.mark.parametrize("method", ["check", LIST])
def _methods(method: str) -> None:
    del method


@of_lists
def _listing() -> None:
    """Be about lists."""


@by_hand_only
def _by_hand() -> None:
    """Be about people."""


def asked(*actions: Action, lists: bool = True, by_hand: bool = True) -> Asked:
    return Asked(frozenset(actions), lists=lists, by_hand=by_hand)


def values(test: Any) -> list[Any]:
    return [mark.args[1] for mark in test.pytestmark]


def test_only_parameters_that_name_other_actions_are_left_out() -> None:
    left = about(_example, asked(Action.SUSPEND))

    assert values(left) == [["a", "b"], [Action.SUSPEND]]
    assert values(_example) == [["a", "b"], [Action.SUSPEND, Action.DELETE]]
    assert left is not None
    assert left.__doc__ == "Take whatever comes."


def test_an_action_is_found_among_other_parameters() -> None:
    assert values(about(_pairs, asked(Action.STAMP))) == [[(Action.STAMP, "text")]]


def test_nothing_is_left_of_a_test_whose_actions_are_all_others() -> None:
    assert about(_pairs, asked(Action.SUSPEND)) is None


@pytest.mark.parametrize(("test", "actions"), [(_plain, set()), (_example, set(Action))])
def test_a_test_that_leaves_nothing_out_is_the_same(test: Any, actions: set[Action]) -> None:
    assert about(test, asked(*actions)) is test


def test_what_a_test_needs_beside_its_parameters_has_to_be_there() -> None:
    assert about(_begun, asked(Action.SUSPEND, Action.RESTORE)) is None
    assert values(about(_begun, asked(Action.DELETE, Action.SUSPEND))) == [[Action.SUSPEND]]
    assert about(_begun, asked(Action.DELETE, Action.RESTORE)) is None, "nobody could be restored"
    assert about(_begun, asked(*Action)) is _begun


def test_lists_and_people_are_asked_about_where_there_are_any() -> None:
    assert values(about(_methods, asked(lists=False))) == [["check"]]
    assert (about(_listing, asked()), about(_listing, asked(lists=False))) == (_listing, None)
    assert (about(_by_hand, asked()), about(_by_hand, asked(by_hand=False))) == (_by_hand, None)
