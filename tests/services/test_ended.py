"""End dates: kept by the intake, taken by the sweeper, moved by the source; on both stores."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from sqlalchemy import Connection, select

from scimbridge.domain.case import CaseState
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.request import Asked
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.source import SourceProfile
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import StoreBusyError, StoreUnavailableError
from scimbridge.services import due_dates
from scimbridge.store import cases
from scimbridge.store.database import Database
from scimbridge.store.schema import history, identities
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, a_rule, a_stage
from tests.store.racing import race

TODAY, YESTERDAY, LATER = "2026-03-02", "2026-03-01", "2026-06-30"


def ends(value: object) -> dict[str, Any]:
    return {LIFECYCLE: {"endDate": value}}


NO_DATE: dict[str, Any] = {LIFECYCLE: None}


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def due(bench: Bench, user_id: str) -> datetime | None:
    with bench.database.read() as tx:
        found: datetime | None = tx.execute(
            select(identities.c.end_due_at).where(identities.c.id == user_id)
        ).scalar_one()
    return found


def events(bench: Bench, user_id: str) -> list[str]:
    with bench.database.read() as tx:
        found = tx.execute(select(history.c.event).where(history.c.identity_id == user_id).order_by(history.c.id))
        return [event for event in found.scalars() if event.startswith("end date")]


def test_a_date_that_passes_is_a_fact(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))

    bench.run(timedelta(hours=15) - timedelta(microseconds=1))
    assert bench.cases(ada) == []
    bench.run(timedelta(microseconds=1))

    assert bench.case(ada).trigger is Trigger.ENDED
    assert bench.systems["crm"].is_suspended("ada")


BUSY = StoreBusyError("the database is busy; try again in a moment")


def trouble_with(monkeypatch: pytest.MonkeyPatch, identity_id: str, error: Exception) -> None:
    """Have whoever locks somebody fail."""
    lock = cases.lock_identity

    def is_held_elsewhere(tx: Connection, wanted: str) -> None:
        if wanted == identity_id:
            raise error
        lock(tx, wanted)

    monkeypatch.setattr(cases, "lock_identity", is_held_elsewhere)


@pytest.mark.parametrize(
    ("error", "level"), [(BUSY, "warning"), (KeyError("what is stored of them cannot be read"), "error")]
)
def test_a_date_that_cannot_be_taken_keeps_nobody_else_waiting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception, level: str
) -> None:
    monkeypatch.setattr(due_dates, "BATCH", 1)
    ada, cy = bench.join("ada", **ends(YESTERDAY)), bench.join("cy")
    bob = bench.join("bob", **ends(TODAY))
    asked = Asked(by="olga", reason="asked")
    first, second = Leaver(line=1, user_name="ada", date=f"{TODAY}T12:00"), Leaver(line=2, user_name="cy", date=TODAY)
    bench.requesting.request([first, second], asked, bench.clock())

    with monkeypatch.context() as patched, structlog.testing.capture_logs() as logs:
        trouble_with(patched, ada, error)
        bench.clock.advance("1d")
        bench.sweep()

    assert [each.trigger for each in (bench.case(bob), bench.case(cy))] == [Trigger.ENDED, Trigger.REQUESTED]
    assert bench.cases(ada) == []
    failed = {entry["about"]: entry["log_level"] for entry in logs if entry.get("action") == "date.failed"}
    assert (len(failed), failed[ada]) == (2, level)

    bench.run()
    assert bench.systems["crm"].is_suspended("ada")


@pytest.mark.parametrize(("error", "tries"), [(BUSY, 3), (KeyError("odd"), 4), (StoreUnavailableError("gone"), 1)])
def test_where_nobody_can_be_seen_to_a_pass_ends(monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int) -> None:
    monkeypatch.setattr(due_dates, "BATCH", 2)
    monkeypatch.setattr(due_dates, "MOST_PASSED", 4)
    people = [f"p{number}" for number in range(9)]
    tried: list[str] = []

    def fails(identity_id: str) -> None:
        tried.append(identity_id)
        raise error

    with suppress(StoreUnavailableError):
        assert due_dates.see_to_each(lambda most: {each: each for each in people[:most]}, fails) == []

    assert tried == people[:tries]


def test_a_day_ends_in_the_sources_time_zone(database: Database, clock: FakeClock) -> None:
    zone = ZoneInfo("America/New_York")
    bench = Bench(database, clock, profiles={SOURCE: SourceProfile(timezone=zone)})

    ada = bench.join("ada", **ends(TODAY))

    assert due(bench, ada) == datetime(2026, 3, 3, 5, tzinfo=UTC)


def test_it_is_a_fact_once_for_each_date(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))
    bench.run("1d")
    bench.say(ada, title="Engineer")
    bench.run("1d")
    assert len(bench.facts(ada)) == 1

    bench.say(ada, **ends(YESTERDAY))
    bench.run("1m")
    assert len(bench.facts(ada)) == 2


def test_an_end_date_that_no_rule_is_for_starts_nothing(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(when=frozenset({Trigger.DEACTIVATED})),)))
    ada = bench.join("ada", **ends(TODAY))

    bench.run("1d")

    assert (bench.cases(ada), bench.facts(ada)) == ([], ["no rule matches"])


@pytest.mark.parametrize("odd", ["soon", 5, "31.12.2026"])
def test_a_value_that_is_no_date_is_recorded_and_starts_nothing(bench: Bench, odd: object) -> None:
    ada = bench.join("ada", **ends(odd))

    bench.run("400d")

    assert due(bench, ada) is None
    assert events(bench, ada) == ["end date odd"]
    assert bench.facts(ada) == []


def test_a_date_that_is_moved_before_it_passes_moves_the_end(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))

    bench.say(ada, **ends(LATER))
    bench.run("1d")

    assert due(bench, ada) == datetime(2026, 7, 1, tzinfo=UTC)
    assert bench.facts(ada) == []


def test_a_date_that_is_taken_away_before_it_passes_ends_nothing(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))

    bench.say(ada, **NO_DATE)
    bench.run("400d")

    assert events(bench, ada) == ["end date set", "end date cleared"]
    assert bench.facts(ada) == []


@pytest.mark.parametrize("new", [ends(LATER), NO_DATE, ends("soon")])
def test_a_case_that_has_not_begun_is_canceled_when_the_date_is_moved_or_gone(
    database: Database, clock: FakeClock, new: dict[str, Any]
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada", **ends(TODAY))
    bench.run("1d")

    bench.say(ada, **new)
    bench.run("30d")

    assert bench.case(ada).state is CaseState.CANCELED
    assert bench.systems["crm"].writes == []


def test_a_later_date_gives_back_what_was_taken(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))
    bench.run("1d")

    bench.say(ada, **ends(LATER))
    bench.run("1m")
    assert not bench.systems["crm"].is_suspended("ada")

    bench.run("130d")
    assert bench.systems["crm"].is_suspended("ada")


def test_a_missing_date_gives_nothing_back_until_an_operator_says_so(bench: Bench) -> None:
    ada = bench.join("ada", **ends(TODAY))
    bench.run("1d")

    bench.say(ada, **NO_DATE)
    bench.run("1d")

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.tasks(bench.open_case(ada))[0].needs_person


def test_the_claim_asks_the_date_again(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada", **ends(TODAY))
    bench.run("1d")
    with database.write() as tx:  # as a release that knows nothing of end dates would store it
        document = {"userName": "ada", "active": True, **ends(LATER)}
        tx.execute(identities.update().where(identities.c.id == ada).values(document=document))

    bench.run("7d")

    assert bench.states(bench.case(ada)) == {"suspend@crm": TaskState.CANCELED}


def test_who_is_inactive_already_gets_no_new_case(bench: Bench) -> None:
    ada = bench.join("ada", active=False, **ends(TODAY))

    bench.run("1d")

    assert (bench.cases(ada), bench.facts(ada)) == ([], ["inactive already"])


def test_it_is_recorded_on_the_case_of_who_has_left_already(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada", **ends(TODAY))
    bench.leave(ada)

    bench.run("1d")

    assert len(bench.facts(ada)) == 2
    assert bench.case(ada).trigger is Trigger.DEACTIVATED


def test_who_was_deleted_ends_no_more(bench: Bench) -> None:
    ada = bench.join("ada", **ends(LATER))
    bench.delete(ada)

    bench.run("200d")

    assert len(bench.facts(ada)) == 1


def test_a_revived_user_ends_at_its_new_date(bench: Bench) -> None:
    ada = bench.join("ada", active=False)

    assert bench.join("ada", everywhere=False, **ends(TODAY)) == ada
    bench.run("1d")

    assert bench.case(ada).trigger is Trigger.ENDED


def test_more_than_one_batch_ends_in_one_pass(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_dates, "BATCH", 2)
    people = [bench.join(f"p{number}", **ends(TODAY)) for number in range(5)]

    bench.clock.advance("1d")

    assert bench.sweeping.end(bench.clock()) == 5
    assert all(bench.facts(person) for person in people)


def test_several_sweepers_take_each_end_once(bench: Bench) -> None:
    people = [bench.join(f"p{number}", **ends(TODAY)) for number in range(10)]
    bench.clock.advance("1d")

    ended = race([lambda: bench.sweeping.end(bench.clock())] * 4)

    assert [error for error in ended if isinstance(error, Exception)] == []
    assert sum(ended) == 10
    assert all(len(bench.facts(person)) == 1 for person in people)


def test_an_extension_that_races_with_the_claim_never_ends_without_access(bench: Bench) -> None:
    for number in range(15):
        name = f"p{number}"
        person = bench.join(name, **ends(YESTERDAY))
        bench.sweeping.end(bench.clock())
        bench.wakeups.clear()

        results = race(
            [
                partial(bench.execution.work, bench.account(person).id),
                partial(bench.say, person, **ends(LATER)),
            ]
        )
        bench.run("1s")

        assert [error for error in results if isinstance(error, Exception)] == []
        assert not bench.systems["crm"].is_suspended(name)
        assert all(case.state is not CaseState.OPEN for case in bench.cases(person))
