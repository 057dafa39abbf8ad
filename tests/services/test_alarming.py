"""Alarms for operators: noted with what they are about, sent once by whichever sweeper is first, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from scimbridge.domain.hold import Scope
from scimbridge.notices.channels import Channels
from scimbridge.notices.payload import Format
from scimbridge.notices.webhook import Webhook
from scimbridge.sdk import TargetUnusableError
from scimbridge.services.alarming import Alarms
from scimbridge.services.delivering import LEASE
from scimbridge.services.forgetting import NOTICES_KEPT
from scimbridge.store import notices
from scimbridge.store.database import Database
from scimbridge.store.schema import notices as table
from scimbridge.store.schema import tasks as task_table
from tests.clock import FakeClock
from tests.notices.post_office import PostOffice, post_office
from tests.servers import quiet_port
from tests.services.bench import Bench
from tests.services.test_telling import mail_to, text_of

FIRST, SECOND = "ops@example.com", "night@example.com"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as running:
        yield running


@pytest.fixture
def channels(office: PostOffice) -> Channels:
    return replace(mail_to(office), operators=(FIRST, SECOND))


@pytest.fixture
def bench(database: Database, clock: FakeClock, channels: Channels) -> Bench:
    return Bench(database, clock, channels=channels)


def rows(database: Database) -> list[dict[str, object]]:
    with database.read() as tx:
        return [dict(row) for row in tx.execute(select(table).order_by(table.c.subject)).mappings()]


def put(bench: Bench, flood: str = "flood-1") -> None:
    assert bench.channels is not None
    with bench.database.write() as tx:
        Alarms(bench.channels).guard_tripped(
            tx, flood_id=flood, where="target crm", reason="51 in 1h, and 50 are allowed", now=bench.clock()
        )


def test_a_paused_target_is_told_once_to_every_operator(bench: Bench, office: PostOffice) -> None:
    bench.fail(TargetUnusableError("reading an account: 401"), TargetUnusableError("reading an account: 401"))
    bench.leave(bench.join("ada"))
    bench.leave(bench.join("bob"))
    bench.work()

    assert bench.deliver() == 2
    assert bench.deliver() == 0

    assert [envelope.rcpt_tos for envelope in office.envelopes] == [[FIRST], [SECOND]]
    assert office.messages[0]["Subject"] == "Target crm is paused"
    assert "reading an account: 401" in text_of(office.messages[0])
    assert "scimbridge targets resume crm" in text_of(office.messages[0])
    assert "https://bridge.example.com/targets/crm\n" in text_of(office.messages[0])


def test_rules_that_are_others_and_rules_that_are_not_used_are_told(bench: Bench, office: PostOffice) -> None:
    alarms, now = Alarms(bench.channels), bench.clock()
    with bench.database.write() as tx:
        changes, warnings = ["changed:\n\nemployees"], ["new, and cannot be undone: rule employees: delete after 7d"]
        alarms.rules_activated(
            tx, version=4, former=3, by="ada", reason="sooner", changes=changes, warnings=warnings, now=now
        )
        alarms.rules_unused(tx, version=4, where="b.toml on web-2", reason="1 problem", now=now)
    bench.deliver()

    assert len(office.messages) == 4
    told = {message["Subject"]: text_of(message) for message in office.messages}
    activated = told["Other rules are in force: version 4"]
    for said in ("by ada: sooner.", "- changed: employees\n- new, and cannot be undone: rule", "rules draft --of 3\n"):
        assert said in activated
    assert "https://bridge.example.com/rules/versions/4\n" in activated
    unused = told["A process does not go by version 4 of the rules"]
    assert "configuration b.toml on web-2 does not go by version 4 of the rules, which is in force: 1 pro" in unused


def test_a_target_that_is_paused_again_is_told_again(bench: Bench, office: PostOffice) -> None:
    ada = bench.join("ada")
    bench.fail(TargetUnusableError("401"))
    bench.leave(ada)
    bench.work()
    bench.deliver()
    bench.operating.resume("crm", by="ops", now=bench.clock())
    bench.fail(TargetUnusableError("403"))

    bench.run("1h")
    bench.deliver()

    assert len(office.messages) == 4
    assert len({message["Message-ID"] for message in office.messages}) == 4


def test_the_guard_tells_of_a_flood_once(bench: Bench, office: PostOffice) -> None:
    put(bench)
    put(bench)

    bench.deliver()

    assert len(office.messages) == 2
    assert office.messages[0]["Subject"] == "The guard holds a flood at target crm"
    assert "scimbridge guard release flood-1" in text_of(office.messages[0])
    assert "https://bridge.example.com/guard/flood-1\n" in text_of(office.messages[0])


def test_nothing_is_noted_where_nobody_is_to_be_told(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock)
    bench.fail(TargetUnusableError("401"))
    bench.leave(bench.join("ada"))

    bench.work()

    assert rows(database) == []


def test_a_notice_waits_for_a_mail_server_that_is_away(bench: Bench, office: PostOffice) -> None:
    office.data_answer = "451 4.3.0 busy"
    put(bench)

    assert bench.deliver() == 0
    assert bench.deliver() == 0
    assert {row["attempts"] for row in rows(bench.database)} == {1}
    assert {row["reason"] for row in rows(bench.database)} == {"the mail server takes the message later (451 4.3.0)"}

    office.data_answer = ""
    bench.clock.advance("10m")
    assert bench.deliver() == 2
    assert len({message["Message-ID"] for message in office.messages}) == 2


def test_one_operator_who_is_refused_keeps_nobody_else_from_it(bench: Bench, office: PostOffice) -> None:
    office.recipient_answers[FIRST] = "550 5.1.1 unknown"
    put(bench)

    assert bench.deliver() == 1
    bench.clock.advance("8d")
    assert bench.deliver() == 0

    first, second = rows(bench.database)
    assert first["failed_at"] is not None
    assert first["reason"] == "the mail server refuses the recipient (550 5.1.1)"
    assert second["sent_at"] is not None


def test_after_a_week_a_notice_is_given_up(bench: Bench, office: PostOffice) -> None:
    office.data_answer = "451 4.3.0 busy"
    put(bench)
    bench.deliver()

    bench.clock.advance("7d")
    bench.deliver()
    office.data_answer = ""
    bench.clock.advance("7d")

    assert bench.deliver() == 0
    assert all(str(row["reason"]).startswith("gave up after 7d: ") for row in rows(bench.database))


def test_a_mail_server_that_takes_nothing_from_us_is_asked_again_later(bench: Bench, office: PostOffice) -> None:
    office.sender_answer = "550 5.7.1 not you"
    put(bench)
    bench.deliver()
    office.sender_answer = ""

    bench.clock.advance("9m")
    assert bench.deliver() == 0
    bench.clock.advance("1m")
    assert bench.deliver() == 2


def test_a_webhook_that_fails_does_not_hold_up_mail(
    database: Database, clock: FakeClock, channels: Channels, office: PostOffice
) -> None:
    gone = Webhook(url=f"http://127.0.0.1:{quiet_port()}/", format=Format.PLAIN)
    bench = Bench(database, clock, channels=replace(channels, webhook=gone))
    put(bench)

    assert bench.deliver() == 2

    assert [row["sent_at"] is not None for row in rows(database)] == [True, True, False]


def test_a_way_out_that_was_taken_from_the_configuration_is_given_up(
    bench: Bench, channels: Channels, office: PostOffice
) -> None:
    put(bench)
    bench.channels = replace(channels, operators=(FIRST,))

    assert bench.deliver() == 1

    assert [row["failed_at"] is not None for row in rows(bench.database)] == [False, True]


# Claims.


def test_two_sweepers_do_not_send_the_same_notice(bench: Bench) -> None:
    put(bench)
    now = bench.clock()

    with bench.database.write() as tx:
        first = notices.claim(tx, now, now + LEASE)
    with bench.database.write() as tx:
        second = notices.claim(tx, now, now + LEASE)
    with bench.database.write() as tx:
        third = notices.claim(tx, now, now + LEASE)

    assert first is not None
    assert second is not None
    assert first["id"] != second["id"]
    assert third is None


def test_what_a_dead_sweeper_had_is_sent_by_another_and_its_late_word_does_not_count(
    bench: Bench, office: PostOffice
) -> None:
    put(bench)
    now = bench.clock()
    with bench.database.write() as tx:
        lost = notices.claim(tx, now, now + LEASE)
    assert lost is not None
    assert bench.deliver() == 1

    bench.clock.advance(LEASE)
    assert bench.deliver() == 1

    with bench.database.write() as tx:
        assert not notices.finish(tx, lost, bench.clock())
        assert not notices.back_off(tx, lost, bench.clock(), "late")
    assert all(row["sent_at"] is not None and row["reason"] == "" for row in rows(bench.database))
    assert len(office.messages) == 2


def test_no_transaction_is_open_while_a_notice_is_sent(
    bench: Bench, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bench)
    seen = []

    def send(*_args: object, **_kwargs: object) -> None:
        with bench.database.write() as tx:  # would wait for the other one, and fail
            seen.append(tx.execute(select(table.c.attempts)).scalars().all())

    monkeypatch.setattr(Channels, "send", send)

    assert bench.deliver() == 2
    assert len(seen) == 2


# Deadlines.


def with_deadline(bench: Bench, name: str, deadline: datetime) -> str:
    user_id = bench.join(name)
    bench.leave(user_id)
    (task,) = bench.tasks(bench.case(user_id))
    with bench.database.write() as tx:
        tx.execute(update(task_table).where(task_table.c.id == task.id).values(deadline_at=deadline))
    return user_id


def test_a_missed_deadline_is_told_once_and_stands_in_the_history(bench: Bench, office: PostOffice) -> None:
    late = with_deadline(bench, "ada", bench.at("5m"))
    with_deadline(bench, "bob", bench.at("6m"))

    assert bench.deadlines.run(bench.clock()) == 0
    bench.clock.advance("5m")
    assert bench.deadlines.run(bench.clock()) == 1
    assert bench.deadlines.run(bench.clock()) == 0
    bench.deliver()

    assert len(office.messages) == 2
    assert office.messages[0]["Subject"] == "Not done in time: suspend at crm"
    assert f"scimbridge cases show {bench.case(late).id}" in text_of(office.messages[0])
    assert f"https://bridge.example.com/cases/{bench.case(late).id}\n" in text_of(office.messages[0])
    assert bench.events(bench.case(late)).count("deadline missed") == 1


def test_what_is_done_or_held_misses_no_deadline(bench: Bench) -> None:
    with_deadline(bench, "ada", bench.at("5m"))
    bench.work()
    bob = with_deadline(bench, "bob", bench.at("5m"))
    hold = bench.holding.place(Scope.IDENTITY, bob, reason="wait", by="ops", now=bench.clock()).hold
    bench.clock.advance(timedelta(hours=1))

    assert bench.deadlines.run(bench.clock()) == 0
    bench.holding.lift(hold.id, by="ops", now=bench.clock())
    assert bench.deadlines.run(bench.clock()) == 1


def test_a_notice_is_forgotten_long_after_it_was_sent_or_given_up(bench: Bench, office: PostOffice) -> None:
    put(bench, "sent")
    bench.deliver()
    office.data_answer = "451 4.3.0 busy"
    put(bench, "unsent")

    bench.clock.advance(NOTICES_KEPT)
    bench.forgetting.run(bench.clock())
    kept = len(rows(bench.database))
    bench.clock.advance("1s")
    bench.forgetting.run(bench.clock())

    assert kept == 4
    assert {row["subject"] for row in rows(bench.database)} == {"unsent mail.0", "unsent mail.1"}


def test_what_nobody_could_be_told_is_forgotten_too(bench: Bench, office: PostOffice) -> None:
    office.data_answer = "554 5.7.1 no"
    put(bench)
    bench.deliver()

    bench.clock.advance(NOTICES_KEPT + timedelta(seconds=1))

    assert bench.forgetting.forget_notices(bench.clock()) == 2
