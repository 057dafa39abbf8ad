"""Plans: what would happen to whom and when."""

from __future__ import annotations

import re
import stat

import pytest

from scimbridge.cli import plan
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_a_plan_shows_what_when_where_and_the_point_of_no_return(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.run()

    lines = terminal.run("plan", "ada@example.com").stdout.splitlines()

    assert lines[:4] == [
        "ada@example.com (source idp), deactivated now:",
        "  Rule employees.",
        "  Guard, all at all sources and targets: 1 of 100 within 1d.",
        "",
    ]
    table = "\n".join(lines[4:])
    assert re.search(
        r"2026-03-09 09:00 UTC \(in 7d\)  +suspend +crm +ada@example.com  the account's state is kept first, for undo\n"
        r"2026-03-09 09:00 UTC \(in 7d\)  +suspend +directory +ada@example.com  observe: only reported\n"
        r"-- point of no return --\n"
        r"2026-05-31 09:00 UTC \(in 90d\)  delete +crm",
        table,
    )
    assert table.count("point of no return") == 1
    assert "read, never written" in table


def test_a_plan_touches_nothing(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada@example.com")

    terminal.run("plan", "ADA@example.com")

    assert bench.cases(user) == []
    assert bench.facts(user) == []


def test_an_account_that_is_not_linked_yet_is_said_to_be_so(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")

    assert "not linked yet" in terminal.run("plan", "ada@example.com").stdout


def test_somebody_excluded_is_shown_with_the_reason_and_no_stage(bench: Bench, terminal: Terminal) -> None:
    bench.join("robot", userType="Service")

    shown = terminal.run("plan", "robot").stdout
    (answer,) = terminal.read("plan", "robot")

    assert "  Excluded: owned by platform; nothing is touched." in shown
    assert "suspend" not in shown
    assert (answer["excluded"], answer["stages"]) == ("owned by platform", [])


def test_without_a_rule_nothing_would_happen(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    terminal.config.write_text(terminal.config.read_text().replace('"deactivated", "deleted"', '"deleted"'))

    assert "No rule matches" in terminal.run("plan", "ada@example.com").stdout
    assert "employees" in terminal.run("plan", "ada@example.com", "--trigger", "deleted").stdout


def test_what_a_target_cannot_do_is_left_out_and_said(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    terminal.config.write_text(
        terminal.config.read_text().replace(
            'do = ["suspend"]', 'do = ["suspend", "stamp"]\n  targets = ["crm", "sample"]'
        )
        + '[targets.sample]\nconnector = "sample"\nfile = "sample.db"\n'
    )
    page = terminal.config.parent / "plan.html"

    shown = terminal.run("plan", "ada@example.com").stdout
    (answer,) = terminal.read("plan", "ada@example.com")
    terminal.run("plan", "ada@example.com", "--html", str(page))

    assert "\nLeft out: stamp at crm; the connector cannot do it.\n" in shown
    assert answer["left_out"] == {"stamp": ["crm"]}
    assert "Left out: stamp at crm; the connector cannot do it." in page.read_text()


def test_everybody_of_the_name_is_planned_in_every_source(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.join("ada@example.com", source="other", everywhere=False)

    assert [one["source"] for one in terminal.read("plan", "ada@example.com")] == ["idp", "other"]


def test_a_plan_as_json_has_stable_keys(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada@example.com")
    bench.run()

    (answer,) = terminal.read("plan", "ada@example.com")

    assert set(answer) == {
        *("identity_id", "user_name", "source", "active", "trigger", "rule", "hook", "excluded", "holds", "open_case"),
        *("earlier", "guard", "stages", "left_out", "unusable"),
    }
    assert [(stage["after_seconds"], stage["due_at"]) for stage in answer["stages"]] == [
        (604800.0, "2026-03-09T09:00:00.000Z"),
        (7776000.0, "2026-05-31T09:00:00.000Z"),
    ]
    assert answer["stages"][1]["tasks"][1] == {
        "target": "directory",
        "action": "delete",
        "irreversible": True,
        "account": "ada@example.com",
        "due_at": "2026-05-31T09:00:00.000Z",
        "released_at": "2026-05-31T09:00:00.000Z",
        "kept_until": None,
        "frozen": False,
        "because_of": None,
        "snapshot": False,
        "observe": True,
        "spared": None,
        "contested": False,
        "verified": True,
    }


def test_somebody_unknown_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert terminal.run("plan", "nobody", code=1).stderr == "Error: no identity with userName 'nobody'\n"


# -- a file of leavers


def a_file(terminal: Terminal, *lines: str) -> str:
    path = terminal.config.parent / "leavers.CSV"
    path.write_text("\n".join(("userName;Team", *lines)) + "\n")
    return str(path)


def test_a_file_of_leavers_is_planned_line_by_line(bench: Bench, terminal: Terminal) -> None:
    for name, kind in (("ada", "Employee"), ("robot", "Service")):
        bench.join(name, userType=kind)

    shown = terminal.run("plan", a_file(terminal, "ada;Sales", "nobody;", "robot;IT")).stdout

    assert shown.startswith(
        "Lines: 3; they name 2 people, and 1 of them nobody who is known.\n"
        "  1 would lose access as below\n"
        "  1 are excluded\n"
        "Columns that say nothing here: Team.\n"
    )
    assert re.search(r"2     ada     idp     suspend after 7d; delete after 90d", shown)
    assert re.search(r"3     nobody  -       nothing +no source knows such a person", shown)
    assert re.search(r"4     robot   idp     nothing +Excluded: owned by platform", shown)


def test_a_file_as_json_says_at_which_line_the_guard_would_stop(bench: Bench, terminal: Terminal) -> None:
    terminal.config.write_text(terminal.config.read_text() + '\n[guard]\nall = { count = 1, window = "1h" }\n')
    for name in ("ada", "ben", "cid"):
        bench.join(name)

    answer = terminal.read("plan", a_file(terminal, "ada", "ben", "cid"))

    assert set(answer) == {"counts", "guard", "ignored_columns", "lines"}
    assert [(trip["line"], trip["where"]) for trip in answer["guard"]] == [(3, "all sources and targets")]
    held = [any(one["held"] for one in line["plans"][0]["guard"]) for line in answer["lines"]]
    assert held == [False, True, True]
    assert (answer["counts"]["would_act"], answer["counts"]["held"]) == (1, 2)


def test_a_long_file_shows_how_far_it_is(bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "PROGRESS_EVERY", 2)
    bench.join("ada")

    assert terminal.run("plan", a_file(terminal, "ada", "b", "c")).stderr == "2 of 3\n3 of 3\n"


def test_a_file_that_is_none_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert "No such file" in terminal.run("plan", "missing.csv", code=2).stderr
    (terminal.config.parent / "list.csv").write_text("ada\nben\n")
    assert "has to name the columns" in terminal.run("plan", "list.csv", code=2).stderr


# -- other rules


OTHER = """
[[rules]]
name = "everybody"
when = ["deactivated"]

  [[rules.stages]]
  after = "1d"
  do = ["suspend"]
"""


def other_rules(terminal: Terminal) -> str:
    path = terminal.config.parent / "new.toml"
    path.write_text(OTHER)
    return str(path)


def test_a_person_is_planned_by_other_rules(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada")
    bench.join("robot", userType="Service")

    (answer,) = terminal.read("plan", "ada", "--rules", other_rules(terminal))
    (spared,) = terminal.read("plan", "robot", "--rules", other_rules(terminal))

    assert (answer["rule"], [stage["after_seconds"] for stage in answer["stages"]]) == ("everybody", [86400.0])
    assert spared["excluded"] == "owned by platform"


def test_what_a_whole_configuration_lacks_is_meant_to_be_gone(bench: Bench, terminal: Terminal) -> None:
    bench.join("robot", userType="Service")
    path = terminal.config.parent / "whole.toml"
    path.write_text(terminal.config.read_text().partition("[[exclusions]]")[0])

    (answer,) = terminal.read("plan", "robot", "--rules", str(path))

    assert answer["excluded"] is None


def test_a_replay_shows_who_would_have_been_treated_otherwise(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("ada"))
    bench.leave(bench.join("robot", userType="Service"))
    bench.delete(bench.join("ben"))
    replay = ("plan", "--rules", other_rules(terminal), "--replay", "90d")

    shown, answer, everything = terminal.run(*replay).stdout, terminal.read(*replay), terminal.read(*replay, "--all")

    assert "3 facts about 3 people" in shown
    assert "judged as they are stored now" in shown
    assert answer["counts"] == {
        "facts": 3,
        "people": 3,
        "same": 1,
        "different": 2,
        "touched_only_now": 0,
        "spared_now": 1,
        "otherwise": 1,
    }
    assert {one["user_name"]: one["differences"] for one in answer["facts"]} == {
        "ada": [
            "rule 'employees' -> rule 'everybody'",
            "no longer: delete at crm, directory",
            "suspend at crm, directory: after 7d -> after 1d",
        ],
        "ben": [
            "rule 'employees' -> no rule matches",
            "no longer: suspend at crm, directory",
            "no longer: delete at crm, directory",
        ],
    }
    assert len(everything["facts"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name a person or a file of leavers"),
        (("--replay", "90d"), "--replay is about everybody, by the rules of --rules FILE"),
        (("ada", "--rules", "x.toml", "--replay", "90d"), "--replay is about everybody"),
        (("--rules", "x.toml", "--replay", "soon"), "--replay: "),
    ],
)
def test_options_that_do_not_go_together_are_refused(terminal: Terminal, arguments: tuple[str, ...], told: str) -> None:
    assert told in " ".join(terminal.run("plan", *arguments, code=2).stderr.replace("│", " ").split())


# -- a page


def test_a_page_stands_alone_and_cannot_run_anything(bench: Bench, terminal: Terminal) -> None:
    bench.join("<script>alert(1)</script>")
    page = terminal.config.parent / "plan.html"

    result = terminal.run("plan", "<script>alert(1)</script>", "--html", str(page))

    content = page.read_text()
    assert "The page is in" in result.stderr
    assert "<script" not in content
    assert not re.search(r"(src|href)=.(?!data:)", content)
    assert "point of no return" in content
    assert "prefers-color-scheme: dark" in content
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_a_file_and_a_replay_have_their_pages(bench: Bench, terminal: Terminal) -> None:
    bench.leave(bench.join("ada"))
    page = terminal.config.parent / "plan.html"

    said = terminal.run("plan", a_file(terminal, "ada", "nobody"), "--html", str(page)).stdout
    assert said.startswith("Lines: 2; they name 1 person, and 1 of them nobody who is known.")
    assert "LINE" not in said
    assert "Line 3" in page.read_text()
    terminal.run("plan", "--rules", other_rules(terminal), "--replay", "90d", "--html", str(page))
    assert "after 7d -&gt; after 1d" in page.read_text()
