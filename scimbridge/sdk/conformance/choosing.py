"""Leaves out tests of actions that a connector does not perform, before pytest collects them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from types import FunctionType
from typing import Any

import pytest

from scimbridge.domain.action import Action


def about(test: Any, actions: Collection[Action]) -> Callable[..., None] | None:
    """Return a test with only those of its parameters that are about these actions.

    Args:
        test: One that other classes have, too, and that stays as it is.
        actions: What the connector performs.

    Returns:
        The test itself where it has no actions among its parameters; ``None`` where nothing is left of it.
    """
    marks = getattr(test, "pytestmark", [])
    kept = [_reduced(mark, actions) for mark in marks]
    if kept == marks:
        return test  # type: ignore[no-any-return]  # whatever a class calls a test
    if any(mark.name == "parametrize" and not mark.args[1] for mark in kept):
        return None
    copied = FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    copied.__dict__.update(test.__dict__, pytestmark=kept)
    copied.__annotations__, copied.__doc__ = test.__annotations__, test.__doc__
    copied.__module__, copied.__qualname__ = test.__module__, test.__qualname__
    return copied


def _reduced(mark: pytest.Mark, actions: Collection[Action]) -> pytest.Mark:
    if mark.name != "parametrize":
        return mark
    names, values, *rest = mark.args
    left = [each for each in values if all(told in actions for told in _actions_in(each))]
    return mark if len(left) == len(values) else pytest.mark.parametrize(names, left, *rest, **mark.kwargs).mark


def _actions_in(value: Any) -> Iterator[Action]:
    parts = value.values if hasattr(value, "marks") else value if isinstance(value, tuple) else (value,)
    return (each for each in parts if isinstance(each, Action))
