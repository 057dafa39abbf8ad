"""Every promise has its tests: where one is renamed or gone, this says which promise nobody checks any more."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.scim.checklist import CHECKLIST, IPSIE, Promise

TESTS = Path(__file__).parents[1]
ELSEWHERE = {27, 29}
"""The guard, and events to others: not the service provider's."""


@cache
def names_in(file: str) -> frozenset[str]:
    path = TESTS / file
    assert path.exists(), f"there is no {path}"
    return frozenset(each.name for each in ast.parse(path.read_text()).body if isinstance(each, ast.FunctionDef))


def require_tests(promise: Promise) -> None:
    assert promise.tests
    for each in promise.tests:
        file, _, name = each.partition("::")
        assert name.startswith("test_")
        assert name in names_in(file), f"{each} is gone: nothing shows that {promise.text}"


@pytest.mark.parametrize("number", CHECKLIST, ids="item_{}".format)
def test_an_item_of_the_checklist_has_its_tests(number: int) -> None:
    require_tests(CHECKLIST[number])


@pytest.mark.parametrize("must", IPSIE)
def test_a_must_of_ipsie_has_its_tests(must: str) -> None:
    require_tests(IPSIE[must])


def test_no_item_is_left_out() -> None:
    assert set(CHECKLIST) | ELSEWHERE == set(range(1, 31))
