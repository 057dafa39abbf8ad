"""Telling people of a leaver, on both stores, through a real mail server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.source import SourceProfile
from scimbridge.domain.task import Task, TaskState
from scimbridge.notices.channels import Channels, MailRoute
from scimbridge.notices.mail import Mailbox
from scimbridge.notices.smtp import Security, SmtpAddress, SmtpServer
from scimbridge.sdk import Mode
from scimbridge.services.claiming import Claim
from scimbridge.services.erasing import Erasing
from scimbridge.services.telling import Telling
from scimbridge.store import journal
from scimbridge.store.database import Database
from scimbridge.store.identities import ENTERPRISE
from scimbridge.store.schema import history
from tests.clock import FakeClock
from tests.notices.post_office import PostOffice, post_office
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage, an_exclusion
from tests.services.test_leases import let_the_lease_run_out

BOSS = "boss@example.com"
OPS = "ops@example.com"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as running:
        yield running


def mail_to(office: PostOffice, **settings: Any) -> Channels:
    server = SmtpServer(address=SmtpAddress(Security.NONE, "127.0.0.1", office.port), timeout=60)
    route = MailRoute(server=server, sender=Mailbox("", "bridge@example.com"))
    return Channels(public_url="https://bridge.example.com", mail=route, operators=(OPS,), **settings)


def telling(after: str, *named: str, actions: tuple[Action, ...] = (Action.NOTIFY,)) -> Stage:
    return a_stage(after, *actions, terms=Terms(notify=named))


TELL_THEN_DELETE = (
    a_stage("1d"),
    telling("20d", "manager", OPS),
    a_stage("30d", Action.DELETE),
)


@pytest.fixture
def bench(database: Database, clock: FakeClock, office: PostOffice) -> Bench:
    return a_bench(database, clock, office, *TELL_THEN_DELETE)


def a_bench(database: Database, clock: FakeClock, office: PostOffice, *stages: Stage, **settings: Any) -> Bench:
    channels = settings.pop("channels", mail_to(office))
    return Bench(database, clock, Ruleset((a_rule(*stages),)), channels=channels, **settings)


def managed_by(reference: dict[str, str] | None) -> dict[str, Any]:
    return {ENTERPRISE: {"manager": reference}} if reference is not None else {}


def _division(said: str) -> dict[str, Any]:
    return {ENTERPRISE: {"division": said}}


def with_manager(bench: Bench, name: str = "ada", **attributes: Any) -> str:
    """Somebody joins who has a manager with an e-mail address."""
    boss = bench.join("boss", emails=[{"value": "private@example.com"}, {"value": BOSS, "type": "work"}])
    return bench.join(name, **managed_by({"value": boss}), **attributes)


def notify_task(bench: Bench, user_id: str, number: int = 0) -> Task:
    return [task for task in bench.tasks(bench.cases(user_id)[-1]) if task.action is Action.NOTIFY][number]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_the_manager_hears_of_it_before_it_is_too_late(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench, displayName="Ada Example")
    bench.leave(ada)

    bench.run("1d")
    assert office.messages == []
    bench.run("19d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS], [OPS]]
    case, task = bench.case(ada), notify_task(bench, ada)
    message = office.messages[0]
    assert message["Message-ID"] == f"<{task.id}.1@example.com>"
    due = f"{bench.at('10d'):%Y-%m-%d %H:%M} UTC"
    assert message["Subject"] == f"Ada Example loses access; cannot be undone from {due}"
    assert f"- {due}: delete at crm (cannot be undone)\n" in text_of(message)
    assert f"scimbridge hold place --case {case.id} " in text_of(message)
    assert f"scimbridge cases cancel {case.id} " in text_of(message)
    assert f"The case: https://bridge.example.com/cases/{case.id}\n" in text_of(message)
    assert (task.state, task.reason) == (TaskState.DONE, "told manager, recipient 2")
    assert bench.events(case).count("notice sent") == 2
    assert bench.systems["crm"].accounts

    bench.run("10d")
    assert not bench.systems["crm"].accounts.keys() & {"native-ada"}
    assert bench.case(ada).state is CaseState.COMPLETED


def test_who_lost_one_target_alone_is_told_about_too(database: Database, clock: FakeClock, office: PostOffice) -> None:
    stage = telling("0s", BOSS, actions=(Action.SUSPEND, Action.NOTIFY))
    bench = a_bench(database, clock, office, stage, granted_by={"crm": ["Sales"]})
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group("Sales", ada, bob)
    bench.change_group(group, remove=[ada])
    bench.run("15m")
    assert notify_task(bench, ada).state is TaskState.DONE

    bench.change_group(group, remove=[bob], add=[ada])
    bench.change_group(group, add=[bob])
    bench.run("15m")
    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS]]


def test_who_is_told_at_once_reads_what_happens_at_once(
    database: Database, clock: FakeClock, office: PostOffice
) -> None:
    bench = a_bench(database, clock, office, telling("0s", BOSS, actions=(Action.SUSPEND, Action.NOTIFY)))
    ada = bench.join("ada")

    bench.leave(ada)
    bench.wakeups.sort(key=lambda wakeup: wakeup.target != "notify")
    bench.work()

    (message,) = office.messages
    assert "suspend at crm" in text_of(message)
    assert "All of this can be undone." in text_of(message)


def test_an_address_is_in_what_can_be_erased_and_nowhere_else(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)

    bench.run("1d")
    bench.run("19d")

    with bench.database.read() as tx:
        entries = [dict(row) for row in journal.entries_of_case(tx, bench.case(ada).id)]
    sent = [entry for entry in entries if entry["event"] == "notice sent"]
    assert [entry["personal"]["address"] for entry in sent] == [BOSS, OPS]
    assert "@example.com" not in str([{**entry, "personal": None} for entry in entries])


def test_a_crash_before_it_is_noted_sends_the_same_message_again(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("19d")
    bench.sweep()
    (wakeup,) = [wakeup for wakeup in bench.wakeups if wakeup.target == "notify"]
    claimed = bench.claiming.claim(wakeup.account_id, bench.clock())

    assert isinstance(claimed, Claim)
    assert bench.tell is not None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scimbridge.store.notices.note_sent", _die)  # the worker dies in the middle of it
        with pytest.raises(KeyboardInterrupt):
            bench.tell(claimed)
    bench.run("5m")

    ids = [message["Message-ID"] for message in office.messages]
    task = notify_task(bench, ada)
    assert ids == [f"<{task.id}.1@example.com>", f"<{task.id}.1@example.com>", f"<{task.id}.2@example.com>"]
    assert task.state is TaskState.DONE


def _die(*_args: object) -> None:
    raise KeyboardInterrupt


def test_an_address_is_not_kept_of_who_was_erased_while_the_message_was_sent(
    database: Database, clock: FakeClock, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = a_bench(database, clock, office, telling("0s", OPS, actions=(Action.SUSPEND, Action.NOTIFY)))
    ada = bench.join("ada")
    bench.run()
    note = Telling._note

    def too_late(*told: Any) -> None:
        monkeypatch.setattr(Telling, "_note", note)
        let_the_lease_run_out(bench)
        bench.run()
        bench.delete(ada)
        bench.run("1h")
        Erasing(database).erase(ada, reason="asked for it", by="ops", now=bench.clock())
        note(*told)

    monkeypatch.setattr(Telling, "_note", too_late)
    bench.leave(ada)
    bench.run()

    with database.read() as tx:
        entries = tx.execute(select(history.c.event, history.c.personal)).all()
    assert [entry.event for entry in entries].count("notice sent") == 3
    assert OPS not in str(entries)


def test_who_was_told_is_not_told_again_while_another_one_has_to_wait(bench: Bench, office: PostOffice) -> None:
    office.recipient_answers[OPS] = "450 4.2.0 greylisted"
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS]]
    task = notify_task(bench, ada)
    assert task.state is TaskState.WAITING
    assert task.reason == "recipient 2: the mail server takes the recipient later (450 4.2.0)"

    del office.recipient_answers[OPS]
    bench.run("10m")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS], [OPS]]
    assert notify_task(bench, ada).state is TaskState.DONE


def test_who_is_refused_for_good_does_not_hold_up_the_others(bench: Bench, office: PostOffice) -> None:
    office.recipient_answers[BOSS] = f"550 5.1.1 {BOSS} unknown"
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[OPS]]
    task = notify_task(bench, ada)
    assert task.state is TaskState.DONE
    assert task.reason == ("told recipient 2; not told: manager: the mail server refuses the recipient (550 5.1.1)")


def test_where_everybody_is_refused_a_person_decides_and_nothing_is_deleted(bench: Bench, office: PostOffice) -> None:
    office.data_answer = "554 5.7.1 spam"
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    bench.run("19d")
    bench.run("30d")

    task = notify_task(bench, ada)
    assert task.state is TaskState.FAILED
    assert task.needs_person
    assert "native-ada" in bench.systems["crm"].accounts

    office.data_answer = ""
    bench.operating.retry(bench.case(ada).id, by="ops", now=bench.clock())
    bench.run()

    assert notify_task(bench, ada).state is TaskState.DONE
    bench.run("30d")
    assert "native-ada" not in bench.systems["crm"].accounts


def test_a_mail_server_that_takes_nothing_from_us_is_paused_with_one_alarm(bench: Bench, office: PostOffice) -> None:
    office.sender_answer = "550 5.7.1 not you"
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    assert bench.alarms == [("notify", "manager: the mail server refuses our sender address (550 5.7.1)")]
    assert notify_task(bench, ada).state is TaskState.READY
    assert notify_task(bench, ada).attempts == 0
    office.sender_answer = ""
    bench.operating.resume("notify", by="ops", now=bench.clock())
    bench.run()
    assert notify_task(bench, ada).state is TaskState.DONE


def test_a_hold_keeps_the_notice_back(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    bench.clock.advance("19d")
    bench.sweep()
    hold = bench.holding.place(Scope.CASE, bench.case(ada).id, reason="wait", by="ops", now=bench.clock()).hold
    bench.work()
    assert office.messages == []

    bench.holding.lift(hold.id, by="ops", now=bench.clock())
    bench.run()

    assert len(office.messages) == 2


def test_a_hold_that_is_placed_meanwhile_keeps_the_next_message_back(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    placed = []

    def place() -> None:
        office.after_data = lambda: None
        placed.append(bench.holding.place(Scope.CASE, bench.case(ada).id, reason="wait", by="ops", now=bench.clock()))

    office.after_data = place
    bench.run("19d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS]]
    assert notify_task(bench, ada).reason == "on hold: wait"
    assert [attempt.task_id for attempt in placed[0].too_late_for] == [notify_task(bench, ada).id]

    bench.holding.lift(placed[0].hold.id, by="ops", now=bench.clock())
    bench.run()
    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS], [OPS]]


def test_nobody_is_told_of_who_came_back(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    bench.come_back(ada)

    bench.run("19d")
    bench.run("30d")

    assert office.messages == []
    assert bench.cases(ada)[0].state is CaseState.CANCELED


def test_nobody_is_told_of_who_is_excluded_meanwhile(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")
    bench.holding.exclude(an_exclusion('userName eq "ada"', "spared"), by="ops", now=bench.clock())

    bench.run("19d")

    assert office.messages == []
    assert (notify_task(bench, ada).state, notify_task(bench, ada).reason) == (TaskState.SKIPPED, "excluded: spared")


def test_nobody_is_told_where_every_target_only_observes(
    database: Database, clock: FakeClock, office: PostOffice
) -> None:
    bench = a_bench(database, clock, office, *TELL_THEN_DELETE, modes={"crm": Mode.OBSERVE})
    ada = with_manager(bench)
    bench.leave(ada)

    bench.run("1d")
    bench.run("19d")

    assert office.messages == []
    assert (notify_task(bench, ada).state, notify_task(bench, ada).reason) == (
        TaskState.SKIPPED,
        "observe mode: every target of the case is only observed",
    )


def test_what_only_observed_targets_would_do_is_not_told(
    database: Database, clock: FakeClock, office: PostOffice
) -> None:
    systems = {"crm": MemoryTarget(), "dir": MemoryTarget()}
    bench = a_bench(database, clock, office, *TELL_THEN_DELETE, systems=systems, modes={"dir": Mode.OBSERVE})
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    assert "delete at crm (" in text_of(office.messages[0])
    assert "dir" not in text_of(office.messages[0])


def test_nobody_is_told_of_nothing(database: Database, clock: FakeClock, office: PostOffice) -> None:
    bench = a_bench(database, clock, office, a_stage("0s"), telling("20d", OPS))
    ada = bench.join("ada", everywhere=False)
    bench.leave(ada)

    bench.run()
    bench.run("20d")

    assert office.messages == []
    assert notify_task(bench, ada).state is TaskState.SKIPPED
    assert bench.case(ada).state is CaseState.COMPLETED


@pytest.mark.parametrize(
    ("manager", "reason"),
    [
        (None, "manager the source names none"),
        ({"value": "nobody"}, "manager is nobody whom the source knows"),
        ({"value": "gone"}, "manager has left, too"),
        ({"value": "silent"}, "manager has no e-mail address there"),
    ],
)
def test_without_a_manager_a_person_decides_what_cannot_be_undone(
    database: Database, clock: FakeClock, office: PostOffice, manager: dict[str, str] | None, reason: str
) -> None:
    bench = a_bench(database, clock, office, a_stage("1d"), telling("20d", "manager"), a_stage("30d", Action.DELETE))
    bench.join("silent", emails=[{"value": "no address"}])
    bench.leave(bench.join("gone", emails=[{"value": BOSS}]))
    ada = bench.join("ada", **managed_by(manager))
    bench.leave(ada)

    bench.run("1d")
    bench.run("19d")
    bench.run("30d")

    task = notify_task(bench, ada)
    assert task.needs_person
    assert task.reason == f"nobody can be told: {reason}; put that right in the source"
    assert "native-ada" in bench.systems["crm"].accounts


def test_without_a_manager_what_can_be_undone_goes_on(database: Database, clock: FakeClock, office: PostOffice) -> None:
    bench = a_bench(database, clock, office, a_stage("0s"), telling("1d", "manager"))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    bench.run("1d")

    assert notify_task(bench, ada).state is TaskState.SKIPPED
    assert bench.case(ada).state is CaseState.COMPLETED


@pytest.mark.parametrize("reference", ["BOSS", "ext-boss"])
def test_a_manager_may_be_named_otherwise_than_by_id(bench: Bench, office: PostOffice, reference: str) -> None:
    bench.join("boss", emails=[{"value": "b@example.com"}, {"value": BOSS, "primary": True}])
    ada = bench.join("ada", **managed_by({"value": reference}))
    bench.leave(ada)

    bench.run("1d")
    bench.run("19d")

    assert office.envelopes[0].rcpt_tos == [BOSS]


def test_a_manager_of_another_source_is_nobody(bench: Bench, office: PostOffice) -> None:
    boss = bench.join("boss", source="other", emails=[{"value": BOSS}])
    ada = bench.join("ada", **managed_by({"value": boss}))
    bench.leave(ada)

    bench.run("1d")
    bench.run("19d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[OPS]]
    assert "not told: manager is nobody whom the source knows" in notify_task(bench, ada).reason


@pytest.mark.parametrize(("said", "address"), [("boss", BOSS), ("team@example.com", "team@example.com")])
def test_an_owner_is_named_by_an_attribute(
    database: Database, clock: FakeClock, office: PostOffice, said: str, address: str
) -> None:
    channels = mail_to(office, owner=f"{ENTERPRISE}:division")
    bench = a_bench(database, clock, office, a_stage("1d"), telling("2d", "owner"), channels=channels)
    bench.join("boss", emails=[{"value": BOSS}])
    robot = bench.join("robot", **_division(said))
    bench.leave(robot)

    bench.run("1d")
    bench.run("1d")

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[address]]


def test_the_same_person_is_told_once(database: Database, clock: FakeClock, office: PostOffice) -> None:
    bench = a_bench(database, clock, office, a_stage("1d"), telling("2d", "manager", "owner", BOSS.upper()))
    ada = with_manager(bench)
    bench.leave(ada)
    bench.run("1d")

    bench.run("1d")

    assert len(office.messages) == 1
    assert notify_task(bench, ada).reason == "told manager, owner, recipient 3"


def test_each_stage_tells_by_itself(database: Database, clock: FakeClock, office: PostOffice) -> None:
    bench = a_bench(
        database, clock, office, telling("1d", OPS, actions=(Action.SUSPEND, Action.NOTIFY)), telling("2d", OPS)
    )
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")
    bench.delete(ada)

    bench.run("1d")

    assert len(office.messages) == 2
    assert len({message["Message-ID"] for message in office.messages}) == 2
    assert bench.case(ada).state is CaseState.COMPLETED


def test_dates_are_those_of_schedules_and_freezes_in_the_zone_of_the_source(
    database: Database, clock: FakeClock, office: PostOffice
) -> None:
    clock.now = clock.now.replace(year=2026, month=11, day=2, hour=9, minute=0, second=0, microsecond=0)
    delete = replace(a_stage("30d", Action.DELETE), terms=Terms(schedule="0 22 * * 1-5", timezone="Europe/Berlin"))
    start = clock.now + timedelta(days=29)
    bench = a_bench(
        database,
        clock,
        office,
        a_stage("1d"),
        telling("20d", OPS),
        delete,
        freezes=(Freeze(start, start + timedelta(days=10), "closing"),),
        profiles={"idp": SourceProfile(timezone=ZoneInfo("Europe/Berlin"))},
    )
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    (message,) = office.messages
    assert "- 2026-12-11 22:00 CET: delete at crm (cannot be undone)" in text_of(message)


def test_what_waits_for_an_approval_says_so(database: Database, clock: FakeClock, office: PostOffice) -> None:
    delete = replace(a_stage("30d", Action.DELETE), terms=Terms(approvers=1))
    bench = a_bench(database, clock, office, a_stage("1d"), telling("20d", OPS), delete)
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1d")

    bench.run("19d")

    assert "if it is approved by then: delete at crm" in text_of(office.messages[0])


def test_nobody_looks_for_an_account_where_people_are_told(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    assert {wakeup.target for wakeup in bench.wakeups} <= {"crm"}
    bench.leave(ada)
    bench.say(ada, userName="ada2")

    bench.sweep()
    account = bench.account(ada, "notify")

    assert account.link_due_at is None


def test_who_was_told_is_remembered_until_the_task_is_done(bench: Bench, office: PostOffice) -> None:
    ada = with_manager(bench)
    office.recipient_answers[OPS] = "451 4.3.0 busy"
    bench.leave(ada)
    bench.run("20d")

    bench.clock.advance("100d")
    while_open = bench.forgetting.forget_notices(bench.clock())
    office.recipient_answers.clear()
    bench.run("0s")
    once_done = bench.forgetting.forget_notices(bench.clock())

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[BOSS], [OPS]]
    assert (while_open, once_done) == (0, 1)
