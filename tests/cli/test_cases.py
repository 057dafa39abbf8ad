"""Cases: listed, told, canceled and tried again."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from scimbridge.cli import canceling
from scimbridge.cli.case_filters import moment_of
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.task import TaskState
from scimbridge.sdk import AccountRef, AmbiguousAccountError, RejectedError, RetryableError
from tests.cli.conftest import Terminal
from tests.services.bench import SOURCE, Bench

LIST_KEYS = {
    *("id", "user_name", "identity_id", "source", "kind", "rule", "rules_version", "trigger", "trigger_at"),
    *("state", "situation"),
    *("next_due_at", "opened_at", "closed_at", "reason", "tasks"),
}


def a_leaver(bench: Bench, name: str = "ada@example.com") -> str:
    """Somebody leaves; returns the case."""
    user = bench.join(name)
    bench.run()
    bench.leave(user)
    return bench.case(user).id


# -- listed


def test_open_cases_are_listed_with_stable_keys(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    (listed,) = terminal.read("cases", "list")

    assert set(listed) == LIST_KEYS
    assert (listed["id"], listed["user_name"], listed["rule"]) == (case, "ada@example.com", "employees")
    assert (listed["situation"], listed["next_due_at"]) == ("waiting", "2026-03-09T09:00:00.000Z")
    assert listed["tasks"] == {"planned": 4}


def test_ended_cases_are_listed_when_asked_for(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    terminal.run("cases", "cancel", case, "--reason", "mistake", "--yes")

    assert terminal.read("cases", "list") == []
    assert [one["id"] for one in terminal.read("cases", "list", "--state", "canceled")] == [case]
    assert [one["id"] for one in terminal.read("cases", "list", "--state", "all")] == [case]


def test_a_limit_that_cuts_says_so(bench: Bench, terminal: Terminal) -> None:
    for name in ("ada", "ben"):
        a_leaver(bench, name)

    result = terminal.run("cases", "list", "--limit", "1")

    assert "--limit shows more" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_a_table_fits_80_columns_and_keeps_ids_whole(
    bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_leaver(bench, "a-name-that-is-rather-long.of-somebody@subsidiary.example.com")
    monkeypatch.setenv("COLUMNS", "80")

    shown = terminal.run("cases", "list").stdout

    assert max(map(len, shown.splitlines())) <= 80
    assert case in shown
    assert shown.isascii()


def test_in_a_pipe_each_case_is_one_plain_line(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench, "a-name-that-is-rather-long.of-somebody@subsidiary.example.com")

    _, line = terminal.run("cases", "list").stdout.splitlines()

    assert re.fullmatch(rf"{case}  a-name\S+@subsidiary.example.com  waiting +in 7d, 2026-03-09 09:00 UTC", line)


def test_a_name_cannot_drive_the_terminal(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench, "\x1b[2J\x07evil\u202egnp.exe[bold]")

    shown = terminal.run("cases", "list").stdout + terminal.run("cases", "show", case).stdout

    assert not {character for character in "\x1b\x07\u202e" if character in shown}
    assert "[bold]" in shown


def test_a_list_goes_on_after_its_last_case(bench: Bench, terminal: Terminal) -> None:
    first = a_leaver(bench, "ada")
    bench.clock.advance("1s")
    second = a_leaver(bench, "ben")

    assert f"--after {second}" in terminal.run("cases", "list", "--limit", "1").stderr
    assert [one["id"] for one in terminal.read("cases", "list", "--after", second)] == [first]


def test_cases_are_listed_by_what_they_are_about(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.holding.place(Scope.CASE, case, reason="litigation", by="legal", now=bench.clock())

    def listed(*options: str) -> list[str]:
        return [one["id"] for one in terminal.read("cases", "list", *options)]

    fitting = ("--source=idp", "--rule=employees", "--trigger=deactivated", "--target=crm", "--situation=held")
    assert listed(*fitting, "--search=ADA@", "--since=2026-03-02T09:00", "--until=2026-03-02T10:00+01:00") == [case]
    for option in ("--source=hr", "--rule=x", "--trigger=deleted", "--target=x", "--situation=late", "--flood=x"):
        assert listed(option) == []
    assert listed("--since=2026-03-02T09:01") == listed("--until=2026-03-02T08:59Z") == listed("--search=eve") == []


def test_what_could_be_done_now_and_is_held_is_not_said_to_come_next(bench: Bench, terminal: Terminal) -> None:
    def hold(case: str) -> None:
        bench.holding.place(Scope.CASE, case, reason="litigation", by="legal", now=bench.clock())

    before, released = a_leaver(bench), a_leaver(bench, "ben@example.com")
    hold(before)
    assert "once it is not held" not in terminal.run("cases", "list").stdout
    bench.clock.advance("7d")
    bench.sweep()
    hold(released)

    rows = terminal.run("cases", "list").stdout.splitlines()[1:]
    assert [("held" in row, "once it is not held" in row) for row in rows] == [(True, True)] * 2


def test_a_time_that_is_none_is_refused(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert "is not a time" in terminal.run("cases", "list", "--since", "noon", code=2).stderr


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("09:30", "2026-03-02T09:30"),
        ("09:31", "2026-03-01T09:31"),
        ("10:30+01:00", "2026-03-02T09:30"),
        ("00:30-11:00", "2026-03-01T11:30"),
        ("2026-03-02", "2026-03-02T00:00"),
        ("2026-03-02T10:00+01:00", "2026-03-02T09:00"),
    ],
)
def test_a_time_without_a_date_is_the_last_such_time(said: str, meant: str) -> None:
    assert moment_of(said, datetime(2026, 3, 2, 9, 30, tzinfo=UTC)) == datetime.fromisoformat(f"{meant}Z")


def test_a_persons_cases_are_found_ended_ones_too(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    terminal.run("cases", "cancel", case, "--reason", "mistake", "--yes")

    assert [one["id"] for one in terminal.read("cases", "find", "ada")] == [case]
    assert terminal.run("cases", "find", "eve").stdout == "No case of anybody with 'eve' in the userName.\n"


# -- told


def test_a_case_is_told_by_the_name_of_its_person_too(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    assert terminal.read("cases", "show", "ADA@example.com") == terminal.read("cases", "show", case)


def test_a_case_in_grace_says_why_nothing_has_happened_yet(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    shown = terminal.run("cases", "show", case).stdout

    assert "ada@example.com of source idp was deactivated at 2026-03-02 09:00 UTC." in shown
    assert "Why nothing has happened yet:\n  The grace runs: next is suspend at" in shown
    assert "due 2026-03-09 09:00 UTC (in 7d)" in shown
    assert re.search(r"suspend at crm: planned.*-- point of no return --.*delete at crm: planned", shown, re.DOTALL)
    assert "case opened" in shown


@pytest.mark.parametrize("scope", list(Scope))
def test_a_hold_is_named_with_how_to_lift_it(bench: Bench, terminal: Terminal, scope: Scope) -> None:
    case = a_leaver(bench)
    subjects = {Scope.EVERYTHING: "", Scope.SOURCE: SOURCE, Scope.TARGET: "crm", Scope.CASE: case}
    subject = subjects.get(scope, bench_identity(bench, case))
    hold = bench.holding.place(scope, subject, reason="litigation", by="legal", now=bench.clock()).hold

    shown = terminal.run("cases", "show", case).stdout

    assert "placed by legal: litigation" in shown
    assert f"`scimbridge hold lift {hold.id}`" in shown


def test_a_hold_on_something_else_is_not_named(bench: Bench, terminal: Terminal) -> None:
    case, other = a_leaver(bench), a_leaver(bench, "ben@example.com")
    bench.holding.place(Scope.CASE, other, reason="litigation", by="legal", now=bench.clock())

    assert "litigation" not in terminal.run("cases", "show", case).stdout


def test_a_paused_target_is_named_with_how_to_resume_it(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    terminal.run("targets", "pause", "crm", "--reason", "maintenance")

    shown = terminal.run("cases", "show", case).stdout

    assert "Target crm is paused by olga: maintenance. `scimbridge targets resume crm` lets it go on." in shown


def test_a_task_that_is_tried_again_says_when_and_why(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.fail(RetryableError("503 Service Unavailable"))
    bench.run("7d")

    shown = terminal.run("cases", "show", case).stdout

    assert "What it waits for:" in shown
    assert re.search(r"suspend at crm is tried again at 2026-03-09 09:00 UTC \(.+\): 503 Service Unavailable", shown)
    assert re.search(r"attempt 2026-03-09 09:00:00 UTC by bench: waiting: 503", shown)


def test_a_case_that_needs_a_person_says_what_for_and_exits_3(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.fail(RejectedError("protected account"))
    bench.run("7d")

    shown = terminal.run("cases", "show", case, code=3).stdout
    answer = terminal.read("cases", "show", case, code=3)

    assert f"suspend at crm needs a person: protected account. Then `scimbridge cases retry {case}`." in shown
    assert [task["needs_person"] for task in answer["tasks"]].count(True) == 1


def test_accounts_are_shown_as_they_were_before_the_bridge_touched_them(bench: Bench, terminal: Terminal) -> None:
    user = bench.join("ada@example.com", everywhere=False)
    for system in bench.systems.values():
        system.add("ada@example.com", groups=("Sales",), mail="ada@mail.example")
    bench.run()
    bench.leave(user)
    case = bench.case(user).id
    before = terminal.run("cases", "show", case, "--snapshot").stdout
    bench.run("7d")
    bench.systems["crm"].account("ada@example.com").update(groups=[])

    shown = terminal.run("cases", "show", case, "--snapshot").stdout
    (kept,) = terminal.read("cases", "show", "ada@example.com", "--snapshot")

    assert "no snapshot" in before
    assert "ada@example.com at crm (id native-ada@example.com), as it was on 2026-03-09 09:00 UTC:" in shown
    assert "  (groups): Sales (id id-Sales)\n" in shown
    assert (kept["target"], kept["suspended"]) == ("crm", False)
    assert kept["groups"] == [["id-Sales", "Sales", False]]


def test_due_work_that_nobody_released_points_at_the_sweeper(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.clock.advance("8d")

    assert "was due 2026-03-09 09:00 UTC (1d ago) and is released by the next sweep" in (
        terminal.run("cases", "show", case).stdout
    )


def test_ready_work_points_at_the_workers(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.clock.advance("7d")
    bench.sweep()

    assert "suspend at crm is due and waits for a worker; 0 of 3 attempts are under way there." in (
        terminal.run("cases", "show", case).stdout
    )


def test_an_ended_case_waits_for_nothing(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    terminal.run("cases", "cancel", case, "--reason", "came back", "--yes")

    assert "It was canceled at 2026-03-02 09:00 UTC: came back." in terminal.run("cases", "show", case).stdout
    assert terminal.read("cases", "show", case)["waiting_for"] == []


def test_the_story_as_json_has_stable_keys(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.run("7d")

    answer = terminal.read("cases", "show", case)

    assert set(answer) == LIST_KEYS | {
        *("identity", "stages", "waiting_for", "reasons", "left_undone", "requests", "history"),
    }
    assert set(answer["identity"]) == {"id", "source", "user_name", "external_id", "active", "deleted_at"}
    assert set(answer["tasks"][0]) == {
        *("id", "target", "action", "state", "irreversible", "needs_person", "due_at", "not_before", "reason"),
        *("deadline_at", "expected_at", "late_by_seconds", "evidence", "attempts"),
    }
    assert set(answer["tasks"][0]["attempts"][0]) == {"id", "worker", "started_at", "ended_at", "outcome", "reason"}
    assert set(answer["history"][0]) == {"at", "event", "actor", "target", "task_id", "reason", "details"}


def test_an_unknown_case_is_a_failure_in_one_sentence(bench: Bench, terminal: Terminal) -> None:
    assert bench.database.is_sqlite
    assert terminal.run("cases", "show", "nonsense", code=1).stderr == (
        "Error: no case 'nonsense' (`scimbridge cases find TEXT` shows what there is)\n"
    )


# -- changed


def test_canceling_needs_a_yes_where_nobody_can_be_asked(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    result = terminal.run("cases", "cancel", case, "--reason", "mistake", code=2)

    assert "--yes" in result.stderr
    assert [one["id"] for one in terminal.read("cases", "list")] == [case]


def test_many_are_canceled_by_a_query_after_saying_whom(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    a_leaver(bench, "ben")

    query = ("cases", "cancel", "--query", "--source", "idp", "--since", "2026-03-02T09:00", "--reason", "mistake")
    assert "--yes" in terminal.run(*query, code=2).stderr
    said = terminal.run(*query, "--yes").stdout

    assert said.startswith("2 open cases of those opened since 2026-03-02 09:00 UTC fit; the newest:\n")
    assert f"{case}  ada@example.com" in said
    assert said.endswith("Canceled 2 of 2 cases. What they have done already stays done.\n")
    assert terminal.read("cases", "list") == []
    assert terminal.run(*query, "--yes").stdout == "No open case matches.\n"


def test_canceling_many_as_json_names_them(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    answer = terminal.read("cases", "cancel", "--query", "--search", "ada", "--reason", "mistake", "--yes")

    assert answer == {"found": 1, "canceled": [case]}


def test_canceling_many_shows_how_far_it_is(bench: Bench, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canceling, "PROGRESS_EVERY", 2)
    for name in ("ada", "ben", "cid"):
        a_leaver(bench, name)

    query = ("cases", "cancel", "--query", "--source", "idp", "--reason", "mistake", "--yes")
    assert terminal.run(*query).stderr == "2 of 3 canceled\n"


@pytest.mark.parametrize(
    "arguments",
    [(), ("--query",), ("CASE", "--query", "--source", "idp"), ("CASE", "--source", "idp"), ("--source", "idp")],
)
def test_all_is_no_query_and_one_case_is_none(bench: Bench, terminal: Terminal, arguments: tuple[str, ...]) -> None:
    case = a_leaver(bench)
    named = [case if argument == "CASE" else argument for argument in arguments]

    assert "at least one option" in terminal.run("cases", "cancel", *named, "--reason", "x", "--yes", code=2).stderr
    assert [one["id"] for one in terminal.read("cases", "list")] == [case]


@pytest.mark.parametrize("reason", [(), ("--reason", " ")])
def test_canceling_needs_a_reason(bench: Bench, terminal: Terminal, reason: tuple[str, ...]) -> None:
    case = a_leaver(bench)

    refused = terminal.run("cases", "cancel", case, "--yes", *reason, code=2).stderr

    assert "--reason" in refused
    assert [one["id"] for one in terminal.read("cases", "list")] == [case]


@pytest.mark.parametrize(("by", "actor"), [((), "olga"), (("--by", "rita"), "rita")])
def test_who_did_it_is_in_the_history(bench: Bench, terminal: Terminal, by: tuple[str, ...], actor: str) -> None:
    case = a_leaver(bench)

    terminal.run("cases", "cancel", case, "--reason", "mistake", "--yes", *by)

    last = terminal.read("cases", "show", case)["history"][-1]
    assert (last["event"], last["actor"], last["reason"]) == ("case canceled", actor, "mistake")


def test_a_canceled_case_cannot_be_canceled_again(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    cancel = ("cases", "cancel", case, "--reason", "mistake", "--yes")
    terminal.run(*cancel)

    assert terminal.run(*cancel, code=1).stderr == f"Error: case {case} has ended\n"


def test_what_failed_is_tried_again(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    bench.fail(RejectedError("protected account"))
    bench.run("7d")

    result = terminal.run("cases", "retry", case)
    bench.run()

    assert result.stdout == "suspend at crm is tried again.\n"
    assert bench.systems["crm"].is_suspended("ada@example.com")


def test_with_nothing_to_retry_it_says_so(bench: Bench, terminal: Terminal) -> None:
    assert terminal.run("cases", "retry", a_leaver(bench)).stdout.startswith("Nothing to retry")


# -- chosen


def ambiguous(bench: Bench) -> str:
    """A leaver whose account is not clear; returns the task."""
    user = bench.join("ada@example.com", everywhere=False)
    bench.run()
    for name in ("ada.one", "ada.two"):
        bench.systems["crm"].add(name)
    bench.leave(user)
    found = [AccountRef("native-ada.one", "ada.one"), AccountRef("native-ada.two", "ada.two")]
    bench.fail(AmbiguousAccountError("2 accounts match", found))
    bench.run("7d")
    return next(task.id for task in bench.tasks(bench.case(user)) if task.needs_person)


def test_candidates_are_listed_and_a_person_has_to_choose(bench: Bench, terminal: Terminal) -> None:
    task = ambiguous(bench)

    result = terminal.run("tasks", "link", task, code=3)

    assert "native-ada.one  ada.one" in result.stdout
    assert f"scimbridge tasks link {task} ACCOUNT" in result.stderr
    assert [one["id"] for one in terminal.read("tasks", "link", task, code=3)] == ["native-ada.one", "native-ada.two"]


def test_the_chosen_account_is_the_one_that_is_worked_on(bench: Bench, terminal: Terminal) -> None:
    task = ambiguous(bench)

    terminal.run("tasks", "link", task, "native-ada.two")
    bench.run()

    assert bench.systems["crm"].is_suspended("ada.two")
    assert not bench.systems["crm"].is_suspended("ada.one")


def test_an_account_that_is_no_candidate_is_refused(bench: Bench, terminal: Terminal) -> None:
    task = ambiguous(bench)

    assert "no candidate account 'other'" in terminal.run("tasks", "link", task, "other", code=1).stderr


def test_a_task_without_candidates_says_so(bench: Bench, terminal: Terminal) -> None:
    (task, *_) = bench.tasks(a_leaver(bench))

    terminal.run("tasks", "link", task.id, code=1)
    terminal.run("tasks", "link", "nonsense", code=1)

    assert task.state is TaskState.PLANNED


def bench_identity(bench: Bench, case_id: str) -> str:
    from scimbridge.store import cases

    with bench.database.read() as tx:
        case = cases.case_by_id(tx, case_id)
    assert case.state is CaseState.OPEN
    return case.identity_id
