from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from connectors.scim import ScimConnector
from connectors.scim.config import ScimConfig
from scimbridge import registry
from scimbridge.errors import ConfigurationError
from scimbridge.sdk import Context, TargetConfig


def permit(*, writes: bool) -> None:
    """Allow everything."""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connectors that are registered and cannot be used."""
    entries = EntryPoints(
        [
            EntryPoint("lacking", "connectors_nowhere:Connector", registry.GROUP),
            EntryPoint("nameless", "connectors.scim:NoSuchName", registry.GROUP),
            EntryPoint("odd", "connectors.scim:ScimConfig", registry.GROUP),
        ]
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: entries.select(group=group))


def test_the_kinds_are_those_of_the_entry_points() -> None:
    assert registry.available_kinds() == (
        "google-workspace",
        "home-folder",
        "ldap",
        "microsoft365",
        "sample",
        "scim",
        "webhook",
    )


def test_a_kind_is_its_connectors_class() -> None:
    assert registry.connector_class("scim") is ScimConnector


def test_an_unknown_kind_is_told_what_there_is() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r'"scmi" is no connector; did you mean "scim"\? available: google-workspace, home-folder, ldap',
    ):
        registry.connector_class("scmi")


@pytest.mark.usefixtures("installed")
def test_a_connector_whose_package_is_missing_names_its_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"connectors_nowhere is missing; pip install scimbridge\[lacking\]"):
        registry.connector_class("lacking")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", ["nameless", "odd"])
def test_an_entry_point_that_is_no_connector_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="is no connector"):
        registry.connector_class(kind)


def test_a_connector_is_built_with_its_configuration_and_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t")
    config = ScimConfig.model_validate(
        {"connector": "scim", "base_url": "https://app.example.com", "token": {"env": "TOKEN"}}
    )
    context = Context(target="app", permit=permit)

    connector = registry.build("app", config, context)

    assert isinstance(connector, ScimConnector)
    assert connector.config is config
    assert connector.context is context
    connector.close()


def test_a_context_of_another_target_is_refused() -> None:
    config = TargetConfig(connector="scim")

    with pytest.raises(ValueError, match="'other'"):
        registry.build("app", config, Context(target="other", permit=permit))


def test_a_connector_is_imported_only_when_it_is_configured() -> None:
    program = """
import sys
from scimbridge.config import load
load(None, {"SCIMBRIDGE_TARGETS": '{"app": {"connector": "scim", "base_url": "https://a.example.com", "token": "t"}}'})
print([name for name in ("connectors.scim", "connectors.ldap", "ldap3") if name in sys.modules])
"""

    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")

    assert asked.stdout.strip() == "['connectors.scim']"
