"""Cases are found by what they are about and how they are, at a cost of what is shown."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset, Stage, Terms
from scimbridge.domain.situation import CaseQuery, Situation, Wanted
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import NotFoundError
from scimbridge.sdk import RejectedError, RetryableError
from scimbridge.store.database import Database
from scimbridge.store.schema import flood_cases, floods, tasks
from tests.clock import FakeClock
from tests.counting import counted
from tests.services.bench import Bench, MemoryTarget, a_rule, a_stage

APPROVED = Stage(after=a_stage("1d").after, actions=(Action.SUSPEND,), terms=Terms(approvers=1))
RULES = Ruleset(
    (
        a_rule(a_stage(), match='userType eq "Quick"', name="quick"),
        a_rule(APPROVED, match='userType eq "Careful"', name="careful"),
        a_rule(a_stage("7d"), name="leavers"),
    )
)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, RULES, {"crm": MemoryTarget(), "dir": MemoryTarget()})


def leaver(bench: Bench, name: str, **attributes: Any) -> str:
    """Somebody leaves; returns the case."""
    person = bench.join(name, **attributes)
    bench.run()
    bench.clock.advance("1s")
    bench.leave(person, source=attributes.get("source", "idp"))
    return bench.case(person).id


def found(bench: Bench, **query: Any) -> list[str]:
    """The names of those whose cases fit, the newest case first."""
    return [one.user_name for one in bench.overview.list_cases(CaseQuery(**query), bench.clock())]


def situation(bench: Bench, case_id: str) -> str:
    (one,) = (one for one in bench.overview.list_cases(CaseQuery(), bench.clock()) if one.case.id == case_id)
    return one.situation


def test_a_page_of_many_cases_takes_as_many_statements_as_one_of_few(bench: Bench) -> None:
    for number in range(12):
        leaver(bench, f"p{number}")
    bench.holding.place(Scope.TARGET, "crm", reason="litigation", by="legal", now=bench.clock())

    def cost(limit: int) -> int:
        with counted(bench.database) as statements:
            assert len(bench.overview.list_cases(CaseQuery(), bench.clock(), limit=limit)) == limit
        return len(statements)

    assert cost(2) == cost(12) == 5  # a statement for each state


def test_those_that_wait_for_approval_take_one_statement_more_however_many_they_are(bench: Bench) -> None:
    for number in range(6):
        leaver(bench, f"p{number}", userType="Careful")
    bench.run("1d")

    def cost(limit: int) -> int:
        with counted(bench.database) as statements:
            assert len(bench.overview.list_cases(CaseQuery(), bench.clock(), limit=limit)) == limit
        return len(statements)

    assert cost(2) == cost(6) == 6


def test_the_newest_come_first_and_the_next_page_follows_the_last(bench: Bench) -> None:
    for name in ("ada", "ben", "cid", "dan"):
        leaver(bench, name)

    first = bench.overview.list_cases(CaseQuery(), bench.clock(), limit=3)
    rest = bench.overview.list_cases(CaseQuery(), bench.clock(), limit=3, after=first[-1].case.id)

    assert [one.user_name for one in (*first, *rest)] == ["dan", "cid", "ben", "ada"]
    with pytest.raises(NotFoundError):
        bench.overview.list_cases(CaseQuery(), bench.clock(), after="nothing")


def test_cases_are_found_by_what_they_are_about(bench: Bench) -> None:
    leaver(bench, "ada", userType="Quick")
    middle = bench.clock.advance("1h")
    ben = bench.join("Ben_1", source="hr")
    bench.delete(ben, source="hr")
    bench.operating.cancel(leaver(bench, "cid"), reason="stays", by="ops", now=bench.clock())

    assert found(bench, source="hr") == ["Ben_1"]
    assert found(bench, rule="quick") == ["ada"]
    assert found(bench, trigger=Trigger.DELETED) == ["Ben_1"]
    assert found(bench, since=middle) == ["cid", "Ben_1"]
    assert found(bench, until=middle) == ["Ben_1", "ada"]
    assert found(bench, state=CaseState.CANCELED) == ["cid"]
    assert found(bench, target="crm") == ["cid", "Ben_1", "ada"]
    assert found(bench, target="erp") == []
    assert found(bench, search="N_") == ["Ben_1"]
    assert found(bench, search="%") == []


def test_cases_are_found_by_the_flood_that_they_belong_to(bench: Bench) -> None:
    ada, _ben = leaver(bench, "ada"), leaver(bench, "ben")
    with bench.database.write() as tx:
        flood = {"scope": "overall", "subject": "", "guard_class": "all", "opened_at": bench.clock(), "reason": ""}
        tx.execute(insert(floods).values(id="flood", **flood))
        tx.execute(insert(flood_cases).values(flood_id="flood", case_id=ada))

    assert found(bench, flood_id="flood") == ["ada"]
    assert found(bench, flood_id="other") == []


def test_each_situation_is_told_and_found(bench: Bench) -> None:
    cases = {name: leaver(bench, name) for name in ("waits", "held", "late")}
    careful = leaver(bench, "careful", userType="Careful")
    bench.holding.place(Scope.CASE, cases["held"], reason="litigation", by="legal", now=bench.clock())
    with bench.database.write() as tx:
        tx.execute(update(tasks).where(tasks.c.case_id == cases["late"]).values(deadline_at=bench.clock()))
    bench.run("1d")
    asking = leaver(bench, "asking", userType="Quick")
    bench.fail(RejectedError("no right"))
    bench.work()
    retrying = leaver(bench, "retrying", userType="Quick")
    bench.fail(RetryableError("503"))
    bench.work()

    said = {name: situation(bench, case) for name, case in cases.items()}
    assert said == {"waits": Situation.WAITING, "held": Situation.HELD, "late": Situation.WAITING}
    assert situation(bench, careful) == f"{Situation.UNAPPROVED} of stage 1 (0 of 1)"
    assert situation(bench, asking) == Situation.NEEDS_PERSON
    assert situation(bench, retrying) == Situation.RETRYING
    by_situation = {wanted: sorted(found(bench, situation=wanted)) for wanted in Wanted}
    assert by_situation == {
        Wanted.NEEDS_PERSON: ["asking"],
        Wanted.HELD: ["held"],
        Wanted.UNAPPROVED: ["careful"],
        Wanted.LATE: ["late"],
        Wanted.WAITING: ["late", "waits"],
    }


@pytest.mark.parametrize("scope", list(Scope))
def test_a_hold_of_each_scope_is_seen_by_the_cases_within_it(bench: Bench, scope: Scope) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    leaver(bench, "ben", source="hr")
    subjects = {Scope.SOURCE: "idp", Scope.TARGET: "crm", Scope.IDENTITY: ada, Scope.CASE: bench.case(ada).id}
    bench.holding.place(scope, subjects.get(scope, ""), reason="wait", by="legal", now=bench.clock())

    held = [one.user_name for one in bench.overview.list_cases(CaseQuery(), bench.clock()) if one.situation == "held"]

    expected = ["ben", "ada"] if scope in (Scope.EVERYTHING, Scope.TARGET) else ["ada"]
    assert held == found(bench, situation=Wanted.HELD) == expected


def test_a_hold_on_a_target_does_not_hold_who_has_no_work_left_there(bench: Bench) -> None:
    ada = leaver(bench, "ada", userType="Quick")
    bench.fail(RetryableError("503"), target="dir")
    bench.work()
    bench.holding.place(Scope.TARGET, "crm", reason="wait", by="legal", now=bench.clock())

    assert situation(bench, ada) == Situation.RETRYING
    assert found(bench, situation=Wanted.HELD) == []


def test_a_case_is_named_by_its_id_or_by_its_person(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.delete(ada)
    first = bench.case(ada).id
    bench.clock.advance("1h")
    again = bench.join("Ada", everywhere=False)
    bench.leave(again)

    assert bench.overview.case_named(first) == first
    assert bench.overview.case_named("ADA") == bench.open_case(again).id
    with pytest.raises(NotFoundError, match="no case 'ad'"):
        bench.overview.case_named("ad")
