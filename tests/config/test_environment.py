from __future__ import annotations

from pathlib import Path

import pytest

from scimbridge.config import Listen, load
from scimbridge.domain.rule import Restore
from scimbridge.sdk import Mode
from tests.config.conftest import GOOD, Load, Problems


def test_a_variable_wins_over_the_file(load_text: Load) -> None:
    settings = load_text(f'{GOOD}\n[server]\nlisten = "127.0.0.1:1"', {"SCIMBRIDGE_SERVER__LISTEN": "0.0.0.0:2"})

    assert settings.server.listen == Listen("0.0.0.0", 2)


def test_sections_lists_and_tables_can_be_set(load_text: Load) -> None:
    settings = load_text(
        GOOD,
        {
            "SCIMBRIDGE_DATA_DIR": "/srv/bridge",
            "SCIMBRIDGE_TARGETS__APP__MODE": "enforce",
            "SCIMBRIDGE_TARGETS__APP__CONCURRENCY": "7",
            "SCIMBRIDGE_TARGETS__APP__MATCH": '{ externalId = "externalId" }',
            "SCIMBRIDGE_RULES__0__RESTORE": "auto",
            "SCIMBRIDGE_RULES__0__WHEN": '["deleted"]',
            "SCIMBRIDGE_RULES__0__STAGES__1__AFTER": "30d",
            "SCIMBRIDGE_RULES__0__STAGES__1__DO": '["delete"]',
            "SCIMBRIDGE_RULES__0__STAGES__1__APPROVAL": "false",
        },
    )

    assert settings.data_dir == Path("/srv/bridge")
    assert set(settings.sources) == {"okta"}
    assert settings.targets["app"].mode is Mode.ENFORCE
    assert settings.targets["app"].concurrency == 7
    assert settings.targets["app"].match == {"externalId": "externalId"}
    assert settings.ruleset.rules[0].restore is Restore.AUTO
    assert [stage.actions for stage in settings.ruleset.rules[0].stages] == [("suspend",), ("delete",)]


def test_the_environment_can_say_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load(
        None,
        {
            "SCIMBRIDGE_SOURCES": '{"okta": {}}',
            "SCIMBRIDGE_TARGETS__APP__CONNECTOR": "scim",
            "SCIMBRIDGE_TARGETS__APP__BASE_URL": "https://app.example.com",
            "SCIMBRIDGE_TARGETS__APP__TOKEN": "t0ken",
            "SCIMBRIDGE_RULES__0__NAME": "all",
            "SCIMBRIDGE_RULES__0__WHEN": '["deactivated"]',
            "SCIMBRIDGE_RULES__0__STAGES": '[{"after": "0s", "do": ["suspend"]}]',
        },
    )

    assert settings.path is None
    assert settings.data_dir == tmp_path / "data"
    assert settings.ruleset.rules[0].name == "all"
    assert settings.warnings == ()


def test_a_variable_finds_a_hyphenated_name_of_the_file(load_text: Load) -> None:
    settings = load_text(GOOD.replace("targets.app", "targets.my-app"), {"SCIMBRIDGE_TARGETS__MY_APP__MODE": "enforce"})

    assert settings.targets["my-app"].mode is Mode.ENFORCE


def test_the_path_can_come_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(GOOD)

    settings = load(None, {"SCIMBRIDGE_CONFIG": str(path)})

    assert settings.path == path


def test_a_mistake_in_a_variable_names_the_variable(problems_of: Problems) -> None:
    problems = problems_of(GOOD, {"SCIMBRIDGE_SERVER__LISTEN": "nowhere"})

    assert problems["server.listen"].endswith("(from SCIMBRIDGE_SERVER__LISTEN)")


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("SCIMBRIDGE_SEVER__LISTEN", "SCIMBRIDGE_SEVER__LISTEN"),
        ("SCIMBRIDGE_SERVER__LISTN", "server.listn"),
        ("SCIMBRIDGE_RULES__FIRST__NAME", "SCIMBRIDGE_RULES__FIRST__NAME"),
        ("SCIMBRIDGE_RULES__5__NAME", "SCIMBRIDGE_RULES__5__NAME"),
        ("SCIMBRIDGE_RETENTION__DAYS", "retention.days"),
    ],
)
def test_a_variable_that_names_no_setting_is_refused(problems_of: Problems, variable: str, path: str) -> None:
    problems = problems_of(GOOD, {variable: "5"})

    assert set(problems) == {path}


def test_variables_that_orchestrators_add_are_left_alone(load_text: Load) -> None:
    load_text(GOOD, {"SCIMBRIDGE_PORT": "tcp://10.0.0.1:8085", "SCIMBRIDGE_SERVICE_HOST": "10.0.0.1"})
