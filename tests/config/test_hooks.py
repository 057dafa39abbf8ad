"""``[hooks]``, and rules that name one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.config import asking
from scimbridge.hooks.entry_point import EntryPointHook
from scimbridge.hooks.http import HttpHook
from tests.config.conftest import GOOD, SECRETS, Load, Problems

SECRET = SECRETS["HOOK_SECRET"]
ASKING = GOOD.replace('name = "employees"', 'name = "employees"\nhook = "payroll"')


def a_hook(*lines: str, url: str = "https://hr.example.com/ask", name: str = "payroll") -> str:
    more = "\n".join(lines)
    return f'{ASKING}\n[hooks.{name}]\nurl = "{url}"\nsecret = {{ env = "HOOK_SECRET" }}\n{more}\n'


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("APP_TOKEN", "correct-horse-battery-staple")


def test_a_rule_asks_a_service(load_text: Load) -> None:
    settings = load_text(a_hook('timeout = "3s"'))

    hook = settings.hooks["payroll"]
    assert isinstance(hook, HttpHook)
    assert (hook.url, hook.timeout) == ("https://hr.example.com/ask", timedelta(seconds=3))
    assert settings.ruleset.rules[0].hook == "payroll"
    assert settings.warnings == ()


def test_a_rule_asks_an_installed_package(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "installed", lambda: frozenset({"payroll"}))

    assert isinstance(load_text(ASKING).hooks["payroll"], EntryPointHook)


def test_a_hook_that_there_is_not_is_a_problem(problems_of: Problems) -> None:
    assert 'no [hooks.payroll], and no installed package has a hook "payroll"' in problems_of(ASKING)["rules[0].hook"]


def test_a_name_is_of_one_hook(problems_of: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "installed", lambda: frozenset({"payroll"}))

    assert "installed hook, too" in problems_of(a_hook())["hooks.payroll"]


@pytest.mark.parametrize(
    "url", ["http://hr.example.com/ask", "ftp://hr.example.com", "https://me:secret@hr.example.com", "payroll"]
)
def test_a_service_is_asked_privately(problems_of: Problems, url: str) -> None:
    assert "https" in problems_of(a_hook(url=url))["hooks.payroll.url"]


def test_a_service_on_this_machine_may_do_without_tls(load_text: Load) -> None:
    assert "payroll" in load_text(a_hook(url="http://127.0.0.1:8000/ask")).hooks


def test_a_secret_has_the_form_of_standard_webhooks(problems_of: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "hunter2")

    message = problems_of(a_hook())["hooks.payroll.secret"]

    assert "whsec_" in message
    assert "hunter2" not in message


def test_a_secret_in_the_file_is_worth_a_warning(load_text: Load) -> None:
    text = a_hook().replace('{ env = "HOOK_SECRET" }', f'"{SECRET}"')

    assert [warning.path for warning in load_text(text).warnings] == ["hooks.payroll.secret"]


@pytest.mark.parametrize("timeout", ["0s", "2m"])
def test_a_service_has_a_minute_at_most(problems_of: Problems, timeout: str) -> None:
    assert "hooks.payroll.timeout" in problems_of(a_hook(f'timeout = "{timeout}"'))
