"""Facts: those that opened a case are read from it, among the others, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from scimbridge.domain.rule import Ruleset
from scimbridge.domain.trigger import Trigger
from scimbridge.store import facts, schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    """Whoever leaves, or leaves the group that grants crm, is suspended in a week; robots are left alone."""
    rules = Ruleset((a_rule(a_stage("7d"), match='not (userName eq "robot")'),))
    return Bench(database, clock, rules, {"crm": MemoryTarget()}, granted_by={"crm": ["sales"]})


def known(bench: Bench, since: datetime = LONG_AGO) -> list[tuple[str, str]]:
    """Return whom each fact is about, and its trigger; read one by one, as pages are."""
    found: list[tuple[str, str]] = []
    after = ""
    with bench.database.read() as tx:
        while page := facts.since(tx, since, 1, after=after):
            (row,) = page
            found.append((row["identity_id"], row["trigger"]))
            after = row["id"]
        assert facts.count(tx, since) == len(found)
    return found


def test_facts_with_a_case_and_without_one_come_in_the_order_of_time(bench: Bench) -> None:
    ada, robot, eve = (bench.join(name) for name in ("ada", "robot", "eve"))
    for user_id in (ada, robot, eve):
        bench.clock.advance("1h")
        bench.leave(user_id)

    everything = known(bench)

    assert everything == [(user_id, "deactivated") for user_id in (ada, robot, eve)]
    with bench.database.read() as tx:
        assert facts.newest_since(tx, LONG_AGO, 3) == LONG_AGO
        shortened = facts.newest_since(tx, LONG_AGO, 2)
    assert known(bench, shortened) == everything[1:]


def test_a_fact_that_opened_a_case_has_no_row_of_its_own(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)

    with bench.database.read() as tx:
        assert tx.execute(select(schema.facts)).all() == []
        (row,) = facts.since(tx, LONG_AGO, 10)
    assert (row["case_id"], row["at"], row["targets"]) == (bench.case(ada).id, bench.clock(), None)


def test_what_made_a_case_wider_is_a_fact_beside_the_one_that_opened_it(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    group = bench.group("sales", ada, bob)
    bench.run("1h")
    bench.change_group(group, remove=[ada])
    bench.clock.advance("1h")
    bench.leave(ada)

    assert bench.case(ada).trigger is Trigger.DEACTIVATED
    assert known(bench) == [(ada, "unassigned"), (ada, "deactivated")]
    with bench.database.read() as tx:
        first = facts.since(tx, LONG_AGO, 1)[0]
    assert first["targets"] == ["crm"]


def test_a_row_that_another_release_wrote_beside_its_case_is_one_fact(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    case = bench.case(ada)
    with bench.database.write() as tx:
        tx.execute(update(schema.cases).values(fact_trigger=None))
        row = {"id": case.id, "identity_id": ada, "source": SOURCE, "trigger": "deactivated", "at": case.trigger_at}
        tx.execute(schema.facts.insert().values(**row, case_id=case.id, verdict="case opened"))

    assert known(bench) == [(ada, "deactivated")]
    assert known(bench, case.trigger_at + timedelta(hours=1)) == []
