"""Rules see a group that somebody has left for as long as the source's setting says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.source import SourceProfile
from scimbridge.store.database import Database
from scimbridge.store.schema import past_memberships
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, a_rule, a_stage

SPARED = Ruleset((a_rule(a_stage(), exclude=IdentityFilter('groups.display eq "Break Glass"')),))


def leave_it(bench: Bench, group: str, person: str) -> None:
    bench.change_group(group, remove=[person])


def leave_it_twice(bench: Bench, group: str, person: str) -> None:
    leave_it(bench, group, person)
    bench.clock.advance("2h")
    bench.change_group(group, add=[person])
    leave_it(bench, group, person)


def delete_it(bench: Bench, group: str, _person: str) -> None:
    bench.delete_group(group)


@pytest.mark.parametrize(
    ("memory", "after", "is_spared"),
    [("0s", "1s", False), ("1h", "59m", True), ("1h", "1h", False), ("3d", "71h", True)],
)
@pytest.mark.parametrize("go", [leave_it, leave_it_twice, delete_it])
def test_who_has_just_left_a_group_is_seen_in_it(
    database: Database,
    clock: FakeClock,
    go: Callable[[Bench, str, str], None],
    memory: str,
    after: str,
    is_spared: bool,
) -> None:
    span = {"0s": timedelta(), "1h": timedelta(hours=1), "3d": timedelta(days=3)}[memory]
    bench = Bench(database, clock, SPARED, profiles={SOURCE: SourceProfile(membership_memory=span)})
    ada = bench.join("ada")
    group = bench.group("Break Glass", ada)
    bench.run()
    go(bench, group, ada)

    clock.advance(after)
    bench.forgetting.forget_memberships(clock())
    bench.leave(ada)
    bench.run()

    assert bench.systems["crm"].is_suspended("ada") is not is_spared
    with database.read() as tx:
        assert len(tx.execute(select(past_memberships)).all()) == int(is_spared)
