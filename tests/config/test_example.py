"""The example is the reference: whatever can be set stands in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors.command.config import CommandConfig
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.home_folder.config import HomeFolderConfig
from connectors.ldap.config import LdapConfig
from connectors.microsoft365.config import Microsoft365Config
from connectors.scim.config import ScimConfig
from connectors.webhook.config import WebhookConfig
from scimbridge import registry
from scimbridge.config import document as sections
from scimbridge.config import example, json_schema
from scimbridge.config.hooks import HookSection
from scimbridge.config.notify import NotifySection, WebhookSection
from scimbridge.config.operators import OidcSection, OperatorsSection
from scimbridge.sdk.limits import GuardSection
from tests.config.conftest import KEY, SECRETS, Load

MODELS: list[type[BaseModel]] = [
    sections.ServerSection,
    sections.StoreSection,
    sections.QueueSection,
    OperatorsSection,
    OidcSection,
    sections.SourceSection,
    sections.RuleSection,
    sections.StageSection,
    sections.ExclusionSection,
    GuardSection,
    NotifySection,
    WebhookSection,
    HookSection,
    CommandConfig,
    GoogleWorkspaceConfig,
    HomeFolderConfig,
    LdapConfig,
    Microsoft365Config,
    ScimConfig,
    WebhookConfig,
]


# What goes with another action or trigger, or instead of something else, than the example's.
ALONE = "was|now|notify|only|successor|targets|identity|members|target|account|group|basic_"
ALONE += "|username|token_url|client_id|scope"


def _settings() -> list[tuple[type[BaseModel], str]]:
    return [
        (model, name)
        for model in MODELS
        for name in model.model_fields
        if name not in {"stages", "guard", "webhook", "oidc"}
    ]


@cache
def _lines() -> list[str]:
    """Those of the example; to write it takes as long as a hundred looks into it."""
    return [line.strip() for line in example().splitlines()]


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "service-account.json").write_text(KEY, encoding="utf-8")
    for name in re.findall(r'env = "(\w+)" }', example()):
        monkeypatch.setenv(name, SECRETS.get(name, "a-secret-that-is-long"))


@pytest.mark.usefixtures("_secrets")
def test_the_example_loads_without_warnings(load_text: Load) -> None:
    settings = load_text(example())

    assert settings.warnings == ()
    assert set(settings.targets) == {"directory", "google", "homes", "m365", "application", "sample", "crm", "legacy"}
    assert [stage.actions for stage in settings.ruleset.rules[0].stages] == [("suspend",), ("delete",)]


@pytest.mark.usefixtures("_secrets")
def test_the_example_loads_with_every_choice_taken_but_files_of_the_machine(load_text: Load) -> None:
    with_mail = example().replace("# mail_settings = false", "mail_settings = true")  # auto_reply asks for it
    chosen = re.sub(
        rf"^(\s*)# ((?!{ALONE})\w+ = (?!\"ca\.pem\"|\"bridge\.|\"notices\"))", r"\1\2", with_mail, flags=re.MULTILINE
    )

    settings = load_text(chosen)

    assert settings.targets["directory"].rate_limit is not None


@pytest.mark.parametrize(("model", "key"), _settings())
def test_every_setting_stands_in_the_example_with_its_reference(model: type[BaseModel], key: str) -> None:
    field = model.model_fields[key]

    assert field.description, "a setting has a docstring"
    lines = _lines()
    at = [number for number, line in enumerate(lines) if re.match(rf"(# )?{field.alias or key} = ", line)]
    words = " ".join(field.description.split())
    assert any(words.endswith(lines[number - 1].removeprefix("# ")) for number in at)


def test_above_the_sections_stands_nothing_of_theirs() -> None:
    top, _, _ = example().partition("\n[")

    assert re.findall(r"^(?:# )?(\w+) = ", top, re.MULTILINE) == ["data_dir", "deadlines"]


def test_every_connector_is_in_the_example() -> None:
    assert all(f'connector = "{kind}"' in example() for kind in registry.available_kinds())


def test_the_schema_has_every_section_and_connector() -> None:
    schema = json_schema()

    assert set(schema["properties"]) == set(sections.Document.model_fields)
    assert {model["properties"]["connector"]["const"] for model in _targets(schema)} == {
        "command",
        "google-workspace",
        "home-folder",
        "ldap",
        "microsoft365",
        "sample",
        "scim",
        "webhook",
    }
    assert all(model["additionalProperties"] is False for model in _targets(schema))


def test_the_schema_lets_a_secret_be_elsewhere() -> None:
    target = next(model for model in _targets(json_schema()) if "token" in model["properties"])

    assert {"env", "file"} == {
        key for choice in target["properties"]["token"]["anyOf"] for key in choice.get("properties", {})
    }


def _targets(schema: dict) -> list[dict]:  # type: ignore[type-arg]  # JSON
    choices = schema["properties"]["targets"]["additionalProperties"]["oneOf"]
    return [schema["$defs"][choice["$ref"].rpartition("/")[2]] for choice in choices]
