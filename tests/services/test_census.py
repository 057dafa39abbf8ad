"""Percentages: of whom, from when on, and what is kept for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from scimbridge.domain.guard import GuardScope
from scimbridge.services import census
from scimbridge.store import guard
from scimbridge.store.database import Database
from scimbridge.store.schema import accounts, guard_marks, populations
from tests.clock import FakeClock
from tests.services.bench import Bench
from tests.services.flooded import a_bench, a_limit, leave_all, people, standing, the_flood

HOUR = timedelta(hours=1)


def samples(bench: Bench) -> list[tuple[str, str, int]]:
    with bench.database.read() as tx:
        rows = tx.execute(select(populations).order_by(populations.c.scope, populations.c.at)).mappings()
        return [(row["scope"], row["subject"], row["active"]) for row in rows]


def count_active(bench: Bench) -> None:
    bench.census.run(bench.clock())


def test_a_percentage_trips_where_more_than_that_share_leaves(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=20))
    everyone = people(bench, 20)
    count_active(bench)

    leave_all(bench, everyone[:4])
    assert standing(bench) == []

    bench.leave(everyone[4])
    assert the_flood(bench).reason == (
        "more identities would lose access within 1d at all sources and targets than 20% of 20 that were active"
    )


@pytest.mark.parametrize(("floor", "trips"), [(20, True), (21, False)])
def test_a_percentage_binds_from_its_floor_on(database: Database, clock: FakeClock, floor: int, trips: bool) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=10), floor=floor)
    everyone = people(bench, 20)
    count_active(bench)

    leave_all(bench, everyone[:5])

    assert bool(standing(bench)) is trips


def test_who_left_before_the_window_began_was_not_active_where_a_percentage_comes_later(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(9, window=HOUR))
    everyone = people(bench, 4)
    leave_all(bench, everyone[:2])
    clock.advance(HOUR)

    bench = a_bench(database, clock, a_limit(None, percent=50, window=HOUR))
    leave_all(bench, everyone[2:])

    assert the_flood(bench).reason.endswith("50% of 2 that were active")


def test_the_smaller_of_count_and_percentage_binds(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(3, percent=50))
    everyone = people(bench, 20)
    count_active(bench)

    leave_all(bench, everyone[:4])

    assert the_flood(bench).reason.endswith("than 3")


def test_one_may_always_leave(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=1))
    everyone = people(bench, 3)
    count_active(bench)

    bench.leave(everyone[0])
    assert standing(bench) == []

    bench.leave(everyone[1])
    assert len(standing(bench)) == 1


def test_the_share_is_of_those_who_were_active_when_the_window_began(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=50, window=HOUR))
    everyone = people(bench, 4)
    count_active(bench)
    clock.advance(HOUR)
    people(bench, 20, "new")
    count_active(bench)  # by now there are 24

    clock.advance(HOUR - timedelta(microseconds=1))
    leave_all(bench, everyone[:2])
    assert standing(bench) == []

    bench.leave(everyone[2])
    assert the_flood(bench).reason.endswith("50% of 4 that were active")


def test_at_the_moment_in_which_a_number_is_a_window_old_it_counts(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=50, window=HOUR))
    everyone = people(bench, 4)
    count_active(bench)
    clock.advance(HOUR)
    people(bench, 20, "new")
    count_active(bench)

    clock.advance(HOUR)
    leave_all(bench, everyone)

    assert standing(bench) == []


def test_while_nobody_had_counted_when_the_window_began_the_last_number_counts(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=50))
    count_active(bench)  # a new installation: there is nobody yet
    everyone = people(bench, 10)
    clock.advance(HOUR)
    count_active(bench)

    leave_all(bench, everyone[:6])

    assert the_flood(bench).reason.endswith("50% of 10 that were active")


def test_where_nobody_has_counted_it_is_done_at_once_with_those_who_left_in_the_window(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=25))
    everyone = people(bench, 8)

    leave_all(bench, everyone[:2])
    assert samples(bench) == [("overall", "", 8)]
    assert standing(bench) == []

    bench.leave(everyone[2])
    assert len(standing(bench)) == 1


def test_the_share_of_a_source_is_of_its_own_identities(database: Database, clock: FakeClock) -> None:
    limit = a_limit(None, percent=50, scope=GuardScope.SOURCE, subject="hr")
    bench = a_bench(database, clock, limit)
    people(bench, 9)
    own = people(bench, 4, "h", source="hr")
    count_active(bench)

    for each in own[:3]:
        bench.leave(each, source="hr")

    assert the_flood(bench).reason.endswith("at source hr than 50% of 4 that were active")


def test_the_share_of_a_target_is_of_those_with_an_account_there(database: Database, clock: FakeClock) -> None:
    limit = a_limit(None, percent=50, scope=GuardScope.TARGET, subject="crm")
    bench = a_bench(database, clock, limit)
    everyone = people(bench, 4)
    people(bench, 9, "elsewhere", everywhere=False)
    bench.run()
    with database.write() as tx:  # these have an account there
        tx.execute(
            update(accounts).where(accounts.c.identity_id.in_(everyone)).values(native_id=accounts.c.identity_id)
        )
    count_active(bench)

    leave_all(bench, everyone[:3])

    assert the_flood(bench).reason.endswith("at target crm than 50% of 4 that were active")


def test_nothing_is_read_about_populations_where_nobody_configured_a_percentage(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(3))
    leave_all(bench, people(bench, 2))
    count_active(bench)

    assert samples(bench) == []


def test_the_active_are_counted_once_an_hour_and_what_no_window_asks_for_is_forgotten(
    database: Database, clock: FakeClock
) -> None:
    bench = a_bench(database, clock, a_limit(None, percent=50, window=3 * HOUR))
    for number in range(6):
        bench.join(f"p{number}")
        count_active(bench)
        count_active(bench)
        clock.advance(HOUR)
        bench.census.run(clock() - timedelta(microseconds=1))  # not yet

    count_active(bench)

    assert samples(bench) == [("overall", "", number) for number in (4, 5, 6, 6)]


def test_marks_are_forgotten_in_batches_once_they_are_outside_of_the_window(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "BATCH", 2)
    bench = a_bench(database, clock, a_limit(10))
    everyone = people(bench, 6)
    leave_all(bench, everyone[:5])
    clock.advance("1h")
    bench.leave(everyone[5])
    clock.advance("23h")

    assert bench.census.forget_marks(clock()) == 5

    with database.read() as tx:
        assert tx.execute(select(guard_marks.c.identity_id)).scalars().all() == [everyone[5]]


def test_marks_of_before_a_release_are_forgotten(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, a_limit(2))
    leave_all(bench, people(bench, 3))
    flood = bench.flooding.release(the_flood(bench).id, reason="planned", by="ops", now=clock())
    list(bench.flooding.carry_out(flood.id, clock()))

    assert bench.census.forget_marks(clock()) == 3


def test_the_first_number_of_a_moment_stays(database: Database, clock: FakeClock) -> None:
    with database.write() as tx:
        guard.sample(tx, GuardScope.OVERALL, "", clock(), 1)
        guard.sample(tx, GuardScope.OVERALL, "", clock(), 2)
        assert [row.active for row in tx.execute(select(populations))] == [1]
