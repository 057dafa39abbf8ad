from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.scim.config import ScimConfig
from scimbridge.config import Listen, load
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Restore
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import ConfigurationError
from scimbridge.sdk import Mode
from tests.config.conftest import GOOD, SECRET, Load, Problems


def test_a_file_becomes_values(load_text: Load, tmp_path: Path) -> None:
    settings = load_text(
        """
        data_dir = "state"
        [server]
        listen = "[::1]:9000"
        public_url = "https://bridge.example.com/"
        max_body = "2MiB"
        [queue]
        url = "rediss://redis.example.com"
        [sources.entra]
        [sources.okta]
        [targets.app]
        connector = "scim"
        mode = "enforce"
        base_url = "https://app.example.com/scim/v2"
        token = { env = "APP_TOKEN" }
        rate_limit = "20/s"
        [[rules]]
        name = "employees"
        when = ["deactivated", "deleted"]
        match = 'userType eq "Employee"'
        exclude = 'groups.display eq "Break Glass"'
        restore = "auto"
        stages = [{ after = "36h", do = ["suspend"] }, { after = "P90D", do = ["delete"], approval = false }]
        [[exclusions]]
        match = 'userType eq "Service"'
        reason = "owned by platform"
        """
    )

    assert settings.data_dir == tmp_path / "state"
    assert settings.server.listen == Listen("::1", 9000)
    assert settings.server.public_url == "https://bridge.example.com"
    assert settings.server.max_body == 2 << 20
    assert settings.store_url == f"sqlite:///{tmp_path}/state/bridge.db"
    assert settings.queue_url == "rediss://redis.example.com"
    assert set(settings.sources) == {"entra", "okta"}
    target = settings.targets["app"]
    assert isinstance(target, ScimConfig)
    assert target.mode is Mode.ENFORCE
    assert target.token.get_secret_value() == SECRET
    assert {name: set(can) for name, can in settings.capabilities.items()} == {
        "app": {Action.SUSPEND, Action.RESTORE, Action.DELETE}
    }
    (rule,) = settings.ruleset.rules
    assert rule.when == {Trigger.DEACTIVATED, Trigger.DELETED}
    assert rule.restore is Restore.AUTO
    assert [(stage.after, stage.actions) for stage in rule.stages] == [
        (timedelta(hours=36), (Action.SUSPEND,)),
        (timedelta(days=90), (Action.DELETE,)),
    ]
    assert rule.match is not None
    assert rule.exclude is not None
    assert settings.ruleset.exclusions[0].reason == "owned by platform"
    assert settings.warnings == ()


def test_what_is_not_written_has_its_default(load_text: Load, tmp_path: Path) -> None:
    settings = load_text(GOOD)

    assert settings.data_dir == tmp_path / "data"
    assert settings.server.listen == Listen("127.0.0.1", 8085)
    assert settings.server.public_url == "http://127.0.0.1:8085"
    assert settings.server.max_body == 1_048_576
    assert settings.queue_url == "embedded"
    assert settings.targets["app"].mode is Mode.OBSERVE
    assert settings.ruleset.rules[0].restore is Restore.MANUAL


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///db/bridge.db", "sqlite:///{base}/db/bridge.db"),
        ("sqlite:////var/lib/bridge.db", "sqlite:////var/lib/bridge.db"),
        ("postgresql://bridge@db.example.com/bridge", "postgresql+psycopg://bridge@db.example.com/bridge"),
        ("postgresql+psycopg://db.example.com/bridge", "postgresql+psycopg://db.example.com/bridge"),
    ],
)
def test_store_addresses_are_completed(load_text: Load, tmp_path: Path, written: str, read: str) -> None:
    settings = load_text(f'{GOOD}\n[store]\nurl = "{written}"')

    assert settings.store_url == read.format(base=tmp_path)


def test_five_mistakes_are_five_paths(problems_of: Problems) -> None:
    problems = problems_of(
        """
        [server]
        listen = "8085"
        [sources.okta]
        timezon = "Europe/Berlin"
        [targets.app]
        connector = "scim"
        base_url = "ftp://app.example.com"
        token = { env = "APP_TOKEN" }
        [[rules]]
        name = "employees"
        when = ["deactivated"]
          [[rules.stages]]
          after = "soon"
          do = ["suspend"]
          [[rules.stages]]
          after = "90d"
          do = ["delete"]
          approval = false
          approvers = 2
        """
    )

    assert set(problems) >= {
        "server.listen",
        "sources.okta.timezon",
        "targets.app.base_url",
        "rules[0].stages[0].after",
        "rules[0].stages[1].approvers",
    }
    assert "HOST:PORT" in problems["server.listen"]
    assert "90d" in problems["rules[0].stages[0].after"]
    assert "approval = true" in problems["rules[0].stages[1].approvers"]


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("[server]\nlisten = 8085", "server.listen", "must be a string"),
        ('[server]\nlisten = "host:70000"', "server.listen", "HOST:PORT"),
        ('[server]\nlistn = "127.0.0.1:1"', "server.listn", 'did you mean "listen"?'),
        ('[server]\npublic_url = "bridge.example.com"', "server.public_url", "https://bridge.example.com"),
        ('[server]\nmax_body = "1 megabyte"', "server.max_body", "1MiB"),
        ("[server]\nmax_body = 0", "server.max_body", "at least 1024"),
        ("server = 3", "server", "must be a table"),
        ("[sever]", "sever", 'did you mean "server"?'),
        ('[store]\nurl = "mysql://db"', "store.url", "sqlite:///PATH"),
        ('[store]\nurl = "sqlite://"', "store.url", "sqlite:///PATH"),
        ('[store]\nurl = "sqlite:///:memory:"', "store.url", "forgets"),
        ('[queue]\nurl = "amqp://queue"', "queue.url", "embedded"),
        ('[queue]\nurl = "sentinel://queue"', "queue.url", "later version"),
        ('[sources.okta]\ntimezone = "Europe/Berln"', "sources.okta.timezone", "IANA time zone"),
        (
            "[targets.app]\nmode = 'enforce'",
            "targets.app.connector",
            "available: command, google-workspace, home-folder",
        ),
        ("[targets.app]\nconnector = 'scmi'", "targets.app.connector", 'did you mean "scim"?'),
        ("[targets.App]\nconnector = 'scim'", "targets.App", "a-z"),
        ("[targets.'my app']\nconnector = 'scim'", 'targets."my app"', "a-z"),
        ("[targets.app]\nconnector = 'scim'", "targets.app.base_url", "is missing"),
        ("[targets.app]\nconnector = 'scim'\nmode = 'on'", "targets.app.mode", '"observe" or "enforce"'),
        ("[targets.app]\nconnector = 'scim'\nbase_ur = 'x'", "targets.app.base_ur", 'did you mean "base_url"?'),
        ("[targets.app]\nconnector = 'scim'\nrate_limit = '20'", "targets.app.rate_limit", "20/s"),
        ("[targets.app]\nconnector = 'scim'\nmatch = { name = 'x' }", "targets.app.match.name", '"userName"'),
        ("[targets.app]\nconnector = 'scim'\ntoken = { env = 'NOT_SET' }", "targets.app.token", "NOT_SET is not set"),
        ("[targets.app]\nconnector = 'scim'\ntoken = { file = 'none' }", "targets.app.token", "cannot read"),
        ("targets = []", "targets", "must be a table"),
        ("rules = 1", "rules", "a list of tables: begin each with [[rules]]"),
        ("[[rules]]\nname = 'x'\nstages = 1", "rules[0].stages", "[[rules.stages]]"),
        ("[[exclusions]]\nmatch = 'userType eq'", "exclusions[0].match", "is not a filter"),
        ("[[exclusions]]\nreason = 'x'", "exclusions[0]", "name one of match"),
    ],
)
def test_a_mistake_is_reported_with_its_path_and_what_to_write(
    problems_of: Problems, text: str, path: str, says: str
) -> None:
    problems = problems_of(text)

    assert says in problems[path]


def test_a_syntax_error_is_reported_with_its_line(load_text: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"scimbridge.toml: is not TOML: .*line 2"):
        load_text("[server]\nlisten =\n")


def test_a_byte_order_mark_is_no_mistake(load_text: Load) -> None:
    assert list(load_text("\ufeff" + GOOD).targets) == ["app"]


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.toml: cannot be read"):
        load(tmp_path / "none.toml", {})


def test_without_file_and_environment_there_is_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match=r"SCIMBRIDGE_CONFIG"):
        load(None, {})


def test_the_file_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scimbridge.toml").write_text(GOOD)

    settings = load(None, {})

    assert list(settings.targets) == ["app"]


def test_an_empty_configuration_is_allowed_with_warnings(load_text: Load) -> None:
    settings = load_text("")

    assert {warning.path for warning in settings.warnings} == {"sources", "targets", "rules"}


def test_an_end_date_is_kept_as_the_schema_spells_it(load_text: Load) -> None:
    settings = load_text(GOOD.replace("[sources.okta]", '[sources.okta]\nend_date = "NAME.familyname"'))

    assert settings.profiles.of("okta").end_date == "name.familyName"


@pytest.mark.parametrize("path", ["", "emails", "emails.value", 'emails[type eq "work"].value', "nope", "a b"])
def test_an_end_date_that_is_no_single_attribute_of_a_user_is_refused(problems_of: Problems, path: str) -> None:
    problems = problems_of(GOOD.replace("[sources.okta]", f"[sources.okta]\nend_date = '{path}'"))

    assert set(problems) == {"sources.okta.end_date"}


def test_groups_grant_a_target(load_text: Load) -> None:
    settings = load_text(GOOD.replace("[targets.app]", '[targets.app]\ngranted_by = ["App Users"]'))

    assert settings.targets["app"].granted_by == ["App Users"]
