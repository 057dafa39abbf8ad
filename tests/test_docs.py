"""The documentation says what the code does: every name is there, generated parts are fresh, examples load."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter
from typer.models import OptionInfo
from typer.testing import CliRunner

from docs.generator import commands, pages, settings, watching
from scimbridge.cli.app import app
from scimbridge.config import load
from scimbridge.demo.replay import traffic, traffic_names
from scimbridge.domain.task import TRANSITIONS, TaskState
from scimbridge.errors import ConfigurationError
from tests.config.conftest import KEY, SECRETS

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("connectors/**/*.md")]
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
OPTIONS = {
    path: {
        name
        for _, _, info in commands.parameters_of(function)
        if isinstance(info, OptionInfo)
        for name in commands.names_of(info)
    }
    for path, function in commands.commands_of(app, "scimbridge")
}
"""The options of each command, by how the command is called."""
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """Return a page's code blocks of a language, without the indentation of a list around them."""
    return [
        re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        for indent, kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if kind == language
    ]


def tables_of(page: str) -> str:
    return (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")


# -- what the code has, the pages have ----------------------------------------


@each_page
def test_generated_parts_are_fresh(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert pages.renewed(text) == text, "run `make docs`"


def test_every_setting_is_in_the_reference() -> None:
    page = tables_of("configuration.md")

    for heading, model in settings.SECTIONS.items():
        _, _, section = page.partition(f"### {heading}\n")
        table, _, _ = section.partition("\n###")
        # Tables of the file have sections of their own.
        missing = {
            name for name, field in model.model_fields.items() if field.description and f"| `{name}` |" not in table
        }
        assert missing <= {"targets"}, heading


def test_every_default_in_the_reference_is_written_as_the_file_takes_it() -> None:
    page = tables_of("configuration.md")
    shown = 0

    for heading, model in settings.SECTIONS.items():
        _, _, section = page.partition(f"### {heading}\n")
        table, _, _ = section.partition("\n###")
        for name, default in re.findall(r"^\| `(\w+)` \| `(.+?)` \|", table, re.MULTILINE):
            field = model.model_fields[name]
            written = tomllib.loads(f"value = {default}")["value"]
            kind: Any = Annotated[field.annotation, field, *field.metadata]
            read = TypeAdapter(kind).validate_python(written)
            assert read == field.get_default(call_default_factory=True), f"{heading} {name}"
            shown += 1

    assert shown > 30


def test_every_connector_explains_every_key_of_its_own() -> None:
    from connectors.command import CommandConfig
    from connectors.google_workspace import GoogleWorkspaceConfig
    from connectors.home_folder import HomeFolderConfig
    from connectors.ldap import LdapConfig
    from connectors.microsoft365 import Microsoft365Config
    from connectors.scim import ScimConfig
    from connectors.webhook import WebhookConfig
    from scimbridge.sdk import TargetConfig

    configs: tuple[tuple[str, type[TargetConfig]], ...] = (
        ("command", CommandConfig),
        ("google_workspace", GoogleWorkspaceConfig),
        ("home_folder", HomeFolderConfig),
        ("ldap", LdapConfig),
        ("microsoft365", Microsoft365Config),
        ("scim", ScimConfig),
        ("webhook", WebhookConfig),
    )
    for kind, config in configs:
        page = (ROOT / "connectors" / kind / "README.md").read_text(encoding="utf-8")
        own = config.model_fields.keys() - TargetConfig.model_fields.keys()
        assert {name for name in own if f"`{name}`" not in page} == set()


def test_every_command_is_in_the_reference() -> None:
    page = tables_of("commands.md")

    assert len(OPTIONS) > 20
    assert [path for path in OPTIONS if f"### `{path}" not in page] == []


def test_every_option_is_in_the_reference() -> None:
    page = tables_of("commands.md")

    assert {name for names in OPTIONS.values() for name in names if f"`{name}`" not in page} == set()


def test_every_state_and_event_is_in_the_reference() -> None:
    page = tables_of("states.md")

    assert [state for state in TaskState if f"| `{state}` | " not in page] == []
    assert [event for event in TRANSITIONS if f"| `{event}` | " not in page] == []


def test_the_chart_is_the_table() -> None:
    (chart,) = blocks(ROOT / "docs" / "reference" / "states.md", "mermaid")
    arrows = re.findall(r"^ +(\w+) --> (\w+): (.+)$", chart, re.MULTILINE)

    drawn = {(event, source, to) for source, to, events in arrows for event in events.split(", ")}

    assert drawn == {(event, source, to) for event, (sources, to) in TRANSITIONS.items() for source in sources}


def test_every_metric_is_in_the_reference() -> None:
    page = tables_of("metrics.md")

    names = watching.metrics_by_name()

    assert len(names) > 10
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_metrics_in_examples_exist() -> None:
    text = tables_of("metrics.md")
    series = {name + suffix for name in watching.metrics_by_name() for suffix in ("", "_bucket", "_sum", "_count")}

    assert set(re.findall(r"\bscimbridge_[a-z_]+\b", text)) <= series


# -- what the pages say works -------------------------------------------------


@each_page
def test_toml_blocks_load(page: Path, tmp_path: Path) -> None:
    problems = list[str]()
    for block in blocks(page, "toml"):
        for name in re.findall(r'(?:file = |ca_file = )"([^"]+)"', block):
            (tmp_path / name).write_text(KEY if name.endswith(".json") else "secret")
        environ = dict.fromkeys(re.findall(r'env = "(\w+)"', block), "secret")
        path = tmp_path / "scimbridge.toml"
        path.write_text(block, encoding="utf-8")

        with pytest.MonkeyPatch.context() as patch:
            for name in environ:
                patch.setenv(name, _value_of(name))
            try:
                load(path, {})
            except ConfigurationError as error:
                problems += map(str, error.problems)

    assert problems == []


def _value_of(name: str) -> str:
    return {
        "BRIDGE_DATABASE": "postgresql+psycopg://bridge:secret@db.example.com/bridge",
        "BRIDGE_REDIS": "rediss://:secret@redis.example.com",
        **SECRETS,
    }.get(name, "a-secret-that-is-long")


@each_page
def test_commands_in_examples_are_called_as_they_are(page: Path) -> None:
    for block in [*blocks(page, "sh"), *blocks(page, "")]:
        for line in block.splitlines():
            found = re.match(r"(?:\.venv/bin/)?scimbridge (.*)", line)
            if found:
                assert _is_understood(shlex.split(found[1], comments=True)), line


def _is_understood(words: list[str]) -> bool:
    """Whether a command line has the right form: with ``--help`` behind it, its words are read and nothing is done."""
    arguments = words[: words.index(">")] if ">" in words else words
    return CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


@each_page
def test_commands_in_the_text_exist(page: Path) -> None:
    for words in re.findall(r"`scimbridge ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        named = f"scimbridge {re.split('[^a-z ]', words)[0]}".strip()
        options = [names for path, names in OPTIONS.items() if f"{named} ".startswith(f"{path} ")]
        assert options or any(path.startswith(named) for path in OPTIONS), words
        assert set(re.findall(r"(?<=\s)--[a-z-]+", words)) <= {"--help"}.union(*options), words


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), f"{target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_of_the_documentation_is_listed() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")

    for page in ROOT.glob("docs/**/*.md"):
        name = str(page.relative_to(ROOT / "docs"))
        assert name in {"README.md", "performance.md"} or f"({name})" in index, name


def test_the_two_commands_open_the_readme() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert [line.split("#")[0].strip() for line in lines[2:5]] == ["```", "make run", "make test"]


# -- the demo's traffic -------------------------------------------------------


@pytest.mark.parametrize("name", sorted(traffic_names()))
def test_the_traffic_says_where_it_is_from(name: str) -> None:
    scene: dict[str, Any] = traffic(name)

    assert scene["source"] in {"entra", "okta"}
    assert scene["from"].startswith("https://")
    assert all({"method", "path", "status"} <= step.keys() for step in scene["steps"])


def test_whatever_is_said_to_be_proven_has_its_test() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "capabilities.md").read_text(encoding="utf-8")
    tests = {
        name
        for file in Path(__file__).parent.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))
    }
    rows = [
        line
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith(("| asked", "| trap ", "| story "))
    ]

    named = set(re.findall(r"`(test_\w+)`", page))

    assert len(rows) > 60
    assert named - tests == set()
    assert [row for row in rows if "`test_" not in row and "later" not in row] == []
