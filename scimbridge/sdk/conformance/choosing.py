"""Leaves out what a connector does not perform, before pytest collects it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import wraps
from types import FunctionType
from typing import Any

import pytest

from scimbridge.domain.action import UNDOES, Action

Test = Callable[..., None]
Also = Callable[[Action], Collection[Action | None]]

LIST = "list"
"""As a parameter: the test is about lists of accounts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a connector's tests can be about.

    Attributes:
        actions: What it performs, and no person has to.
        lists: Whether it lists accounts.
        by_hand: Whether a person has to do something.
    """

    actions: frozenset[Action]
    lists: bool
    by_hand: bool


def needs(*actions: Action, also: Also | None = None) -> Callable[[Test], Test]:
    """Say which actions a test is about, beside those among its parameters; where one lacks, it is skipped.

    Args:
        actions: The actions.
        also: What more it is about, by the action among its parameters; ``None`` in it is nothing.
    """

    def mark(test: Test) -> Test:
        @wraps(test)
        def asked(self: Any, *arguments: Any, **named: Any) -> None:
            more = also(named["action"]) if also is not None else ()
            self._needs(named["connector"], *actions, *filter(None, more))
            test(self, *arguments, **named)

        asked.__dict__.update(needed=frozenset(actions), also=also)
        return asked

    return mark


def begun_by(action: Action) -> Collection[Action | None]:
    """Return an action, and what has to be done to an account before it has something to do."""
    return action, UNDOES.get(action, action.facts.follows)


def of_lists(test: Test) -> Test:
    """Say that a test is about lists of accounts."""
    test.__dict__["is_of_lists"] = True
    return test


def by_hand_only(test: Test) -> Test:
    """Say that a test is about what a person has to do."""
    test.__dict__["is_by_hand"] = True
    return test


def about(test: Any, asked: Asked) -> Test | None:
    """Return a test with only those of its parameters that a connector can be asked about.

    Args:
        test: One that other classes have, too, and that stays as it is.
        asked: What the connector can be asked about.

    Returns:
        The test itself where nothing is to be left out; ``None`` where nothing is left of it.
    """
    if not asked.actions.issuperset(getattr(test, "needed", ())):
        return None
    if (hasattr(test, "is_of_lists") and not asked.lists) or (hasattr(test, "is_by_hand") and not asked.by_hand):
        return None
    marks = getattr(test, "pytestmark", [])
    kept = [_reduced(mark, asked, getattr(test, "also", None)) for mark in marks]
    if kept == marks:
        return test  # type: ignore[no-any-return]  # whatever a class calls a test
    if any(mark.name == "parametrize" and not mark.args[1] for mark in kept):
        return None
    copied = FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    copied.__dict__.update(test.__dict__, pytestmark=kept)
    copied.__kwdefaults__, copied.__annotations__ = test.__kwdefaults__, test.__annotations__
    copied.__doc__, copied.__module__, copied.__qualname__ = test.__doc__, test.__module__, test.__qualname__
    return copied


def _reduced(mark: pytest.Mark, asked: Asked, also: Also | None) -> pytest.Mark:
    if mark.name != "parametrize":
        return mark
    names, values, *rest = mark.args
    left = [each for each in values if _can_be_asked(each, asked, also)]
    return mark if len(left) == len(values) else pytest.mark.parametrize(names, left, *rest, **mark.kwargs).mark


def _can_be_asked(value: Any, asked: Asked, also: Also | None) -> bool:
    if value == LIST:
        return asked.lists
    told = list(_actions_in(value))
    more = [each for action in told for each in (also(action) if also is not None else ()) if each is not None]
    return asked.actions.issuperset([*told, *more])


def _actions_in(value: Any) -> Iterator[Action]:
    parts = value.values if hasattr(value, "marks") else value if isinstance(value, tuple) else (value,)
    return (each for each in parts if isinstance(each, Action))
