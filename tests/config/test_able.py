"""What a target can do may depend on its configuration; rules are held against that."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from tests.config.conftest import Load, Problems

CRM = """
[targets.crm]
connector = "webhook"
base_url = "https://crm.example.com/api"
check = { path = "/me" }
find = { path = "/users?login={{ value }}" }
account = { name = "/login", suspended = { at = "/disabled" } }
read = { path = "/users/{{ account.id }}" }
actions = { suspend = { path = "/users/{{ account.id }}/disable" } }

[[rules]]
name = "leavers"
when = ["deleted"]
stages = [{ after = "0s", do = ["suspend"] }]
"""
LEGACY = """
[targets.legacy]
connector = "command"
allow_program = true
program = ["/opt/leavers/legacy"]
actions = ["suspend"]

[[rules]]
name = "leavers"
when = ["deleted"]
stages = [{ after = "0s", do = ["suspend"] }]
"""


@pytest.mark.parametrize("text", [CRM, LEGACY])
def test_a_rule_that_plans_what_has_no_call_is_refused(load_text: Load, problems_of: Problems, text: str) -> None:
    (can,) = load_text(text).capabilities.values()
    assert {action: each.undo for action, each in can.items()} == {Action.SUSPEND: None}

    problems = problems_of(text.replace('do = ["suspend"]', 'do = ["suspend", "delete"]'))

    assert any("delete" in message for message in problems.values()), problems
