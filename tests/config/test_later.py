"""What a later version will have is refused by name: a setting that is ignored looks like one that works."""

from __future__ import annotations

import pytest

from scimbridge.config import later
from scimbridge.domain.trigger import Trigger
from tests.config.conftest import GOOD, Problems

SAYS = "comes in a later version"


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("sources.okta", ["membership_memory"]),
    ],
)
def test_later_keys_of_sources_and_targets_are_refused_by_name(
    problems_of: Problems, section: str, keys: list[str]
) -> None:
    written = "\n".join(f'{key} = "x"' for key in keys)

    problems = problems_of(GOOD.replace(f"[{section}]", f"[{section}]\n{written}"))

    assert set(problems) == {f"{section}.{key}" for key in keys}
    assert all(SAYS in message for message in problems.values())


@pytest.mark.parametrize("trigger", ["stale", "orphaned"])
def test_later_triggers_are_refused_by_name(problems_of: Problems, trigger: str) -> None:
    problems = problems_of(GOOD.replace('"deactivated"', f'"deactivated", "{trigger}"'))

    assert problems == {"rules[0].when[1]": f'"{trigger}" {later.SAYS}'}


@pytest.mark.parametrize("kind", ["active-directory"])
def test_later_connectors_are_refused_by_name(problems_of: Problems, kind: str) -> None:
    problems = problems_of(GOOD.replace('"scim"', f'"{kind}"'))

    assert problems == {"targets.app.connector": f'"{kind}" {later.SAYS}'}


def test_nothing_that_this_version_has_is_called_later() -> None:
    assert {Trigger.STALE, Trigger.ORPHANED} == later.TRIGGERS, "prepared, and fed by a later version"
