from __future__ import annotations

from pathlib import Path

import pytest

from scimbridge.errors import ConfigurationError
from tests.config.conftest import GOOD, SECRET, Load, Problems

ENV = '{ env = "APP_TOKEN" }'


def test_a_secret_comes_from_a_file_beside_the_configuration(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")

    settings = load_text(GOOD.replace(ENV, '{ file = "token" }'))

    assert settings.targets["app"].model_dump()["token"].get_secret_value() == "from-a-file"
    assert settings.warnings == ()


def test_a_secret_in_the_file_itself_is_accepted_with_a_warning(load_text: Load) -> None:
    settings = load_text(GOOD.replace(ENV, f'"{SECRET}"'))

    (warning,) = settings.warnings
    assert warning.path == "targets.app.token"
    assert SECRET not in warning.message


def test_each_secret_of_a_table_of_secrets_has_a_warning_of_its_own(load_text: Load) -> None:
    program = 'connector = "command"\nallow_program = true\nprogram = ["/opt/x"]\nactions = ["suspend"]'

    settings = load_text(f'{GOOD}\n[targets.legacy]\n{program}\nsecrets = {{ ONE = "{SECRET}", TWO = {ENV} }}')

    assert [warning.path for warning in settings.warnings] == ["targets.legacy.secrets.ONE"]


def test_a_secret_in_a_variable_is_where_it_belongs(load_text: Load) -> None:
    settings = load_text(GOOD, {"SCIMBRIDGE_TARGETS__APP__TOKEN": "from-a-variable"})

    assert settings.targets["app"].model_dump()["token"].get_secret_value() == "from-a-variable"
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ("store", f"postgresql://bridge:{SECRET}@db.example.com/bridge"),
        ("queue", f"redis://:{SECRET}@redis.example.com"),
    ],
)
def test_a_password_in_an_address_is_accepted_with_a_warning(load_text: Load, section: str, url: str) -> None:
    settings = load_text(f'{GOOD}\n[{section}]\nurl = "{url}"')

    (warning,) = settings.warnings
    assert warning.path == f"{section}.url"
    assert SECRET not in warning.message


@pytest.mark.parametrize("section", ["store", "queue"])
def test_an_address_can_be_kept_elsewhere(load_text: Load, monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    monkeypatch.setenv("ADDRESS", {"store": "postgresql+psycopg://u:p@h/d", "queue": "redis://:p@h"}[section])

    settings = load_text(f'{GOOD}\n[{section}]\nurl = {{ env = "ADDRESS" }}')

    assert {"store": settings.store_url, "queue": settings.queue_url}[section].endswith(("u:p@h/d", ":p@h"))
    assert settings.warnings == ()


def test_settings_do_not_show_secrets(load_text: Load) -> None:
    settings = load_text(f'{GOOD}\n[store]\nurl = "postgresql://bridge:{SECRET}@db.example.com/bridge"')

    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(ENV, f'{{ env = "APP_TOKEN", vault = "{SECRET}" }}'),
        GOOD.replace(ENV, f'["{SECRET}"]'),
        GOOD.replace(ENV, f'"{SECRET} with spaces"'),
        GOOD.replace("token", "tokn").replace(ENV, f'"{SECRET}"'),
        f'{GOOD}\n[store]\nurl = "mysql://bridge:{SECRET}@db.example.com"',
        f'{GOOD}\n[queue]\nurl = "amqp://:{SECRET}@queue.example.com"',
        f'{GOOD}\n[targets.app.{"token2"}]\nx = "{SECRET}"',
        f'password = "{SECRET}"\n{GOOD}',
        f'x = "{SECRET}\n',
    ],
)
def test_messages_never_repeat_a_secret(load_text: Load, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text)

    assert caught.value.problems
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__context__)


def test_a_missing_variable_is_named(problems_of: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APP_TOKEN")

    problems = problems_of(GOOD)

    assert problems == {"targets.app.token": "the environment variable APP_TOKEN is not set"}
