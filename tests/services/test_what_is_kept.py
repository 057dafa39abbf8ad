"""What is kept of what becomes of a task: every entry of the history, whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.retry import BASE
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.notices.channels import Channels
from scimbridge.sdk import (
    AccountRef,
    AmbiguousAccountError,
    Mode,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.services.grants import ACTIVE_AGAIN
from scimbridge.store import accounts, schema, targets
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.kept import Entry, history, rows
from tests.services.test_leases import a_linked_leaver, before_the_next_write, let_the_lease_run_out

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""It is the same on both stores, which other tests compare."""

SUSPEND: dict[str, Any] = {"task": "suspend@crm", "target": "crm"}
EVIDENCE = "evidence of suspend@crm"
COMPLETE = ("case completed", "1 of 1 tasks done, nothing left to do")


def of(action: str, attempt: int, **more: Any) -> dict[str, Any]:
    """Return the details of what an attempt came to."""
    return {"action": action, "attempt": f"attempt {attempt}", "attempts": 1, "changed": None, **more}


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def a_leaver(bench: Bench) -> tuple[str, int]:
    """Somebody who has an account leaves, and a minute passes. Returns them, and how much is in the history."""
    ada = a_linked_leaver(bench)
    bench.clock.advance("1m")
    return ada, len(history(bench))


def test_somebody_leaves(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    began = bench.clock()

    bench.run("1m")

    assert history(bench) == [
        Entry(
            "account linked",
            "found at crm",
            began,
            case=None,
            target="crm",
            details={"account": "account@crm"},
            personal={"native_id": "native-ada", "name": "ada"},
        ),
        Entry(
            "case opened",
            "deactivated; rule 'leavers': suspend at crm at once",
            began,
            actor=SOURCE,
            personal={"user_name": "ada"},
        ),
        Entry(
            "task done",
            "done, and read back",
            bench.clock(),
            **SUSPEND,
            details=of("suspend", 2, changed=True, evidence=EVIDENCE),
        ),
        Entry(*COMPLETE, bench.clock()),
    ]
    (case,) = rows(bench, schema.cases)
    assert (case["state"], case["reason"], case["closed_at"]) == ("completed", COMPLETE[1], bench.clock())


def test_an_attempt_is_kept_with_its_worker_its_lease_and_its_end(bench: Bench) -> None:
    a_leaver(bench)
    now = bench.clock()

    bench.work()

    look_up, attempt = rows(bench, schema.attempts)
    assert (look_up["task_id"], look_up["outcome"], look_up["reason"]) == (None, "linked", "found")
    assert (attempt["task_id"], attempt["lock_key"], attempt["worker"]) == ("suspend@crm", "native-ada", "bench")
    assert (attempt["started_at"], attempt["lease_until"]) == (now, now + timedelta(seconds=30))
    assert (attempt["read_at"], attempt["confirmed_at"], attempt["ended_at"]) == (now, now, now)
    assert attempt["state_read"]["suspended"] is False
    assert (attempt["outcome"], attempt["reason"]) == ("done", "done, and read back")
    (task,) = rows(bench, schema.tasks)
    assert (task["changed"], task["finished_at"], task["first_tried_at"], task["attempts"]) == (True, now, now, 1)
    before, after = task["evidence"]["before"], task["evidence"]["after"]
    assert (before["exists"], before["suspended"], after["exists"], after["suspended"]) == (True, False, True, True)


def test_an_operator_cancels(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage(), a_stage("7d", Action.MOVE)),)))
    ada = a_linked_leaver(bench)
    bench.run("1m")
    known, done_at = len(history(bench)), clock()
    clock.advance("1m")

    bench.operating.cancel(bench.case(ada).id, reason="a mistake", by="ops", now=clock())

    assert history(bench)[known:] == [Entry("case canceled", "a mistake", clock(), actor="ops")]
    done, planned = rows(bench, schema.tasks)
    assert (done["state"], done["reason"], done["finished_at"]) == ("done", "done, and read back", done_at)
    assert (planned["state"], planned["reason"], planned["finished_at"]) == ("canceled", "a mistake", clock())
    (case,) = rows(bench, schema.cases)
    assert (case["state"], case["reason"], case["closed_at"]) == ("canceled", "a mistake", clock())


def test_an_operator_cancels_what_is_given_back(bench: Bench) -> None:
    ada, _ = a_leaver(bench)
    bench.run()
    bench.come_back(ada)
    known = len(history(bench))

    bench.operating.cancel(bench.open_case(ada).id, reason="not she", by="ops", now=bench.clock())

    assert history(bench)[known:] == [Entry("restore canceled", "not she", bench.clock(), actor="ops", case="case 2")]


def test_who_leaves_again_takes_back_what_was_to_be_given(bench: Bench) -> None:
    ada, _ = a_leaver(bench)
    bench.run()
    bench.come_back(ada)
    known = len(history(bench))
    bench.clock.advance("1m")

    bench.leave(ada)

    why = "the person has left again"
    assert history(bench)[known] == Entry("restore canceled", why, bench.clock(), case="case 2")
    restore = rows(bench, schema.tasks)[1]
    assert (restore["state"], restore["reason"], restore["finished_at"]) == ("canceled", why, bench.clock())


def test_the_snapshot_stands_until_all_is_given_back(bench: Bench) -> None:
    ada, _ = a_leaver(bench)
    taken_at = bench.clock()
    bench.run()

    (snapshot,) = rows(bench, schema.snapshots)
    assert (snapshot["target"], snapshot["native_id"]) == ("crm", "native-ada")
    assert (snapshot["taken_at"], snapshot["released_at"], snapshot["begun"]) == (taken_at, None, None)
    assert (snapshot["state"]["suspended"], snapshot["left_state"]["suspended"]) == (False, True)

    bench.come_back(ada)
    bench.run("1m")

    (snapshot,) = rows(bench, schema.snapshots)
    assert snapshot["released_at"] == bench.clock()
    assert snapshot["left_state"]["suspended"] is False


def test_a_target_after_the_other_is_assigned_again(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage("1h", Action.SUSPEND, Action.NOTIFY, terms=Terms(notify=("ops@example.com",)))),)),
        systems={"crm": MemoryTarget(), "directory": MemoryTarget()},
        granted_by={"crm": ["Sales"], "directory": ["Staff"]},
        channels=Channels(public_url="https://bridge.example.com"),
    )
    ada, bob = bench.join("ada"), bench.join("bob")
    sales, staff = bench.group("Sales", ada, bob), bench.group("Staff", ada, bob)
    bench.run("1m")
    bench.change_group(sales, remove=[ada])
    bench.change_group(staff, remove=[ada])
    known = len(history(bench))
    again = "the identity is assigned to the target again"

    bench.change_group(sales, add=[ada])

    assert history(bench)[known:] == [Entry("task canceled", again, clock(), **SUSPEND, details={"action": "suspend"})]
    kept = {f"{row['action']}@{row['target']}": row for row in rows(bench, schema.tasks)}
    assert {name: row["state"] for name, row in kept.items()} == {
        "notify@notify": "planned",
        "suspend@crm": "canceled",
        "suspend@directory": "planned",
    }
    assert (kept["suspend@crm"]["reason"], kept["suspend@crm"]["finished_at"]) == (again, clock())

    known = len(history(bench))
    clock.advance("1m")
    bench.change_group(staff, add=[ada])

    elsewhere: dict[str, Any] = {"task": "suspend@directory", "target": "directory"}
    told: dict[str, Any] = {"task": "notify@notify", "target": "notify"}
    assert history(bench)[known:] == [
        Entry("task canceled", again, clock(), **elsewhere, details={"action": "suspend"}),
        Entry("task canceled", again, clock(), **told, details={"action": "notify"}),
        Entry("case canceled", again, clock()),
    ]
    (case,) = rows(bench, schema.cases)
    assert (case["state"], case["reason"], case["closed_at"]) == ("canceled", again, clock())


def test_who_is_unassigned_while_something_else_is_given_back(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database,
        clock,
        systems={"crm": MemoryTarget(), "directory": MemoryTarget()},
        granted_by={"crm": ["Sales"]},
    )
    ada, bob = bench.join("ada"), bench.join("bob")
    sales = bench.group("Sales", ada, bob)
    bench.run("1m")
    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    known = len(history(bench))
    clock.advance("1m")

    bench.change_group(sales, remove=[ada])

    why = "the person has left again"
    canceled: dict[str, Any] = {"case": "case 2", "task": "restore@crm", "target": "crm"}
    assert history(bench)[known] == Entry("task canceled", why, clock(), **canceled, details={"action": "restore"})
    states = {f"{row['action']}@{row['target']}": row["state"] for row in rows(bench, schema.tasks)}
    assert (states["restore@crm"], states["restore@directory"]) == ("canceled", "ready")


def test_an_account_that_is_gone_gets_nothing_back(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.REMOVE_FROM_GROUPS)),))
    bench = Bench(database, clock, rules)
    ada = bench.join("ada", everywhere=False)
    bench.systems["crm"].add("ada", groups=["staff"])
    bench.run()
    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    known = len(history(bench))
    del bench.systems["crm"].accounts["native-ada"]

    bench.run("1m")

    gone = "the account is gone from the target"
    assert history(bench)[known:] == [
        Entry(
            "task skipped",
            gone,
            clock(),
            case="case 2",
            task="add_to_groups@crm",
            target="crm",
            details={"action": "add_to_groups"},
        ),
        Entry(
            "needs a person",
            f"{gone}; the bridge cannot give it back",
            clock(),
            case="case 2",
            task="restore@crm",
            target="crm",
            details=of("restore", 4),
        ),
    ]
    *_, restore, groups = rows(bench, schema.tasks)
    assert (restore["state"], restore["finished_at"]) == ("waiting", None)
    assert (groups["state"], groups["reason"], groups["finished_at"]) == ("skipped", gone, clock())


def test_an_exclusion_is_found_at_the_claim(bench: Bench) -> None:
    _, known = a_leaver(bench)
    bench.holding.exclude(an_exclusion('userName eq "ada"', "vip"), by="ops", now=bench.clock())

    bench.work()

    assert history(bench)[known + 1 :] == [
        Entry("task skipped", "excluded: vip", bench.clock(), **SUSPEND, details={"action": "suspend"}),
        Entry("case completed", "0 of 1 tasks done, nothing left to do", bench.clock()),
    ]
    (task,) = rows(bench, schema.tasks)
    assert (task["state"], task["reason"], task["finished_at"]) == ("skipped", "excluded: vip", bench.clock())
    assert len(rows(bench, schema.attempts)) == 1  # the look-up's


def test_somebody_who_is_found_active_at_the_claim(bench: Bench) -> None:
    _, known = a_leaver(bench)
    with bench.database.write() as tx:
        tx.execute(update(schema.identities).values(active=True))

    bench.work()

    assert history(bench)[known:] == [
        Entry("task canceled", ACTIVE_AGAIN, bench.clock(), **SUSPEND, details={"action": "suspend"}),
        Entry("case completed", "0 of 1 tasks done, nothing left to do", bench.clock()),
    ]
    (task,) = rows(bench, schema.tasks)
    assert (task["state"], task["reason"], task["finished_at"]) == ("canceled", ACTIVE_AGAIN, bench.clock())


def test_a_stage_that_needs_an_approval_at_the_claim(bench: Bench) -> None:
    _, known = a_leaver(bench)
    with bench.database.write() as tx:
        tx.execute(update(schema.stages).values(approvers=1))

    bench.work()

    why = "waits for the approval of its stage"
    assert history(bench)[known:] == [
        Entry("task postponed", why, bench.clock(), **SUSPEND, details={"action": "suspend"})
    ]
    (task,) = rows(bench, schema.tasks)
    assert (task["state"], task["reason"], task["finished_at"]) == ("planned", why, None)


def test_an_account_that_another_identity_has_too(bench: Bench) -> None:
    _, known = a_leaver(bench)
    eve = bench.join("eve", everywhere=False)
    with bench.database.write() as tx:
        accounts.link(tx, bench.account(eve).id, AccountRef("native-ada", "ada"), bench.clock())

    bench.work()

    (entry,) = (each for each in history(bench)[known:] if each.event == "needs a person")
    assert entry._replace(reason="") == Entry(
        "needs a person", "", bench.clock(), **SUSPEND, details={"action": "suspend"}
    )
    assert entry.reason.startswith("contested: another active identity owns this account; cancel the case")
    (task,) = rows(bench, schema.tasks)
    assert (task["state"], task["attempts"], task["finished_at"]) == ("waiting", 0, None)


def test_a_busy_target(bench: Bench) -> None:
    ada, known = a_leaver(bench)
    bench.fail(RetryableError("busy", retry_after=timedelta(minutes=9)))

    bench.work()

    assert history(bench)[known:] == [Entry("task waits", "busy", bench.clock(), **SUSPEND, details=of("suspend", 2))]
    (task,) = rows(bench, schema.tasks)
    assert (task["not_before"], task["changed"], task["evidence"]) == (bench.at("9m"), None, None)
    bench.clock.advance("8m")
    bench.execution.work(bench.account(ada).id)  # whoever asks again: it is not time yet
    assert [row["outcome"] for row in rows(bench, schema.attempts)] == ["linked", "waiting"]


def test_a_target_that_refuses(bench: Bench) -> None:
    _, known = a_leaver(bench)
    bench.fail(RejectedError("no such right"))

    bench.work()

    assert history(bench)[known] == Entry(
        "needs a person", "no such right", bench.clock(), **SUSPEND, details=of("suspend", 2)
    )
    (task,) = rows(bench, schema.tasks)
    assert (task["state"], task["evidence"]) == ("failed", None)


def test_a_target_that_cannot_be_used(bench: Bench) -> None:
    _, known = a_leaver(bench)
    bench.fail(TargetUnusableError("the token was revoked"))

    bench.work()

    assert history(bench)[known:] == [
        Entry(
            "task ready again", "the token was revoked", bench.clock(), **SUSPEND, details=of("suspend", 2, attempts=0)
        )
    ]
    assert bench.alarms == [("crm", "the token was revoked")]
    with bench.database.read() as tx:
        target = targets.lock(tx, "crm")
    assert (target["paused_at"], target["paused_by"]) == (bench.clock(), "scimbridge")
    assert target["pause_reason"] == "the token was revoked"


def test_a_target_that_only_observes(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, modes={"crm": Mode.OBSERVE})
    _, known = a_leaver(bench)

    bench.work()

    why = "observe mode: would suspend"
    details = of("suspend", 2, evidence=EVIDENCE)
    assert history(bench)[known] == Entry("task skipped", why, clock(), **SUSPEND, details=details)
    (task,) = rows(bench, schema.tasks)
    assert task["evidence"]["observed"] is True
    assert task["evidence"]["before"]["suspended"] is False
    assert task["evidence"]["after"] is None
    assert rows(bench, schema.attempts)[1]["confirmed_at"] is None


def test_a_case_that_is_canceled_while_its_task_runs(bench: Bench) -> None:
    ada, known = a_leaver(bench)

    def call_off() -> None:
        if bench.case(ada).state is CaseState.OPEN:
            bench.operating.cancel(bench.case(ada).id, reason="stop", by="ops", now=bench.clock())

    bench.systems["crm"].before_read = call_off

    bench.work()

    assert history(bench)[known:] == [
        Entry("case canceled", "stop", bench.clock(), actor="ops"),
        Entry("task canceled", "case canceled: stop", bench.clock(), **SUSPEND, details=of("suspend", 2)),
    ]
    assert bench.systems["crm"].writes == []


def test_an_attempt_that_comes_back_late(bench: Bench) -> None:
    _, known = a_leaver(bench)
    before_the_next_write(bench, lambda: let_the_lease_run_out(bench))

    bench.work()
    bench.run()

    now = bench.clock()
    late = "an attempt came back after its lease had run out"
    again = of("suspend", 3, attempts=2, changed=False, evidence=EVIDENCE)
    assert history(bench)[known + 1 :] == [
        Entry("late attempt", late, now, **SUSPEND, details={"attempt": "attempt 2"}),
        Entry("task done", "was already so; nothing was written", now, **SUSPEND, details=again),
        Entry(*COMPLETE, now),
    ]


def test_an_attempt_that_comes_back_after_the_next_one_was_done(bench: Bench) -> None:
    _, known = a_leaver(bench)

    def stuck() -> None:
        let_the_lease_run_out(bench)
        bench.execution.work(bench.wakeups[0].account_id)

    before_the_next_write(bench, stuck)

    bench.execution.work(bench.wakeups[0].account_id)

    now = bench.clock()
    late = "an attempt came back after its lease had run out"
    assert [each for each in history(bench)[known:] if each.event in {"late attempt", "task reopened"}] == [
        Entry("late attempt", late, now, **SUSPEND, details={"attempt": "attempt 2"}),
        Entry("task reopened", late, now, **SUSPEND, details={"action": "suspend"}),
    ]
    bench.run()
    assert rows(bench, schema.cases)[0]["state"] == "completed"
    assert bench.systems["crm"].is_suspended("ada")


def test_an_account_that_is_let_go(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("0s", Action.DISCONNECT)),)))
    ada, known = a_leaver(bench)

    bench.work()

    why = "disconnected by case case 1"
    assert history(bench)[known] == Entry(
        "account let go",
        why,
        clock(),
        task="disconnect@crm",
        target="crm",
        details={"exclusion": "exclusion", "of": "account"},
    )
    (exclusion,) = rows(bench, schema.exclusions)
    assert (exclusion["reason"], exclusion["spared"], exclusion["subject"]) == (why, "account", "native-ada")
    assert (exclusion["target"], exclusion["placed_by"], exclusion["placed_at"]) == ("crm", "scimbridge", clock())
    (snapshot,) = rows(bench, schema.snapshots)
    assert snapshot["released_at"] == clock()
    account = bench.account(ada)
    assert (account.native_id, account.note) == (None, bench.case(ada).id.join(["disconnected by case ", ""]))


@pytest.mark.parametrize(
    ("error", "note", "wait"),
    [
        (RetryableError("busy", retry_after=timedelta(hours=3)), "busy", timedelta(hours=3)),
        (RejectedError("no right to read"), "no right to read", BASE),
    ],
)
def test_a_look_up_that_failed_is_made_again_later(
    bench: Bench, error: RetryableError | RejectedError, note: str, wait: timedelta
) -> None:
    ada = bench.join("ada")
    bench.fail(error)

    bench.run("1m")

    account = bench.account(ada)
    assert (account.note, account.link_attempts) == (note, 1)
    assert account.link_due_at is not None
    assert timedelta() <= account.link_due_at - bench.clock() <= max(wait, BASE)
    (attempt,) = rows(bench, schema.attempts)
    assert (attempt["outcome"], attempt["reason"], attempt["ended_at"]) == ("not linked", note, bench.clock())


def test_a_look_up_that_finds_nobody_is_made_no_more(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)

    bench.run("1m")

    account = bench.account(ada)
    assert (account.note, account.link_due_at, account.candidates) == ("no account there", None, None)
    (attempt,) = rows(bench, schema.attempts)
    assert (attempt["outcome"], attempt["reason"]) == ("not linked", "no account there")
    assert history(bench) == []


def test_a_look_up_that_finds_several_keeps_them_for_a_person(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)
    both = (AccountRef("one", "ada"), AccountRef("two", "ada"))
    bench.fail(AmbiguousAccountError("two accounts match", both))

    bench.run("1m")

    account = bench.account(ada)
    named = [{"id": "one", "name": "ada"}, {"id": "two", "name": "ada"}]
    assert (account.note, account.candidates, account.link_due_at) == ("two accounts match", named, None)
