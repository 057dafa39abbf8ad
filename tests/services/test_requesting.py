"""Operators ask that people leave: one, or a file of them; on both stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scimbridge.domain.action import GuardClass
from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.domain.hold import Scope
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.lifecycle import LIFECYCLE
from scimbridge.domain.request import Asked, Outcome, Report
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.source import NameCase, SourceProfile
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError
from scimbridge.services import due_dates
from scimbridge.store import dated, journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, a_rule, a_stage, an_exclusion
from tests.store.racing import race


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


def lines(*people: str | dict[str, str]) -> list[Leaver]:
    said = [{"user_name": each} if isinstance(each, str) else each for each in people]
    return [Leaver(line=number, **each) for number, each in enumerate(said, 2)]


def ask(bench: Bench, *people: str | dict[str, str], partial: bool = False, **asked: Any) -> Report:
    terms = Asked(**{"by": "ops", "reason": "left the company", **asked})
    return bench.requesting.request(lines(*people), terms, bench.clock(), partial=partial)


def outcomes(report: Report) -> Sequence[Outcome]:
    return [finding.outcome for finding in report.findings]


def test_an_active_person_leaves_because_an_operator_asks(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()

    report = ask(bench, "ada")
    bench.run()

    case = bench.case(ada)
    assert outcomes(report) == [Outcome.OPENED]
    assert (case.trigger, case.opened_by, report.findings[0].case_id) == (Trigger.REQUESTED, "ops", case.id)
    assert bench.systems["crm"].is_suspended("ada")


def test_the_reason_and_the_operator_are_in_the_history(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", reason="fired", by="grace")

    with bench.database.read() as tx:
        entry = journal.entries_of_case(tx, bench.case(ada).id)[0]

    assert entry["actor"] == "grace"
    assert entry["reason"].startswith("requested: fired; rule 'leavers'")


def test_an_inactive_person_can_be_asked_to_leave(bench: Bench) -> None:
    """First seen inactive is no fact by itself."""
    ada = bench.join("ada", active=False)

    ask(bench, "ada")
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.case(ada).state is CaseState.COMPLETED


def test_a_source_that_says_active_of_who_is_active_calls_no_request_off(bench: Bench) -> None:
    bench = Bench(bench.database, bench.clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    ask(bench, "ada")

    bench.come_back(ada)
    bench.say(ada, title="Engineer", active=True)
    bench.run("7d")

    assert bench.case(ada).state is CaseState.COMPLETED
    assert bench.systems["crm"].is_suspended("ada")


@pytest.mark.parametrize("left_before", [True, False])
def test_who_is_made_active_again_after_a_request_is_hired_again(bench: Bench, left_before: bool) -> None:
    bench = Bench(bench.database, bench.clock, Ruleset((a_rule(a_stage("7d")),)))
    ada = bench.join("ada")
    if left_before:
        bench.leave(ada)
    ask(bench, "ada")
    if not left_before:
        bench.leave(ada)

    bench.come_back(ada)
    bench.run("7d")

    assert (bench.case(ada).state, bench.case(ada).reason) == (CaseState.CANCELED, "the identity is active again")
    assert bench.systems["crm"].writes == []


@pytest.mark.parametrize("external_id", ["ext-ada", "ext-other"])
def test_a_dated_request_does_not_fall_on_who_is_hired_again(bench: Bench, external_id: str) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", date="2026-04-01")
    bench.leave(ada)
    bench.run("1d")

    bench.say(ada, active=True, externalId=external_id)
    bench.run("60d")

    assert bench.requesting.standing() == []
    assert [case.trigger for case in bench.cases(ada) if case.kind is CaseKind.LEAVE] == [Trigger.DEACTIVATED]
    with bench.database.read() as tx:
        reasons = {row["event"]: row["reason"] for row in journal.entries_after(tx, 0)}
    assert reasons["request called off"] == "the identity is active again"


@pytest.mark.parametrize("end", ["2026-12-31", None])
def test_a_later_end_date_calls_no_request_off(bench: Bench, end: str | None) -> None:
    bench = Bench(bench.database, bench.clock, Ruleset((a_rule(a_stage("7d")),)))
    ends: dict[str, Any] = {LIFECYCLE: {"endDate": "2026-03-01"}}
    ada = bench.join("ada", **ends)
    bench.run()
    assert bench.case(ada).trigger is Trigger.ENDED

    assert outcomes(ask(bench, "ada")) == [Outcome.JOINED]
    moved: dict[str, Any] = {LIFECYCLE: {"endDate": end}}
    bench.say(ada, **moved)
    bench.run("7d")

    case = bench.case(ada)
    assert (case.state, case.trigger, case.opened_by) == (CaseState.COMPLETED, Trigger.REQUESTED, "ops")
    assert bench.systems["crm"].is_suspended("ada")


def test_asking_twice_does_nothing_twice(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada")

    again = ask(bench, "ada")

    assert outcomes(again) == [Outcome.ALREADY]
    assert len(bench.facts(ada)) == 1


def test_whoever_has_left_by_an_end_date_can_be_asked_to_leave_for_good(bench: Bench) -> None:
    ends: dict[str, Any] = {LIFECYCLE: {"endDate": "2026-03-01"}}
    ada = bench.join("ada", **ends)
    bench.run()
    assert bench.case(ada).state is CaseState.COMPLETED

    assert outcomes(ask(bench, "ada")) == [Outcome.OPENED]
    assert outcomes(ask(bench, "ada")) == [Outcome.ALREADY]
    later: dict[str, Any] = {LIFECYCLE: {"endDate": "2026-07-01"}}
    bench.say(ada, **later)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada")


def test_who_has_left_already_leaves_once_more_only_where_it_is_said(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada")
    bench.run()
    assert bench.case(ada).state is CaseState.COMPLETED

    assert outcomes(ask(bench, "ada")) == [Outcome.ALREADY]
    assert outcomes(ask(bench, "ada", again=True)) == [Outcome.OPENED]


def test_whoever_came_back_can_be_asked_again(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1m")
    bench.come_back(ada)
    bench.run()

    assert outcomes(ask(bench, "ada")) == [Outcome.OPENED]


def test_a_request_joins_an_open_case_where_it_asks_for_more(database: Database, clock: FakeClock) -> None:
    bench = Bench(
        database,
        clock,
        Ruleset(
            (
                a_rule(a_stage("30d"), when=frozenset({Trigger.DEACTIVATED})),
                a_rule(a_stage("0s"), name="at once", when=frozenset({Trigger.REQUESTED})),
            )
        ),
    )
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)

    report = ask(bench, "ada")
    bench.run()

    assert outcomes(report) == [Outcome.JOINED]
    assert bench.case(ada).opened_by == "ops"
    assert bench.systems["crm"].is_suspended("ada")


@pytest.mark.parametrize(
    "said",
    [
        {"user_name": "ADA"},
        {"external_id": "ext-ada"},
        {"email": "Ada@Example.com"},
        {"user_name": "ada", "external_id": "ext-ada", "email": "ada@example.com", "source": SOURCE},
    ],
)
def test_people_are_found_by_any_of_their_names(bench: Bench, said: dict[str, str]) -> None:
    ada = bench.join("ada", emails=[{"value": "ada@example.com"}])
    bench.join("bob", emails=[{"value": "bob@example.com"}])

    assert ask(bench, said).findings[0].identity_id == ada


@pytest.mark.parametrize(
    "said",
    [
        {"user_name": "nobody"},
        {"user_name": "ada", "external_id": "ext-bob"},
        {"user_name": "ada", "source": "elsewhere"},
    ],
)
def test_nobody_is_guessed(bench: Bench, said: dict[str, str]) -> None:
    bench.join("ada")
    bench.join("bob")

    assert outcomes(ask(bench, said)) == [Outcome.UNKNOWN]


def test_a_name_that_two_sources_have_is_ambiguous(bench: Bench) -> None:
    bench.join("ada")
    other = bench.join("ada", source="other", everywhere=False)

    assert outcomes(ask(bench, "ada")) == [Outcome.AMBIGUOUS]
    assert ask(bench, {"user_name": "ada", "source": "other"}).findings[0].identity_id == other


def test_names_that_differ_by_case_alone_are_told_apart_where_the_source_does(
    database: Database, clock: FakeClock
) -> None:
    from scimbridge.store import identities

    bench = Bench(database, clock)
    with database.write() as tx:
        for name in ("ada", "Ada"):
            document = {"userName": name, "active": True}
            identities.insert_user(tx, SOURCE, document, bench.clock(), name_case=NameCase.EXACT)

    assert ask(bench, "Ada").findings[0].user_name == "Ada"
    assert outcomes(ask(bench, "ADA")) == [Outcome.AMBIGUOUS]


def test_one_bad_line_leaves_everybody_alone(bench: Bench) -> None:
    ada = bench.join("ada")

    report = ask(bench, "ada", "nobody")

    assert not report.is_done
    assert outcomes(report) == [Outcome.OPENED, Outcome.UNKNOWN]
    assert bench.cases(ada) == []


def test_the_good_lines_are_done_where_that_is_said(bench: Bench) -> None:
    ada = bench.join("ada")

    report = ask(bench, "nobody", "ada", partial=True)

    assert report.is_done
    assert [finding.leaver.line for finding in report.failed] == [2]
    assert bench.case(ada).trigger is Trigger.REQUESTED


def test_looking_touches_nothing(bench: Bench) -> None:
    ada = bench.join("ada")

    report = bench.requesting.look(lines("ada"), Asked(by="ops", reason="left"), bench.clock())

    assert outcomes(report) == [Outcome.OPENED]
    assert bench.cases(ada) == []
    assert bench.facts(ada) == []


def test_a_person_who_stands_there_twice_leaves_once(bench: Bench) -> None:
    ada = bench.join("ada")

    report = ask(bench, "ada", {"external_id": "ext-ada"})

    assert outcomes(report) == [Outcome.OPENED, Outcome.REPEATED]
    assert len(bench.facts(ada)) == 1


def test_two_dates_for_one_person_are_wrong(bench: Bench) -> None:
    bench.join("ada")

    report = ask(bench, {"user_name": "ada", "date": "2026-04-01"}, {"user_name": "ada", "date": "2026-05-01"})

    assert outcomes(report) == [Outcome.DATED, Outcome.WRONG]
    assert not report.is_done


def test_a_line_that_could_not_be_read_is_wrong(bench: Bench) -> None:
    report = bench.requesting.request(
        [Leaver(line=2, problem="it names nobody")], Asked(by="ops", reason="left"), bench.clock()
    )

    assert [(each.outcome, each.why) for each in report.findings] == [(Outcome.WRONG, "it names nobody")]


def test_a_line_needs_a_reason_from_somewhere(bench: Bench) -> None:
    bench.join("ada")

    refused = ask(bench, "ada", reason="")

    assert outcomes(refused) == [Outcome.WRONG]
    assert "give one with the request" in refused.findings[0].why
    assert outcomes(ask(bench, {"user_name": "ada", "reason": "retired"}, reason="")) == [Outcome.OPENED]


def test_who_is_excluded_is_left_alone_with_the_reason(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(),), (an_exclusion('userName eq "ada"', "vip"),)))
    ada = bench.join("ada")

    assert [(each.outcome, each.why) for each in ask(bench, "ada").findings] == [(Outcome.LEFT_ALONE, "excluded: vip")]
    assert bench.facts(ada) == []


def test_who_is_left_alone_is_kept_where_the_rest_is_done(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(when=frozenset({Trigger.DELETED})),)))
    ada = bench.join("ada")

    report = ask(bench, "ada", partial=True)

    assert outcomes(report) == [Outcome.LEFT_ALONE]
    assert bench.facts(ada) == ["no rule matches"]


def test_a_deleted_person_is_unknown(bench: Bench) -> None:
    bench.delete(bench.join("ada"))

    assert outcomes(ask(bench, "ada")) == [Outcome.UNKNOWN]


def test_a_hold_on_the_person_holds_what_is_asked(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="law", now=bench.clock())

    ask(bench, "ada")
    bench.run("30d")

    assert bench.systems["crm"].writes == []


def test_the_guard_counts_who_is_asked(database: Database, clock: FakeClock) -> None:
    limit = Limit(
        scope=GuardScope.OVERALL,
        subject="",
        guard_class=GuardClass.ALL,
        window=timedelta(hours=1),
        count=2,
        percent=None,
    )
    bench = Bench(database, clock, guard=Guard(limits=(limit,)))
    names = ["ada", "bob", "cyd", "dan"]
    for name in names:
        bench.join(name)
    bench.run()

    report = ask(bench, *names)
    bench.run()

    assert set(outcomes(report)) == {Outcome.OPENED}
    assert "held by the guard" in report.findings[-1].why
    assert sum(bench.systems["crm"].is_suspended(name) for name in names) <= 2


# -- dates


def test_a_later_date_waits_until_it_has_come(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()

    report = ask(bench, "ada", date="2026-03-04T12:00")
    bench.run("2d")
    assert outcomes(report) == [Outcome.DATED]
    assert bench.cases(ada) == []
    bench.run("3h")

    assert bench.case(ada).opened_by == "ops"
    assert bench.systems["crm"].is_suspended("ada")


def test_a_day_ends_where_the_persons_source_is(database: Database, clock: FakeClock) -> None:
    zone = ZoneInfo("America/New_York")
    bench = Bench(database, clock, profiles={SOURCE: SourceProfile(timezone=zone)})
    bench.join("ada")

    report = ask(bench, {"user_name": "ada", "date": "2026-03-02"})

    assert report.findings[0].due_at == datetime(2026, 3, 3, 5, tzinfo=UTC)


def test_a_date_that_has_passed_means_now_and_says_so(bench: Bench) -> None:
    ada = bench.join("ada")

    report = ask(bench, "ada", date="2026-02-01")

    assert [(each.outcome, each.why) for each in report.findings] == [
        (Outcome.OPENED, "its date has passed, so that it begins now")
    ]
    assert bench.case(ada).trigger_at == bench.clock()


@pytest.mark.parametrize("date", ["tomorrow", "01/02/2026", "2026-02-30", "0001-01-01"])
def test_what_is_no_date_is_wrong(bench: Bench, date: str) -> None:
    bench.join("ada")

    assert outcomes(ask(bench, "ada", date=date)) == [Outcome.WRONG]


def test_the_same_date_twice_is_asked_once(bench: Bench) -> None:
    bench.join("ada")
    ask(bench, "ada", date="2026-04-01")

    assert outcomes(ask(bench, "ada", date="2026-04-01")) == [Outcome.ALREADY]
    assert outcomes(ask(bench, "ada", date="2026-05-01")) == [Outcome.WRONG]
    assert len(bench.requesting.standing()) == 1


def test_a_dated_request_can_be_withdrawn(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", date="2026-04-01")
    (row,) = bench.requesting.standing()

    bench.requesting.withdraw(row["id"], reason="stays", by="ops", now=bench.clock())
    bench.run("60d")

    assert bench.cases(ada) == []
    with pytest.raises(NotFoundError):
        bench.requesting.withdraw(row["id"], reason="stays", by="ops", now=bench.clock())


def test_whoever_is_excluded_when_the_date_comes_stays(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", date="2026-04-01")
    bench.holding.exclude(an_exclusion('userName eq "ada"', "vip"), by="ops", now=bench.clock())

    bench.run("60d")

    assert bench.facts(ada) == ["excluded: vip"]


def test_two_sweepers_take_a_date_once(bench: Bench) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", date="2026-03-03")
    bench.clock.advance("3d")

    race([partial(bench.requesting.run, bench.clock()) for _ in range(4)])

    assert len(bench.facts(ada)) == 1


def test_a_date_that_another_sweeper_has_taken_meanwhile_is_not_taken_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = bench.join("ada")
    ask(bench, "ada", date="2026-03-03")
    bench.clock.advance("3d")
    due = dated.due

    def due_and_taken(*arguments: Any) -> Any:
        found = due(*arguments)
        monkeypatch.setattr(dated, "due", due)
        assert bench.requesting.run(bench.clock())[0] == 1
        return found

    monkeypatch.setattr(dated, "due", due_and_taken)

    assert bench.requesting.run(bench.clock())[0] == 0
    assert len(bench.facts(ada)) == 1


def test_those_whose_date_has_come_long_ago_keep_nobody_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_dates, "BATCH", 1)
    bench.join("ada")
    bob = bench.join("bob")
    ask(bench, {"user_name": "ada", "date": "2026-03-03"}, {"user_name": "bob", "date": "2026-03-04"})
    bench.run("3d")

    bench.run("1d")

    assert bench.systems["crm"].is_suspended("bob"), bench.facts(bob)


# -- what the source says meanwhile


def test_being_in_a_granting_group_does_not_call_off_what_was_asked(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("1d")),)), granted_by={"crm": ["CRM Users"]})
    ada = bench.join("ada")
    group = bench.group("CRM Users")
    bench.run()
    ask(bench, "ada")

    bench.change_group(group, add=[ada])
    bench.run("1d")

    assert bench.systems["crm"].is_suspended("ada")


def test_a_rule_may_be_for_requests_of_some_people(database: Database, clock: FakeClock) -> None:
    rule = a_rule(when=frozenset({Trigger.REQUESTED}), match='userType eq "Employee"')
    bench = Bench(database, clock, Ruleset((rule,)))
    bench.join("ada", userType="Employee")
    bench.join("bob", userType="Service")

    assert outcomes(ask(bench, "ada", "bob", partial=True)) == [Outcome.OPENED, Outcome.LEFT_ALONE]
