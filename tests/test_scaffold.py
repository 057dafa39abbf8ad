"""A new connector, as ``scimbridge connectors new`` writes it and the how-to shows it, built and installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scimbridge import registry
from scimbridge.cli.app import app
from scimbridge.config import load
from scimbridge.scaffold import LONGEST, texts

ROOT = Path(__file__).parent.parent
TABLE = {"connector": "desk", "base_url": "https://desk.example.com/api", "token": "t"}


@dataclass(frozen=True, slots=True)
class Package:
    """A new connector.

    Attributes:
        folder: Its source.
        site: Where it is installed, with nothing else.
    """

    folder: Path
    site: Path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    made = Package(tmp_path_factory.mktemp("made") / "desk", tmp_path_factory.mktemp("site"))
    assert CliRunner().invoke(app, ["connectors", "new", "desk", "--into", str(made.folder)]).exit_code == 0
    uv = subprocess.check_output([sys.executable, ROOT / "deploy" / "bootstrap.py"], text=True).strip()
    # Builds the wheel with the backend that is here, and needs no network.
    alone = ("--offline", "--no-deps", "--no-build-isolation")
    places = ("--python", sys.executable, "--target", str(made.site))
    subprocess.run([uv, "pip", "install", "--quiet", *alone, *places, str(made.folder)], check=True)
    return made


@pytest.fixture
def installed(package: Package, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(package.site)
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "scimbridge_desk"]:
        del sys.modules[name]


def test_the_installed_package_keeps_the_promises_of_a_connector(package: Package) -> None:
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package.folder / "tests")]
    environ = {**os.environ, "PYTHONPATH": str(package.site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    ran = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=package.site)

    assert ran.returncode == 0, ran.stdout
    assert int(ran.stdout.splitlines()[-1].split()[0]) >= 60, ran.stdout


@pytest.mark.usefixtures("installed")
def test_it_is_listed_beside_the_others() -> None:
    listed = json.loads(CliRunner().invoke(app, ["connectors", "list", "--json"]).stdout)
    lines = CliRunner().invoke(app, ["connectors", "list"]).stdout.splitlines()

    (desk,) = (each for each in listed if each["kind"] == "desk")
    assert {"package": "scimbridge-desk", "version": "0.1.0", "contract": 1}.items() <= desk.items()
    assert [each["kind"] for each in listed if not each["usable"]] == []
    assert ["desk", "scimbridge-desk", "0.1.0", "1", "yes"] in [line.split() for line in lines]


@pytest.mark.usefixtures("installed")
def test_a_target_can_be_configured() -> None:
    settings = load(None, {"SCIMBRIDGE_TARGETS": json.dumps({"helpdesk": TABLE})})

    assert settings.targets["helpdesk"].match == {"userName": "email"}
    assert isinstance(settings.targets["helpdesk"], registry.connector_class("desk").config_type)


def test_it_takes_fewer_than_150_lines() -> None:
    code = [text for path, text in texts("desk").items() if path.startswith("scimbridge_desk/")]

    assert sum(len(text.splitlines()) for text in code) < 150


@pytest.mark.parametrize("kind", ["desk", "d", "help-desk-2", "z" * LONGEST])
def test_it_is_formatted_and_has_no_lint_under_any_name(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "new"

    made = CliRunner().invoke(app, ["connectors", "new", kind, "--into", str(folder)])

    assert made.exit_code == 0
    assert not [path for path in folder.rglob("*") if "desk" in path.name and "desk" not in kind]
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run([sys.executable, "-m", "ruff", *command, "--no-cache", folder], capture_output=True)
        assert ran.returncode == 0, ran.stdout.decode()


def test_a_name_is_spelled_as_each_place_wants_it() -> None:
    written = texts("help-point-2")

    assert 'help-point-2 = "scimbridge_help_point_2.connector:HelpPoint2Connector"' in written["pyproject.toml"]
    assert 'kind = "help-point-2"' in written["scimbridge_help_point_2/connector.py"]
    assert 'env = "HELP_POINT_2_TOKEN"' in written["README.md"]
    assert not [path for path, text in written.items() if "desk" in f"{path} {text}".lower()]


@pytest.mark.parametrize(
    ("name", "said"),
    [("scim", "already"), ("Desk", "write a name"), ("-desk", "No such option"), ("z" * (LONGEST + 1), "write a name")],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str, said: str) -> None:
    refused = CliRunner().invoke(app, ["connectors", "new", name, "--into", str(tmp_path / "new")])

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()

    refused = CliRunner().invoke(app, ["connectors", "new", "desk", "--into", str(tmp_path)])

    assert refused.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
