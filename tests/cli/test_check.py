"""Checks: one line each, with what to do next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from scimbridge import registry
from scimbridge.sdk import Connector, Expiry, RejectedError, RetryableError, TargetUnusableError
from tests.cli.conftest import Terminal
from tests.issuer import ISSUER, issuing
from tests.notices.post_office import post_office
from tests.servers import quiet_port
from tests.services.bench import Bench

NOW = datetime.now(UTC)
Answers = dict[str, str | BaseException]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What each target answers when it is checked."""
    said: Answers = {"crm": "12 accounts", "directory": "4 accounts"}

    def build(name: str, *_: object) -> Connector[Any]:
        return _Checked(said[name])  # type: ignore[return-value]  # all of a connector that a check calls

    monkeypatch.setattr(registry, "build", build)
    return said


class _Checked:
    def __init__(
        self, answer: str | BaseException, *expiries: Expiry | BaseException, missing: str | BaseException | None = None
    ) -> None:
        self._answer = answer
        self._expiries = expiries
        self._missing = missing

    def check(self) -> str:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    def missing_permissions(self) -> Iterator[str]:
        if isinstance(self._missing, BaseException):
            raise self._missing
        if self._missing is not None:
            yield self._missing

    def expiries(self) -> Iterator[Expiry]:
        for each in self._expiries:
            if isinstance(each, BaseException):
                raise each
            yield each

    def close(self) -> None:
        pass


def by_name(answer: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in answer["checks"]}


def test_everything_that_is_well_is_ok(bench: Bench, terminal: Terminal, answers: Answers) -> None:
    assert bench.wakeups == []

    shown = terminal.run("check").stdout.splitlines()

    assert [line.split()[:2] for line in shown] == [
        ["ok", "configuration:"],
        ["ok", "store:"],
        ["ok", "queue:"],
        ["ok", "targets.crm:"],
        ["ok", "targets.directory:"],
        ["ok", "guard:"],
        ["ok", "rules:"],
    ]
    assert shown[3].endswith(f"{answers['crm']} (enforce mode)")


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (RetryableError("cannot connect"), "can be reached"),
        (TargetUnusableError("401 Unauthorized"), "mend [targets.crm]"),
        (ZeroDivisionError("secret"), "tell whoever made it"),
    ],
)
def test_a_target_that_fails_says_what_to_do_and_the_others_are_checked(
    bench: Bench, terminal: Terminal, answers: Answers, error: Exception, next_step: str
) -> None:
    assert bench.wakeups == []
    answers["crm"] = error

    lines = terminal.run("targets", "check", code=1).stdout.splitlines()

    assert lines[0].startswith("failed   targets.crm: ")
    assert next_step in lines[0]
    assert lines[1].startswith("ok       targets.directory: ")
    assert "secret" not in lines[0]


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        (Expiry("the key", None), "ok", "the key never ends"),
        (Expiry("the key", NOW + timedelta(days=31)), "ok", "(in 30d "),
        (Expiry("the key", NOW + timedelta(days=30)), "warning", "(in 29d 23h)"),
        (Expiry("the key", NOW - timedelta(days=2)), "warning", "ago)"),
        (RejectedError("403"), "ok", "whether more of its credentials end soon cannot be told: 403"),
        (ZeroDivisionError("secret"), "warning", "unexpected ZeroDivisionError"),
        (SystemExit("secret"), "warning", "unexpected SystemExit"),
    ],
)
def test_what_ends_is_told_and_fails_no_check(
    bench: Bench,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    found: Expiry | BaseException,
    verdict: str,
    said: str,
) -> None:
    assert bench.wakeups == []
    monkeypatch.setattr(registry, "build", lambda *_: _Checked("12 accounts", found))

    line, told = terminal.run("targets", "check", "crm").stdout.splitlines()

    assert line.startswith("ok       targets.crm: ")
    assert told.startswith(f"{verdict:<8} targets.crm: ")
    assert said in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("the scope a, for suspend", "not granted: the scope a, for suspend -> grant it, or take out of the rules"),
        (RetryableError("slow"), "which permissions are granted cannot be told: slow"),
        (ZeroDivisionError("secret"), "unexpected ZeroDivisionError"),
        (SystemExit("secret"), "unexpected SystemExit"),
    ],
)
def test_a_permission_that_rules_need_and_nobody_has_granted_is_a_warning(
    bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, missing: str | BaseException, said: str
) -> None:
    assert bench.wakeups == []
    monkeypatch.setattr(registry, "build", lambda *_: _Checked("12 accounts", missing=missing))

    line, told = terminal.run("targets", "check", "crm").stdout.splitlines()

    assert line.startswith("ok       targets.crm: ")
    assert told.startswith(f"warning  targets.crm: {said}")
    assert "secret" not in told


def test_one_target_can_be_checked(bench: Bench, terminal: Terminal, answers: Answers) -> None:
    assert bench.wakeups == []
    answers["directory"] = TargetUnusableError("wrong password")

    answer = terminal.read("targets", "check", "crm")

    assert (answer["ok"], by_name(answer)) == (True, {"targets.crm": "ok"})


def test_without_a_store_the_check_warns_and_makes_none(terminal: Terminal, answers: Answers) -> None:
    answer = terminal.read("check")

    assert answers
    assert by_name(answer)["store"] == "warning"
    assert answer["ok"] is True
    assert not (terminal.config.parent / "data" / "bridge.db").exists()
    assert set(answer["checks"][0]) == {"name", "verdict", "message", "next_step"}


def test_a_disk_that_is_nearly_full_fails_the_check(
    bench: Bench, terminal: Terminal, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.wakeups == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=5 << 20))

    store = terminal.run("check", code=1).stdout.splitlines()[1]

    assert store.startswith("failed   store: sqlite:///")
    assert "only 5 MiB are left on its disk -> make room there" in store


def test_a_redis_that_does_not_answer_fails_the_check(bench: Bench, terminal: Terminal, answers: Answers) -> None:
    assert bench.wakeups == []
    assert answers
    terminal.config.write_text(
        f'[queue]\nurl = "unix:///nonexistent/redis.sock"\n{terminal.config.read_text()}'.replace(
            'data_dir = "data"', ""
        )
    )

    assert by_name(terminal.read("check", code=1))["queue"] == "failed"


def test_without_any_redis_server_the_package_to_install_is_named(
    bench: Bench, terminal: Terminal, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scimbridge.errors import QueueError
    from scimbridge.queue import embedded

    def none() -> str:
        raise QueueError("no redis-server found: install your system's package")

    assert bench.wakeups == []
    assert answers
    monkeypatch.setattr(embedded, "find_server", none)

    assert "install your system's package" in terminal.run("check", code=1).stdout


def test_an_armed_target_is_a_warning(bench: Bench, terminal: Terminal) -> None:
    terminal.run("targets", "arm", "directory", "--for", "4h", "--reason", "pilot")

    shown = terminal.run("check", code=1).stdout

    assert (
        "warning  targets.directory: armed by olga: acts until 2026-03-02 13:00 UTC, then it observes again -> "
        "`scimbridge targets disarm directory` ends it now"
    ) in shown
    assert bench.wakeups == []


def test_a_paused_target_and_a_secret_written_out_are_warnings(
    bench: Bench, terminal: Terminal, answers: Answers
) -> None:
    assert answers
    bench.operating.pause("crm", reason="maintenance", by="ops", now=bench.clock())
    terminal.config.write_text(terminal.config.read_text().replace('{ env = "CRM_TOKEN" }', '"s3cret"', 1))

    result = terminal.run("check")

    assert "warning  targets.crm: paused by ops: maintenance -> `scimbridge targets resume crm` lets it go on" in (
        result.stdout
    )
    assert "warning  targets.crm.token: holds a secret in the file itself" in result.stdout
    assert "s3cret" not in result.stdout + result.stderr


def test_a_token_that_expires_soon_is_a_warning(bench: Bench, terminal: Terminal, answers: Answers) -> None:
    assert answers
    terminal.run("token", "create", "okta", "--expires", "20d")
    terminal.run("token", "create", "entra", "--expires", "1h")
    bench.clock.advance("1h")

    shown = terminal.run("check").stdout

    assert "warning  sources.okta: token scb_" in shown
    assert "expires in 19d 23h: make another one" in shown
    assert "warning  sources.entra: its last token has expired -> `scimbridge token create entra`" in shown


def test_the_keys_of_an_issuer_are_fetched(bench: Bench, terminal: Terminal, answers: Answers) -> None:
    assert bench.wakeups == []
    assert answers
    with issuing() as issuer:
        section = f'[sources.okta.jwt]\nissuer = "{ISSUER}"\naudience = "x"\njwks_url = "{issuer.url}"\n'
        terminal.config.write_text(terminal.config.read_text() + section)

        assert "ok       sources.okta.jwt: the issuer publishes 1 key\n" in terminal.run("check").stdout
        issuer.status = 500
        assert "failed   sources.okta.jwt: reading the keys" in terminal.run("check", code=1).stdout


def notify_through(terminal: Terminal, port: int, more: str = "") -> None:
    terminal.config.write_text(
        terminal.config.read_text()
        + f'\n[notify]\nsmtp = "smtp://127.0.0.1:{port}"\nfrom = "bridge@example.com"\n{more}'
    )


@pytest.mark.usefixtures("bench", "answers")
def test_the_mail_server_is_asked_and_nothing_is_sent(terminal: Terminal) -> None:
    with post_office() as office:
        notify_through(terminal, office.port)

        shown = terminal.run("check").stdout

        assert f"ok       notify.smtp: smtp://127.0.0.1:{office.port} answers, without a login" in shown
        assert terminal.read("targets", "check", "notify")["ok"]
    assert office.messages == []


@pytest.mark.usefixtures("bench", "answers")
def test_ways_out_that_fail_say_what_to_do(terminal: Terminal) -> None:
    hook = f'[notify.webhook]\nurl = "http://127.0.0.1:{quiet_port()}/T0/hidden"\n'
    with post_office() as office:
        login = 'user = "u"\npassword = "p"\n'
        notify_through(terminal, office.port, login + hook)

        answer = terminal.read("check", code=1)

    found = {check["name"]: check for check in answer["checks"]}
    assert "do not understand each other" in found["notify.smtp"]["message"]
    assert "`scimbridge targets resume notify`" in found["notify.smtp"]["next_step"]
    assert "cannot connect" in found["notify.webhook"]["message"]
    assert "notices wait" in found["notify.webhook"]["next_step"]
    assert "hidden" not in found["notify.webhook"]["message"]
