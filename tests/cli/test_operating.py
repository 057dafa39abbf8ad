"""Targets, holds and exclusions."""

from __future__ import annotations

import pytest

from scimbridge.domain.hold import Scope
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_targets_are_listed_with_stable_keys(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []

    listed = terminal.read("targets", "list")

    assert [(one["name"], one["connector"], one["mode"]) for one in listed] == [
        ("crm", "scim", "enforce"),
        ("directory", "scim", "observe"),
    ]
    assert set(listed[0]) == {
        *("name", "connector", "mode", "armed_until", "armed_by", "concurrency", "at_once", "runnable", "live"),
        *("needs_person", "pause", "unusable", "pace", "calls_per_second"),
    }
    assert "crm" in terminal.run("targets", "list").stdout


def test_a_target_that_asks_for_fewer_calls_is_shown_with_the_rate_that_holds(bench: Bench, terminal: Terminal) -> None:
    bench.fleet.connector("crm").context.throttled(None)

    slowed = terminal.read("targets", "list")[0]

    assert (slowed["pace"], slowed["calls_per_second"]) == (0.5, 25.0)
    assert "25/s (the target asked for fewer calls)" in terminal.run("targets", "list").stdout


def test_a_paused_target_is_shown_until_it_is_resumed(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    terminal.run("targets", "pause", "crm", "--reason", "maintenance")

    assert "paused already" in terminal.run("targets", "pause", "crm", "--reason", "again").stdout
    assert terminal.read("targets", "list")[0]["pause"] == "paused by olga: maintenance"
    assert terminal.run("targets", "resume", "crm").stdout == "crm goes on.\n"
    assert terminal.run("targets", "resume", "crm").stdout == "crm was not paused.\n"
    assert terminal.read("targets", "list")[0]["pause"] is None


def test_an_armed_target_is_shown_until_it_is_disarmed(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    said = terminal.run("targets", "arm", "directory", "--for", "4h", "--reason", "pilot").stdout

    assert said == "directory acts until 2026-03-02 13:00 UTC (in 4h); then it observes again.\n"
    listed = terminal.read("targets", "list")[1]
    assert (listed["mode"], listed["armed_until"], listed["armed_by"]) == (
        *("observe", "2026-03-02T13:00:00.000Z", "olga"),
    )
    assert "armed by olga until 2026-03-02 13:00 UTC (in 4h)" in terminal.run("targets", "list").stdout
    disarm = ("targets", "disarm", "directory", "--reason", "seen enough")
    assert terminal.run(*disarm).stdout == "directory observes again.\n"
    assert terminal.run(*disarm).stdout == "directory was not armed.\n"
    assert terminal.read("targets", "list")[1]["armed_until"] is None


def test_who_arms_a_target_hears_what_is_due_there_meanwhile(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada@example.com")
    bench.leave(user)
    bench.clock.advance("7d")

    said = terminal.run("targets", "arm", "directory", "--for", "4h", "--reason", "pilot").stdout

    assert said.splitlines()[1] == (
        "At most 1 task of 1 person that is planned there already will be due by then, and done; "
        "`scimbridge cases list --target directory` shows whose."
    )


def test_a_target_is_not_armed_for_long_nor_where_it_acts_anyway(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []

    def refused(*arguments: str, code: int = 1) -> str:
        return terminal.run("targets", "arm", *arguments, "--reason", "x", code=code).stderr

    assert "1d at most" in refused("directory", "--for", "25h")
    assert "acts always" in refused("crm", "--for", "1h")
    assert "is not a duration" in refused("directory", "--for", "soon", code=2)


def test_a_backlog_that_is_let_go_is_shown_as_such(bench: Bench, terminal: Terminal) -> None:
    terminal.run("targets", "pause", "crm", "--reason", "maintenance")
    for name in ("ada", "ben"):
        bench.leave(bench.join(name))
    bench.sweeping.run(bench.clock.advance("7d"))

    terminal.run("targets", "resume", "crm")

    assert terminal.read("targets", "list")[0]["at_once"] == 1


def test_an_unknown_target_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    for command in (("pause", "nope", "--reason", "x"), ("resume", "nope"), ("check", "nope")):
        assert terminal.run("targets", *command, code=1).stderr == (
            "Error: no target 'nope' (`scimbridge targets list` shows what there is)\n"
        )


def test_a_hold_stands_until_it_is_lifted(bench: Bench, terminal: Terminal) -> None:
    placed = terminal.read("hold", "place", "--target", "crm", "--reason", "litigation")

    (listed,) = terminal.read("hold", "list")
    assert listed == {
        "id": placed["id"],
        "scope": "target",
        "subject": "crm",
        "reason": "litigation",
        "placed_by": "olga",
        "placed_at": "2026-03-02T09:00:00.000Z",
        "until": None,
        "legal": False,
        "flood_id": None,
    }
    assert placed["too_late_for"] == []
    assert terminal.run("hold", "lift", placed["id"]).stdout == "Lifted the hold on target crm.\n"
    assert terminal.read("hold", "list") == []
    assert bench.holding.standing() == []


def test_everybody_and_one_person_and_one_case_can_be_held(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada")
    bench.leave(user)

    for option in (("--everything",), ("--identity", user), ("--case", bench.case(user).id)):
        assert "Placed hold" in terminal.run("hold", "place", *option, "--reason", "wait").stdout

    assert {hold.scope for hold in bench.holding.standing()} == {Scope.EVERYTHING, Scope.IDENTITY, Scope.CASE}
    assert "identity" in terminal.run("hold", "list").stdout


def test_a_person_is_held_and_spared_by_their_user_name_unless_somebody_else_had_it(
    bench: Bench, terminal: Terminal
) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.delete(ada)
    other = bench.join("Bob", source="hr")

    placed = terminal.read("hold", "place", "--identity", "ADA", "--legal", "--reason", "litigation")
    spared = terminal.run("exclusion", "add", "--identity", "ada", "--reason", "litigation")
    refused = terminal.run("hold", "place", "--identity", "bob", "--reason", "litigation", code=1)

    assert placed["subject"] == ada
    assert "Error" not in spared.stderr
    assert "2 people have or had the userName 'bob'; name one by its id: " in refused.stderr
    assert all(each in refused.stderr for each in (bob, other))
    assert len(bench.holding.standing()) == 1


def test_a_hold_until_a_date_says_when_it_ends(bench: Bench, terminal: Terminal) -> None:
    place = ("hold", "place", "--target", "crm", "--reason", "migration", "--until")

    assert terminal.run(*place, "2026-03-31").stdout.endswith("on target crm, until 2026-04-01 00:00 UTC.\n")
    assert "2026-04-01 00:00 UTC" in terminal.run("hold", "list").stdout
    assert terminal.read("hold", "list")[0]["until"] == "2026-04-01T00:00:00.000Z"
    for said, problem in (("soon", "write a date like 2026-12-31"), ("2026-03-01", "that has passed")):
        assert problem in terminal.run(*place, said, code=2).stderr


def test_a_hold_that_comes_too_late_names_the_tasks(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada")
    bench.run()
    bench.leave(user)
    answers: list[str] = []
    bench.systems["crm"].before_write = lambda: answers.append(
        terminal.run("hold", "place", "--everything", "--reason", "stop").stderr
    )

    bench.run("7d")

    (suspend,) = (one for one in bench.tasks(bench.case(user)) if (one.action, one.target) == ("suspend", "crm"))
    assert answers == [f"Too late for task {suspend.id} at crm: its request may have left already.\n"]


@pytest.mark.parametrize("options", [(), ("--everything", "--target", "crm")])
def test_a_hold_is_on_one_thing(bench: Bench, terminal: Terminal, options: tuple[str, ...]) -> None:
    terminal.run("hold", "place", *options, "--reason", "wait", code=2)

    assert bench.holding.standing() == []


def test_a_hold_on_what_is_not_there_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    for option, kind in (("--target", "target"), ("--identity", "identity"), ("--case", "case")):
        result = terminal.run("hold", "place", option, "nope", "--reason", "wait", code=1)
        assert result.stderr.startswith(f"Error: no {kind} 'nope'")

    assert bench.holding.standing() == []


def test_an_exclusion_counts_until_it_is_ended(bench: Bench, terminal: Terminal) -> None:
    bench.join("ada")
    terminal.run("exclusion", "add", 'userName eq "ada"', "--reason", "needed")

    listed, written = terminal.read("exclusion", "list")
    assert set(listed) == {
        *("id", "from", "of", "match", "subject", "target", "until", "reason", "placed_by", "placed_at"),
    }
    assert (listed["from"], listed["match"]) == ("run time", 'userName eq "ada"')
    assert (written["id"], written["from"], written["reason"]) == (None, "configuration", "owned by platform")
    assert terminal.read("plan", "ada")[0]["excluded"] == "needed"
    terminal.run("exclusion", "end", listed["id"])
    assert terminal.read("plan", "ada")[0]["excluded"] is None
    assert terminal.run("exclusion", "end", listed["id"], code=1).stderr.startswith("Error: no standing exclusion")


@pytest.mark.parametrize("match", ["nonsense", 'shoeSize eq "43"', ""])
def test_a_filter_that_is_none_is_wrong_usage(bench: Bench, terminal: Terminal, match: str) -> None:
    terminal.run("exclusion", "add", match, "--reason", "needed", code=2)

    assert list(bench.holding.exclusions()) == []


def test_a_legal_hold_of_a_source_needs_a_reason_to_be_lifted(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    placed = terminal.read("hold", "place", "--source", "idp", "--legal", "--reason", "litigation 4711")
    assert (placed["scope"], placed["subject"], placed["legal"]) == ("source", "idp", True)
    assert "legal" in terminal.run("hold", "list").stdout

    assert "legal one" in terminal.run("hold", "lift", placed["id"], code=1).stderr
    terminal.run("hold", "lift", placed["id"], "--reason", "settled")

    assert bench.holding.standing() == []


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("--members", "Board"), "members of Board"),
        (("--target", "crm"), "target crm"),
        (("--account", "root", "--target", "crm"), "account root at crm"),
        (("--account", "root"), "account root"),
        (("--group", "Admins", "--target", "directory"), "group Admins at directory"),
    ],
)
def test_other_things_than_people_can_be_excluded(
    bench: Bench, terminal: Terminal, options: tuple[str, ...], shown: str
) -> None:
    assert bench.wakeups == []
    terminal.run("exclusion", "add", *options, "--reason", "needed", "--until", "2026-12-31")

    listing = terminal.run("exclusion", "list").stdout
    assert shown in listing
    assert "2027-01-01 00:00 UTC" in listing


def test_an_exclusion_says_how_many_it_spares(bench: Bench, terminal: Terminal) -> None:
    ada, bob = bench.join("ada", userType="Board"), bench.join("bob", userType="Board")
    bench.join("cyd", userType="Board", active=False)
    bench.group("Board", ada, bob)

    def said(*options: str) -> str:
        return terminal.run("exclusion", "add", *options, "--reason", "needed").stderr

    assert said('userType eq "board"') == "It spares 2 active identities right now.\n"
    assert said('groups.display eq "Board"') == "It spares 2 active identities right now.\n"
    assert said("--members", "board") == "It spares 2 active identities right now.\n"
    assert said("--identity", ada) == "It spares 1 active identity right now.\n"
    assert said('userType eq "bored"').startswith("warning: no active identity matches")
    assert said("--target", "crm") == ""


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("userName pr", "--members", "Board"),
        ("--members", "Board", "--target", "crm"),
        ("--members", " "),
        ("--members", "Board", "--until", "soon"),
        ("--members", "Board", "--until", "2026-03-01"),
    ],
)
def test_an_exclusion_is_of_one_thing(bench: Bench, terminal: Terminal, options: tuple[str, ...]) -> None:
    terminal.run("exclusion", "add", *options, "--reason", "needed", code=2)

    assert bench.holding.exclusions() == []


def test_an_exclusion_of_what_is_not_there_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    for option, kind in (("--target", "target"), ("--identity", "identity")):
        result = terminal.run("exclusion", "add", option, "nope", "--reason", "x", code=1)
        assert f"Error: no {kind} 'nope'" in result.stderr

    assert bench.holding.exclusions() == []
