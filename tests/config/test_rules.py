from __future__ import annotations

import pytest

from scimbridge import registry
from scimbridge.domain.action import Action
from tests.config.conftest import GOOD, Load, Problems

TARGET = """
[targets.app]
connector = "scim"
base_url = "https://app.example.com/scim/v2"
token = { env = "APP_TOKEN" }
"""


def a_rule(*stages: str, name: str = "employees", more: str = "") -> str:
    tables = ", ".join(f"{{ {stage} }}" for stage in stages)
    return f'[[rules]]\nname = "{name}"\nwhen = ["deactivated"]\nstages = [{tables}]\n{more}\n'


SUSPEND = 'after = "0s", do = ["suspend"]'
DELETE = 'after = "90d", do = ["delete"], approval = false'


@pytest.mark.parametrize(
    ("rules", "path", "says"),
    [
        (a_rule(), "rules[0].stages", "must not be empty"),
        ("[[rules]]\nname = 'x'\nwhen = ['deleted']", "rules[0].stages", "is missing"),
        (a_rule(SUSPEND) + a_rule(SUSPEND), "rules[1].name", "rules[0]"),
        (a_rule('after = "0s", do = []'), "rules[0].stages[0].do", "must not be empty"),
        (a_rule('after = "0s", do = [["suspend"]]'), "rules[0].stages[0].do[0]", '"suspend"'),
        (a_rule('after = "0s", do = ["fire"]'), "rules[0].stages[0].do[0]", '"suspend"'),
        (a_rule(SUSPEND, 'after = "1d", do = ["suspend"]'), "rules[0].stages[1].do", "already"),
        (a_rule('after = "0s", do = ["suspend", "suspend"]'), "rules[0].stages[0].do", "already"),
        (a_rule('after = "0s", do = ["restore"]'), "rules[0].stages[0].do", 'restore = "auto"'),
        (
            a_rule('after = "1d", do = ["suspend"]', 'after = "2h", do = ["delete"], approval = false'),
            "rules[0].stages[1].after",
            "(1d)",
        ),
        (
            a_rule(SUSPEND, 'after = "0m", do = ["delete"], approval = false'),
            "rules[0].stages[1].after",
            "one stage of both",
        ),
        (a_rule('after = "0s", do = ["add_to_groups"]'), "rules[0].stages[0].do", 'restore = "auto"'),
        (a_rule(SUSPEND + ", approvers = 2"), "rules[0].stages[0].approvers", "approval = true"),
        (a_rule(DELETE + ", approvers = 2"), "rules[0].stages[0].approvers", "approval = true"),
        (a_rule('after = "9d", do = ["delete"], approvers = 3'), "rules[0].stages[0].approvers", "at most 2"),
        (a_rule(SUSPEND + ', schedule = "0 25 * * *"'), "rules[0].stages[0].schedule", 'hour "25" is wrong'),
        (
            a_rule(SUSPEND) + "[[freeze]]\nfrom = 2026-12-24\nuntil = 2026-12-20\nreason = 'x'",
            "freeze[0]",
            "ends before",
        ),
        (
            a_rule(SUSPEND, more="match = 'department eq \"Sales\"'"),
            "rules[0].match",
            "write urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        ),
        (a_rule(SUSPEND + ', window = "1h"'), "rules[0].stages[0].window", "needs a schedule"),
        (a_rule(SUSPEND + ', targets = ["ap"]'), "rules[0].stages[0].targets", 'did you mean "app"?'),
        (a_rule(SUSPEND + ', grace = { ap = "1d" }'), "rules[0].stages[0].grace", 'did you mean "app"?'),
        (a_rule(SUSPEND + ', notify = ["manager"]'), "rules[0].stages[0].notify", "nobody is told"),
        (a_rule('after = "0s", do = ["suspend", "notify"]'), "rules[0].stages[0].notify", "whom to tell"),
        (a_rule(SUSPEND + ', only = ["VPN"]'), "rules[0].stages[0].only", '"remove_from_groups"'),
        (a_rule(SUSPEND + ', successor = "manager"'), "rules[0].stages[0].successor", '"transfer_ownership"'),
        (a_rule(SUSPEND, more="was = 'title pr'"), "rules[0].was", '"changed"'),
        (a_rule(SUSPEND).replace("deactivated", "stale"), "rules[0].when", 'stale_after = "90d" in [targets.app]'),
        (a_rule(SUSPEND).replace("deactivated", "changed") + "was = 'title pr'", "rules[0].now", "is missing"),
        (a_rule('after = "0s", do = ["suspend", "delete"], approval = false'), "rules[0].stages[0].do", "later stage"),
        (
            a_rule('after = "0s", do = ["delete"], approval = false', 'after = "9d", do = ["suspend"]'),
            "rules[0].stages[1].do",
            'comes after "delete" at app',
        ),
        (a_rule(SUSPEND, more='exclude_targets = ["ap"]'), "rules[0].exclude_targets[0]", 'did you mean "app"?'),
        (a_rule(SUSPEND, more='exclude_targets = ["app"]'), "rules[0].stages[0].do", 'can "suspend"'),
        (a_rule(SUSPEND, more='match = "nickname eq 1"'), "rules[0].match", "is not a filter"),
        (a_rule(SUSPEND, more='restore = "maybe"'), "rules[0].restore", '"auto" or "manual"'),
        (a_rule('after = "0s", do = ["suspent"]'), "rules[0].stages[0].do[0]", '; did you mean "suspend"?'),
        (a_rule(SUSPEND).replace("deactivated", "deactivate"), "rules[0].when[0]", '; did you mean "deactivated"?'),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(problems_of: Problems, rules: str, path: str, says: str) -> None:
    problems = problems_of(TARGET + rules)

    assert set(problems) == {path}
    assert says in problems[path]


def test_a_stage_that_cannot_be_read_does_not_hide_what_is_wrong_with_the_others(problems_of: Problems) -> None:
    rules = a_rule('after = "soon", do = ["suspend"]', 'after = "2d", do = ["delete"]', 'after = "1d", do = ["delete"]')

    problems = problems_of(TARGET + rules)

    assert {"rules[0].stages[0].after", "rules[0].stages[2].do", "rules[0].stages[2].after"} <= set(problems)


def test_an_action_that_cannot_be_read_does_not_hide_what_is_wrong_with_its_stage(problems_of: Problems) -> None:
    problems = problems_of(TARGET + a_rule('after = "1d", do = ["fire", "restore"]'))

    assert set(problems) == {"rules[0].stages[0].do[0]", "rules[0].stages[0].do"}


def test_an_action_that_one_target_can_do_is_allowed(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    scim = registry.connector_class("scim")
    suspend_only = {Action.SUSPEND: scim.capabilities[Action.SUSPEND]}
    monkeypatch.setattr(registry.connector_class("ldap"), "capabilities", suspend_only)
    directory = """
    [targets.directory]
    connector = "ldap"
    url = "ldaps://directory.example.com"
    bind_dn = "cn=bridge"
    bind_password = { env = "APP_TOKEN" }
    base_dn = "dc=example,dc=com"
    """

    settings = load_text(directory + TARGET + a_rule(SUSPEND, DELETE))

    assert set(settings.capabilities["directory"]) == {Action.SUSPEND}


def test_an_action_that_no_target_can_do_is_refused(problems_of: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    scim = registry.connector_class("scim")
    monkeypatch.setattr(scim, "capabilities", {Action.SUSPEND: scim.capabilities[Action.SUSPEND]})

    problems = problems_of(TARGET + a_rule(SUSPEND, DELETE))

    assert set(problems) == {"rules[0].stages[1].do"}


def test_a_target_that_could_not_be_read_may_be_able_to_do_what_the_others_cannot(problems_of: Problems) -> None:
    problems = problems_of('[targets.app]\nconnector = "scmi"\n' + a_rule(SUSPEND))

    assert set(problems) == {"targets.app.connector"}


def test_rules_keep_the_order_of_the_file(load_text: Load) -> None:
    settings = load_text(TARGET + a_rule(SUSPEND, name="b") + a_rule(SUSPEND, name="a"))

    assert [rule.name for rule in settings.ruleset.rules] == ["b", "a"]


def test_good_is_good(load_text: Load) -> None:
    assert load_text(GOOD).warnings == ()


def test_a_rule_may_delete_without_suspending_first(load_text: Load) -> None:
    settings = load_text(TARGET + a_rule(DELETE))

    assert settings.ruleset.rules[0].stages[0].actions == (Action.DELETE,)


@pytest.mark.parametrize(("settings", "is_refused"), [("", True), ('groups = "on"', False)])
def test_what_a_targets_settings_leave_out_no_rule_can_ask_for(
    problems_of: Problems, load_text: Load, settings: str, is_refused: bool
) -> None:
    text = GOOD.replace("[targets.app]", f"[targets.app]\n{settings}").replace('["suspend"]', '["remove_from_groups"]')

    if is_refused:
        assert 'can "remove_from_groups"' in problems_of(text)["rules[0].stages[0].do"]
    else:
        assert Action.REMOVE_FROM_GROUPS in load_text(text).capabilities["app"]
