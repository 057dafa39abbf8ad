"""How many may leave within a time, and which limits a plan counts for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import GuardClass
from scimbridge.domain.flood import Flood
from scimbridge.domain.guard import Guard, GuardScope, Limit

DAY = timedelta(days=1)


def a_limit(
    count: int | None = None,
    percent: float | None = None,
    *,
    scope: GuardScope = GuardScope.OVERALL,
    subject: str = "",
    guard_class: GuardClass = GuardClass.ALL,
    window: timedelta = DAY,
) -> Limit:
    return Limit(scope=scope, subject=subject, guard_class=guard_class, window=window, count=count, percent=percent)


@pytest.mark.parametrize(
    ("count", "percent", "active", "most"),
    [
        (20, None, 1000, 20),
        (None, 5, 1000, 50),
        (20, 5, 1000, 20),
        (100, 5, 1000, 50),
        (0, None, 1000, 0),
        # A percentage binds from its floor on; without it, and without a number, nothing does.
        (20, 1, 99, 20),
        (None, 1, 99, float("inf")),
        (None, 1.5, 100, 1.5),
        # One at least, or nobody could ever leave.
        (None, 0.1, 100, 1),
        (None, None, 1000, float("inf")),
    ],
)
def test_the_smaller_of_number_and_share_is_the_most(
    count: int | None, percent: float | None, active: int, most: float
) -> None:
    assert a_limit(count, percent).most(active, floor=100) == most


@pytest.mark.parametrize(
    ("count", "percent", "floor", "least"),
    [(20, None, 100, 20), (20, 5, 100, 5), (20, 50, 100, 20), (None, 5, 100, 5), (None, 5, 0, 1), (0, 5, 100, 0)],
)
def test_there_is_room_for_some_however_many_were_active(
    count: int | None, percent: float | None, floor: int, least: float
) -> None:
    limit = a_limit(count, percent)

    assert limit.least(floor) == least
    assert all(limit.most(active, floor) >= least for active in (0, floor, floor + 1, 10 * floor))


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (a_limit(20, 5), "more identities would lose access within 1d at all sources and targets than 20"),
        (
            a_limit(60, 5, scope=GuardScope.SOURCE, subject="okta", guard_class=GuardClass.SUSPEND),
            "more identities would be suspended within 1d at source okta than 5% of 1000 that were active",
        ),
        (
            a_limit(3, scope=GuardScope.TARGET, subject="crm", guard_class=GuardClass.STRIP, window=DAY / 24),
            "more identities would lose groups or licenses within 1h at target crm than 3",
        ),
        (
            a_limit(percent=0.5, guard_class=GuardClass.DELETE),
            (
                "more identities would lose an account or its data within 1d at all sources and targets than "
                "0.5% of 1000 that were active"
            ),
        ),
    ],
)
def test_a_limit_that_trips_says_what_has_come_and_which_number_bound_it(limit: Limit, reason: str) -> None:
    assert limit.tripped(active=1000, floor=100) == reason


def test_below_its_floor_a_share_is_not_what_bound() -> None:
    reason = a_limit(2, 1).tripped(active=99, floor=100)

    assert reason == "more identities would lose access within 1d at all sources and targets than 2"


def test_where_number_and_share_come_to_the_same_the_number_is_named() -> None:
    assert a_limit(50, 5).tripped(active=1000, floor=100).endswith(" than 50")


def test_a_flood_is_told_as_its_limit_and_stands_until_somebody_decides() -> None:
    flood = Flood(
        id="flood",
        scope=GuardScope.SOURCE,
        subject="okta",
        guard_class=GuardClass.ALL,
        opened_at=datetime(2026, 3, 2, tzinfo=UTC),
        reason="too many",
    )

    assert flood.where == a_limit(scope=GuardScope.SOURCE, subject="okta").where == "source okta"
    assert flood.stands
    assert not replace(flood, closed_at=flood.opened_at).stands


def test_a_limit_is_told_from_the_others_by_scope_subject_and_class() -> None:
    limit = a_limit(5, scope=GuardScope.TARGET, subject="crm", guard_class=GuardClass.STRIP)

    assert limit.key == ("target", "crm", "strip")


def test_a_floor_is_of_one_scope_and_subject() -> None:
    guard = Guard(floors={(GuardScope.TARGET, "crm"): 50})

    assert guard.floor(a_limit(scope=GuardScope.TARGET, subject="crm")) == 50
    assert guard.floor(a_limit(scope=GuardScope.SOURCE, subject="crm")) == 0
    assert guard.floor(a_limit(scope=GuardScope.TARGET, subject="dir")) == 0


def test_a_plan_counts_for_each_limit_of_what_it_takes_where_it_takes_it_in_their_order() -> None:
    suspend, strip, delete = GuardClass.SUSPEND, GuardClass.STRIP, GuardClass.DELETE
    concerned = (
        a_limit(guard_class=delete),
        a_limit(scope=GuardScope.TARGET, subject="crm", guard_class=suspend),
        a_limit(scope=GuardScope.SOURCE, subject="okta", guard_class=suspend),
        a_limit(scope=GuardScope.TARGET, subject="dir", guard_class=delete),
    )
    others = (
        a_limit(guard_class=strip),
        a_limit(scope=GuardScope.SOURCE, subject="entra", guard_class=suspend),
        a_limit(scope=GuardScope.SOURCE, subject="okta", guard_class=strip),
        a_limit(scope=GuardScope.TARGET, subject="crm", guard_class=delete),
        a_limit(scope=GuardScope.TARGET, subject="hr", guard_class=suspend),
        a_limit(scope=GuardScope.TARGET, subject="okta", guard_class=suspend),
    )
    every = [limit for pair in zip(concerned, others, strict=False) for limit in pair] + list(others[4:])

    found = Guard(tuple(every)).concerned("okta", {"crm": frozenset({suspend}), "dir": frozenset({delete})})

    assert tuple(found) == concerned


def test_a_plan_that_takes_nothing_counts_for_no_limit() -> None:
    assert list(Guard((a_limit(1),)).concerned("okta", {})) == []
