"""What has happened becomes figures, once; and charts are drawn from them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import RejectedError, RetryableError
from scimbridge.services.charting import Charting
from scimbridge.services.tallying import SETTLED, Tallying
from scimbridge.services.timing import Timing
from scimbridge.store import ahead_reading
from scimbridge.store.ahead_reading import Load
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.counting import counted
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage

DEADLINES = {Action.SUSPEND: timedelta(minutes=5)}


def a_bench(database: Database, clock: FakeClock, *, rules: Ruleset | None = None) -> Bench:
    return Bench(
        database,
        clock,
        rules or Ruleset((a_rule(),)),
        {"crm": MemoryTarget(), "directory": MemoryTarget()},
        timing=Timing(deadlines=DEADLINES),
        actions=FEW_ACTIONS,
    )


def charting(bench: Bench) -> Charting:
    return Charting(bench.database, DEADLINES)


def tally(bench: Bench) -> None:
    bench.clock.advance(SETTLED + timedelta(seconds=1))
    Tallying(bench.database).run(bench.clock())


def leave(bench: Bench, *names: str) -> None:
    people = [bench.join(name) for name in names]
    bench.run()
    for person in people:
        bench.leave(person)


def test_each_thing_is_counted_once_however_often_one_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave(bench, "ada", "ben")
    bench.run("2m")
    tally(bench)
    tally(bench)
    bench.clock.advance("1d")
    leave(bench, "cid")
    bench.fail(RetryableError("later"), RejectedError("no"))
    bench.run()
    tally(bench)

    charts = charting(bench).charts(7, bench.clock())

    assert charts.days[-2:] == ["2026-03-02", "2026-03-03"]
    assert charts.leavers == {"deactivated": {"2026-03-02": 2, "2026-03-03": 1}}
    assert charts.attempts["done"] == {"2026-03-02": 4, "2026-03-03": 1}
    assert charts.attempts["not yet"] == {"2026-03-03": 1}
    assert charts.counted_until == bench.clock() - SETTLED


def test_the_time_to_revoke_counts_from_the_due_date_against_the_deadline(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave(bench, "ada")
    bench.run("30s")
    leave(bench, "ben")
    bench.run("10m")
    tally(bench)

    (crm, directory) = charting(bench).charts(7, bench.clock()).times

    assert (crm.target, directory.target, crm.action, crm.count) == ("crm", "directory", "suspend", 2)
    assert timedelta(seconds=27) <= crm.median <= timedelta(seconds=33)
    assert timedelta(minutes=9) <= crm.most <= timedelta(minutes=11)
    assert (crm.deadline, crm.late, crm.with_deadline) == (timedelta(minutes=5), 1, 2)


def test_what_is_under_way_is_counted_once_it_has_ended(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave(bench, "ada")
    seen = []

    def look() -> None:
        bench.clock.advance("1h")
        Tallying(bench.database).run(bench.clock())
        seen.append(dict(charting(bench).charts(7, bench.clock()).attempts))

    bench.systems["crm"].before_write = look
    bench.run("1s")
    tally(bench)

    assert "done" not in seen[0] or seen[0]["done"].get("2026-03-02", 0) < 2
    assert charting(bench).charts(7, bench.clock()).attempts["done"] == {"2026-03-02": 2}


def test_a_long_silence_is_counted_in_one_step(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    leave(bench, "ada")
    bench.run()
    tally(bench)
    bench.clock.advance("300d")
    leave(bench, "ben")
    bench.run()
    bench.clock.advance("2h")

    assert Tallying(database).run(bench.clock()) <= 2
    bench.clock.advance("500d")
    Tallying(database).run(bench.clock())
    assert charting(bench).charts(900, bench.clock()).leavers == {}


def test_requests_for_fewer_calls_are_counted_by_target(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)
    for _ in range(3):
        bench.fleet.connector("crm").context.throttled(None)

    assert charting(bench).charts(7, bench.clock()).throttled == {"crm": {"2026-03-02": 3}}


def test_the_coming_days_tell_what_falls_due(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage("1d"), a_stage("3d", Action.DELETE)),))
    bench = a_bench(database, clock, rules=rules)
    leave(bench, "ada", "ben")

    before = charting(bench).ahead(5, bench.clock())
    bench.clock.advance("2d")
    after = charting(bench).ahead(5, bench.clock())

    none, suspended, deleted = Load(tasks=0, people=0, irreversible=0), 4, 4
    assert before.due == none
    assert [day for day, _ in before.days] == [date(2026, 3, each) for each in (2, 3, 4, 5, 6)]
    assert [load.tasks for _, load in before.days] == [0, suspended, 0, deleted, 0]
    assert before.days[3][1] == Load(tasks=4, people=2, irreversible=4)
    assert after.due == Load(tasks=4, people=2, irreversible=0)


def test_a_day_is_counted_no_further_than_anybody_reads(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, rules=Ruleset((a_rule(a_stage("1d")),)))
    leave(bench, *(f"p{number}" for number in range(4)))

    with database.read() as tx:
        (load,) = ahead_reading.loads(tx, [bench.clock(), datetime(2027, 1, 1, tzinfo=UTC)], 3)

    assert load.tasks == 3


def test_charts_cost_the_same_few_statements_for_any_time(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock)

    def cost(days: int) -> int:
        with counted(database) as statements:
            charting(bench).charts(days, bench.clock())
            charting(bench).ahead(days, bench.clock())
        return len(statements)

    assert cost(7) == cost(90) == 6
