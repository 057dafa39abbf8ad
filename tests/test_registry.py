from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from connectors.scim import ScimConnector
from connectors.scim.config import ScimConfig
from scimbridge import registry
from scimbridge.errors import ConfigurationError
from scimbridge.sdk import Context, TargetConfig
from tests.packages import FITS, install


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
        "command",
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
        match=r'"scmi" is not a connector; did you mean "scim"\? available: command, google-workspace, home-folder',
    ):
        registry.connector_class("scmi")


@pytest.mark.usefixtures("installed")
def test_a_connector_whose_package_is_missing_names_its_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"connectors_nowhere is missing; pip install scimbridge\[lacking\]"):
        registry.connector_class("lacking")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", ["nameless", "odd"])
def test_an_entry_point_that_is_no_connector_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a connector"):
        registry.connector_class(kind)


def test_a_connector_of_another_package_is_used_and_listed(site: Path) -> None:
    install(site, "scimbridge-desk", FITS)

    (desk,) = (each for each in registry.installed() if each.kind == "desk")

    assert registry.connector_class("desk").kind == "desk"
    assert desk == registry.Installed(kind="desk", package="scimbridge-desk", version="2.1", contract=1, fault="")


@pytest.mark.parametrize(
    ("source", "contract", "said"),
    [
        (FITS.replace("contract = 1", "contract = 2"), 2, r"desk 2\.1 .* written for contract 2, .* knows 1; upgrade"),
        (FITS.replace("contract = 1", "contract = 0"), 0, "written for contract 0, .* knows 1 and newer; upgrade the"),
        (FITS.replace("contract = 1", ""), None, "does not say which contract .* adds contract = 1"),
        (FITS.replace("contract = 1", 'contract = "1"'), None, "does not say which contract"),
        (FITS.replace("check = find =", "check ="), 1, "it has no find; ask"),
        (FITS.replace('"desk"', '"disk"'), 1, "it calls itself 'disk'"),
        (FITS.replace("config_type = TargetConfig", "config_type = dict"), 1, "is not a TargetConfig"),
        ("from scimbridge.sdk import Telepathy", None, "'Telepathy' from .*upgrade scimbridge or scimbridge-desk"),
        (
            "from scimbridge.telepathy import Desk",
            None,
            "'scimbridge.telepathy'; upgrade scimbridge or scimbridge-desk",
        ),
        ("import telepathy", None, "package telepathy is missing; reinstall scimbridge-desk"),
        ("raise AttributeError('a\\nb')", None, "AttributeError: a b; reinstall scimbridge-desk"),
        ("Desk = 1 / 0", None, "ZeroDivisionError: division by zero; reinstall"),
        ("import sys; sys.exit('no license')", None, "SystemExit: no license; reinstall"),
        ("Desk = dict", None, "is not a connector; ask whoever made scimbridge-desk"),
        ("Disk = dict", None, "is not a connector; ask whoever made scimbridge-desk"),
    ],
)
def test_a_connector_that_cannot_be_used_says_why_and_stops_no_other(
    site: Path, source: str, contract: int | None, said: str
) -> None:
    install(site, "scimbridge-desk", source)

    with pytest.raises(ConfigurationError, match=said):
        registry.connector_class("desk")

    listed = registry.installed()
    assert [(each.kind, each.contract) for each in listed if each.fault] == [("desk", contract)]
    assert registry.connector_class("scim") is ScimConnector


def test_of_two_packages_with_the_same_connector_neither_is_used(site: Path) -> None:
    install(site, "scimbridge-desk", FITS)
    install(site, "desk-by-others", FITS)

    with pytest.raises(ConfigurationError, match=r"is in desk-by-others and in scimbridge-desk, .* uninstall one"):
        registry.connector_class("desk")

    assert [each.package for each in registry.installed() if each.fault] == ["desk-by-others", "scimbridge-desk"]


def test_nobody_takes_the_place_of_a_connector_of_scimbridge(site: Path) -> None:
    install(site, "scimbridge-scim", FITS, kind="scim")

    assert registry.connector_class("scim") is ScimConnector
    (fault,) = (each.fault for each in registry.installed() if each.package == "scimbridge-scim")
    assert fault.endswith("nobody else's is used; uninstall scimbridge-scim")


def test_a_package_that_registers_nothing_is_named(site: Path) -> None:
    install(site, "scimbridge-desk", FITS, kind="")

    with pytest.raises(ConfigurationError, match='scimbridge-desk is installed, and registers no connector "desk"'):
        registry.connector_class("desk")


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
