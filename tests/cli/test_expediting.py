"""``scimbridge cases expedite``, and what ``cases show`` says about deadlines."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from scimbridge.store.schema import tasks
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def a_leaver(bench: Bench) -> str:
    ada = bench.join("ada")
    bench.leave(ada)
    return bench.case(ada).id


def test_the_next_stage_is_due_now(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    said = terminal.run("cases", "expedite", case, "--reason", "dismissed", "--by", "grace").stdout

    assert said.splitlines() == ["suspend at crm is due now.", "suspend at directory is due now."]
    shown = terminal.run("cases", "show", case).stdout
    assert "task expedited (suspend) at crm, by grace: dismissed" in shown
    bench.run()
    assert bench.systems["crm"].is_suspended("ada")


def test_what_cannot_be_undone_is_asked_about(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    expedite = ("cases", "expedite", case, "--stage", "2", "--reason", "dismissed")

    refused = terminal.run(*expedite, code=2).stderr
    answer = terminal.read(*expedite, "--yes")

    assert "delete at crm -- cannot be undone" in refused
    assert "this is not a terminal" in refused
    assert {task["action"] for task in answer["tasks"]} >= {"delete"}
    assert any(sentence.startswith("stage 1 comes first") for sentence in answer["still"])


def test_a_stage_and_a_task_at_once_are_refused(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)

    refused = terminal.run("cases", "expedite", case, "--stage", "1", "--task", "x", "--reason", "x", code=2)

    assert "give --stage or --task, not both" in refused.stderr


def test_nothing_to_expedite_is_said_so(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    terminal.run("cases", "expedite", case, "--reason", "dismissed")

    said = terminal.run("cases", "expedite", case, "--stage", "1", "--reason", "again").stdout

    assert said == "Nothing to expedite: none of this waits for its grace.\n"


def test_what_will_be_late_is_said_before_it_is(bench: Bench, terminal: Terminal) -> None:
    case = a_leaver(bench)
    due = bench.tasks(case)[0].due_at
    with bench.database.write() as tx:
        tx.execute(update(tasks).where(tasks.c.action == "suspend").values(deadline_at=due - timedelta(minutes=15)))

    shown = terminal.run("cases", "show", case).stdout
    answer = terminal.read("cases", "show", case)

    said = "done by about 2026-03-09 09:00 UTC; deadline 2026-03-09 08:45 UTC: will be missed by 15m"
    assert said in shown
    (task,) = (each for each in answer["tasks"] if (each["action"], each["target"]) == ("suspend", "crm"))
    assert (task["expected_at"], task["late_by_seconds"]) == ("2026-03-09T09:00:00.000Z", 900)
