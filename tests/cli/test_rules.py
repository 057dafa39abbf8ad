"""``scimbridge rules``: from a text to what is in force, in a terminal and in scripts."""

from __future__ import annotations

from scimbridge.bridge import Bridge
from scimbridge.config import load
from tests.cli.conftest import CONFIG, Terminal
from tests.services.bench import Bench

RULES = CONFIG[CONFIG.index("[[rules]]") : CONFIG.index("[[exclusions]]")]


def started(terminal: Terminal) -> None:
    """A web process has been there, and has put the file in force."""
    bridge = Bridge(load(terminal.config))
    bridge.prepare_rules()
    bridge.close()


def test_a_draft_is_written_replayed_and_put_in_force(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert "There is none yet" in terminal.run("rules", "list").stdout
    assert "`scimbridge rules list` shows" in terminal.run("rules", "show", code=1).stderr
    started(terminal)

    text = terminal.run("rules", "show", "--toml").stdout
    assert text.strip() == RULES.strip()
    wrong = terminal.run("rules", "draft", "-", code=1, typed=text.replace("suspend", "suspned"))
    assert "line 7: rules[0].stages[0].do[0]: must be" in wrong.stderr
    terminal.run("rules", "draft", "-", "--change", "2", typed=text.replace('"90d"', '"60d"'))
    assert '+  after = "60d"' in terminal.run("rules", "diff", "2").stdout
    refused = terminal.run("rules", "activate", "2", "--reason", "sooner", "--yes", code=1)
    assert "replay the past by draft 2 first" in refused.stderr
    found = terminal.read("rules", "replay", "2", "--span", "30d")["replay"]
    assert found["state"] == "ended"
    assert found["irreversible"] == ["rule employees: delete after 60d, without an approval"]

    terminal.run("rules", "activate", "2", "--reason", "sooner", code=1, typed="n\n")
    shown = terminal.run("rules", "activate", "2", "--reason", "sooner", typed="y\n").stdout

    assert "New, and cannot be undone: rule employees: delete after 60d" in shown
    assert "Version 2 is in force." in shown
    assert [each["state"] for each in terminal.read("rules", "list")] == ["active", "retired"]
    assert terminal.read("rules", "draft", "--of", "1")["changes"] != []
    terminal.run("rules", "discard", "3")
    assert "discarded" in terminal.run("rules", "list").stdout
    assert "name one of" in terminal.run("rules", "draft", code=2).stderr
    (folder := terminal.config.parent).joinpath("rules.bin").write_bytes(b"# \xff")
    assert "is not UTF-8" in terminal.run("rules", "check", str(folder / "rules.bin"), code=2).stderr
    again = terminal.read("rules", "draft", "--of", "1")["version"]
    assert terminal.read("rules", "replay", str(again), "--span", "99999999d")["replay"]["state"] == "ended"
