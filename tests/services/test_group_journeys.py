"""Groups at targets are given up like people leave: in stages, approved, guarded, with a way back. On both stores."""

from __future__ import annotations

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, MemoryTarget
from tests.services.retired import (
    a_bench,
    a_limit,
    approve,
    ask,
    asks,
    case,
    form,
    give_up,
)


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return a_bench(database, clock)


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


def test_a_group_is_stamped_disabled_moved_emptied_and_deleted_after_approval_within_a_year(
    bench: Bench, crm: MemoryTarget
) -> None:
    group_id = form(bench, "Fair 2019", "ada", "ben")

    retired = give_up(bench)
    assert crm.forms[group_id]["note"] == f"Made for the fair [To Be Deleted {bench.at('365d'):%Y-%m-%dT%H:%M:%SZ}]"
    assert not crm.forms[group_id]["disabled"]
    bench.run("30d")
    assert (crm.forms[group_id]["disabled"], crm.forms[group_id]["container"]) == (True, "old groups")
    assert crm.members("Fair 2019") == ["ada", "ben"]
    bench.run("60d")
    assert crm.members("Fair 2019") == []
    bench.run("275d")
    assert group_id in crm.forms
    proposal = approve(bench, retired)

    assert proposal.stage.number == 4
    assert group_id not in crm.forms
    assert case(bench, retired.id).state is CaseState.COMPLETED
    assert [what for what, _ in crm.writes] == [
        *("stamp_group", "disable_group", "move_group", "empty_group", "empty_group", "delete_group")
    ]
    assert {"native-ada", "native-ben"} <= crm.accounts.keys()


def test_a_group_that_is_called_off_midway_is_restored_with_its_members(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada", "ben")
    before = crm.group(group_id)
    retired = give_up(bench)
    bench.run("30d")
    bench.run("60d")

    restored = bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()

    assert crm.group(group_id) == before
    assert (case(bench, retired.id).state, case(bench, restored.case.id).state) == (
        CaseState.CANCELED,
        CaseState.COMPLETED,
    )
    assert [task.action for task in bench.tasks(restored.case)] == [
        *(Action.MOVE_GROUP_BACK, Action.REFILL_GROUP, Action.ENABLE_GROUP, Action.UNSTAMP_GROUP)
    ]
    bench.run("400d")
    assert group_id in crm.forms


def test_members_who_came_meanwhile_and_were_taken_out_come_back_with_the_others(
    bench: Bench, crm: MemoryTarget
) -> None:
    form(bench, "Fair 2019", "ada", "ben")
    retired = give_up(bench)
    bench.run("30d")
    crm.add("eva", groups=["Fair 2019"])
    bench.run("60d")
    assert asks(bench, retired)
    approve(bench, retired)
    assert crm.members("Fair 2019") == []

    bench.giving_back.restore(retired.id, reason="needed", by="eve", now=bench.clock())
    bench.run()

    assert crm.members("Fair 2019") == ["ada", "ben", "eva"]


def test_a_protected_group_asks_before_anything_happens(bench: Bench, crm: MemoryTarget) -> None:
    group_id = form(bench, "Fair 2019", "ada", protected="a group of administrators")

    retired = give_up(bench)

    assert crm.writes == []
    assert "a group of administrators" in asks(bench, retired)[0]
    approve(bench, retired)
    assert "[To Be Deleted" in crm.forms[group_id]["note"]


def test_a_mass_of_groups_trips_the_guard_and_may_be_released(database: Database, clock: FakeClock) -> None:
    bench = a_bench(database, clock, guard=a_limit(2))
    crm = bench.systems["crm"]
    names = [f"Fair {year}" for year in range(2011, 2016)]
    for name in names:
        form(bench, name)

    ask(bench, *names)
    bench.run()

    (summary,) = bench.flooding.standing()
    assert "more groups would be given up within 1d" in summary.flood.reason
    assert len(crm.writes) <= 2
    bench.flooding.release(summary.flood.id, reason="meant", by="eve", now=bench.clock())
    list(bench.flooding.carry_out(summary.flood.id, bench.clock()))
    bench.run()
    assert len(crm.writes) == 5
