"""What ``[notify]`` may say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scimbridge.config.notify import NotifySection
from scimbridge.config.problems import read
from scimbridge.errors import Problem
from scimbridge.notices.mail import Mailbox
from scimbridge.notices.payload import Format
from scimbridge.notices.smtp import Security, SmtpAddress
from scimbridge.sdk.secret import SecretSources
from tests.config.conftest import GOOD as GOOD_FILE
from tests.config.conftest import Load, Problems

GOOD = """
smtp = "smtp+starttls://mail.example.com"
from = "Bridge <bridge@example.com>"
"""


def read_notify(toml: str, base_dir: Path = Path()) -> NotifySection | list[Problem]:
    problems: list[Problem] = []
    section = read(NotifySection, tomllib.loads(toml), ("notify",), problems, context=SecretSources(base_dir))
    return problems if section is None else section


def notify(toml: str, base_dir: Path = Path()) -> NotifySection:
    section = read_notify(toml, base_dir)
    assert isinstance(section, NotifySection), section
    return section


def problems(toml: str, base_dir: Path = Path()) -> dict[str, str]:
    found = read_notify(toml, base_dir)
    assert isinstance(found, list)
    return {problem.path: problem.message for problem in found}


def test_mail_needs_a_server_and_a_sender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "let-me-in")
    (tmp_path / "leaver.subject.txt").write_text("{{ person }}")

    section = notify(
        GOOD
        + """
        reply_to = "it@example.com"
        user = "bridge"
        password = { env = "MAIL_PASSWORD" }
        operators = ["ops@example.com"]
        templates = "."
        owner = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division"
        """,
        tmp_path,
    )

    assert section.smtp == SmtpAddress(Security.STARTTLS, "mail.example.com", 587)
    assert section.sender == Mailbox("Bridge", "bridge@example.com")
    assert section.password is not None
    assert section.password.get_secret_value() == "let-me-in"
    assert section.templates == tmp_path
    assert "let-me-in" not in repr(section)


def test_a_webhook_can_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.example.com/T0/very-secret")

    section = notify('[webhook]\nurl = { env = "HOOK" }\nformat = "slack"')

    assert section.webhook is not None
    assert section.webhook.format is Format.SLACK
    assert "very-secret" not in repr(section)


def test_a_server_in_the_clear_gets_no_password_unless_it_is_this_machine() -> None:
    login = 'from = "a@example.com"\nuser = "u"\npassword = "p"\n'

    assert "would cross the network unencrypted" in problems(login + 'smtp = "smtp://mail.example.com"')["notify"]
    assert notify(login + 'smtp = "smtp://localhost"').user == "u"
    assert notify(login + 'smtp = "smtps://mail.example.com"').user == "u"


@pytest.mark.parametrize(
    ("toml", "path", "message"),
    [
        ('smtp = "mail.example.com"\nfrom = "a@example.com"', "notify.smtp", 'write "smtp://HOST:25"'),
        ('smtp = 25\nfrom = "a@example.com"', "notify.smtp", 'write "smtp://HOST:25"'),
        ('smtp = "smtp://localhost"', "notify", "from is missing"),
        ("", "notify", "names no way to send"),
        ('operators = ["a@example.com"]\n[webhook]\nurl = "https://h.example.com/"', "notify", "smtp is missing"),
        (GOOD + 'user = "u"', "notify", "write both user and password"),
        (GOOD + 'user = "ü"\npassword = "p"', "notify.user", "character"),
        (GOOD + 'user = "u"\npassword = "pä"', "notify.password", "must be ASCII"),
        (GOOD + 'reply_to = "it"', "notify.reply_to", "write an address like"),
        (GOOD + 'operators = ["ops@example.com", "all"]', "notify.operators[1]", "write an e-mail address"),
        (GOOD + 'ca_file = "none.pem"', "notify.ca_file", "cannot read"),
        (GOOD + 'templates = "none"', "notify.templates", "cannot read"),
        (GOOD + 'owner = "emails"', "notify.owner", "single-valued"),
        ('smtp = "smtp://localhost"\nsender = "x@example.com"', "notify.sender", "is not a setting"),
        ('[webhook]\nurl = "http://hooks.example.com/secret"', "notify.webhook.url", "must be an https address"),
        ('[webhook]\nurl = "https://h.example.com/"\nformat = "irc"', "notify.webhook.format", '"slack"'),
        ('[webhook]\nurl = "https://h.example.com/"\nsecret = "hidden"', "notify.webhook.secret", "openssl rand"),
    ],
)
def test_what_cannot_work_is_refused_with_its_path(toml: str, path: str, message: str) -> None:
    found = problems(toml)

    assert message in found[path]
    assert all(word not in text for text in found.values() for word in ("secret-part", "hidden", "pä"))


def test_a_template_that_would_fail_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "leaver.txt").write_text("{{ persn }}")
    (tmp_path / "oops.html").write_text("")

    found = problems(GOOD + 'templates = "."', tmp_path)

    assert "leaver.txt: there is no variable persn" in found["notify.templates"]
    assert "oops.html replaces no template" in found["notify.templates"]


RULE = """
[[rules]]
name = "others"
when = ["deactivated"]

  [[rules.stages]]
  after = "1h"
  do = ["suspend", "notify"]
  notify = {}
"""


def test_a_configuration_has_ways_to_tell_people(load_text: Load) -> None:
    settings = load_text(f'{GOOD_FILE}\n[notify]\n{GOOD}operators = ["ops@example.com"]')

    channels = settings.notices
    assert channels is not None
    assert channels.mail is not None
    assert channels.mail.sender.domain == "example.com"
    assert channels.operators == ("ops@example.com",)
    assert list(channels.checks()) == ["notify.smtp"]
    assert channels.public_url == settings.server.public_url


def test_without_the_table_nobody_is_told(load_text: Load) -> None:
    assert load_text().notices is None


@pytest.mark.parametrize(
    ("notify_table", "recipient", "message"),
    [
        ("", "manager", "needs [notify]"),
        (f"[notify]\n{GOOD}", "webhook", "needs [notify.webhook]"),
        ('[notify.webhook]\nurl = "https://h.example.com/"', "owner", "needs smtp"),
        (f"[notify]\n{GOOD}", "managers", 'write "manager", "owner", "webhook" or an e-mail address'),
    ],
)
def test_a_rule_names_nobody_who_cannot_be_told(
    problems_of: Problems, notify_table: str, recipient: str, message: str
) -> None:
    rule = RULE.format(f'["ops@example.com", "{recipient}"]')

    found = problems_of(f"{GOOD_FILE}\n{rule}\n{notify_table}")

    assert message in found["rules[1].stages[0].notify[1]"]


def test_no_target_is_called_as_the_bridge_calls_telling_people(problems_of: Problems) -> None:
    assert "choose another one" in problems_of(GOOD_FILE.replace("[targets.app]", "[targets.notify]"))["targets.notify"]


def test_secrets_that_are_written_out_are_warnings(load_text: Load) -> None:
    hook = '[notify.webhook]\nurl = "https://h.example.com/"\nsecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"'

    settings = load_text(f'{GOOD_FILE}\n[notify]\n{GOOD}user = "u"\npassword = "p"\n{hook}')

    assert [warning.path for warning in settings.warnings] == [
        "notify.password",
        "notify.webhook.url",
        "notify.webhook.secret",
    ]
