"""Records are kept for as long as the settings say; and longer, where somebody may still need them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select, update

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.retention import Retention
from scimbridge.domain.rule import Restore, Ruleset
from scimbridge.services import retaining as retaining_module
from scimbridge.services.erasing import Erasing
from scimbridge.services.retaining import Retaining
from scimbridge.store import schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage

LONG = {"requests": timedelta(days=3650), "attempts": timedelta(days=3650)}
WEEK = Retention(requests=timedelta(days=7), attempts=timedelta(days=7))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    """Leavers are suspended at once, and lose their groups in ninety days."""
    rules = Ruleset(
        (
            a_rule(
                a_stage(), a_stage("90d", Action.REMOVE_FROM_GROUPS), match='userName eq "ada"', restore=Restore.AUTO
            ),
            a_rule(a_stage(), name="at once"),
        )
    )
    return Bench(database, clock, rules, {"crm": MemoryTarget()})


def retaining(bench: Bench, retention: Retention = WEEK) -> Retaining:
    return Retaining(bench.database, retention, Erasing(bench.database))


def all_of_today(bench: Bench, retention: Retention = WEEK) -> int:
    """Take turns until there is nothing more to do. Returns how many records were removed."""
    own, removed = retaining(bench, retention), 0
    while set(own._done) != {name for name, kept in own._kept.items() if kept is not None}:
        removed += own.run(bench.clock())
    return removed


def ids(bench: Bench, table: Table, *where: Any) -> list[str]:
    with bench.database.read() as tx:
        return list(tx.execute(select(table.c.id).where(*where).order_by(table.c.id)).scalars())


def requests_about(bench: Bench, identity_id: str) -> int:
    return len(ids(bench, schema.requests, schema.requests.c.resource_id == identity_id))


def read_by_attempts(bench: Bench) -> int:
    with bench.database.read() as tx:
        query = select(func.count()).select_from(schema.attempts).where(schema.attempts.c.state_read.is_not(None))
        return int(tx.execute(query).scalar_one())


def a_leaver(bench: Bench, name: str) -> str:
    user_id = bench.join(name)
    bench.run()
    bench.leave(user_id)
    bench.run()
    return user_id


def test_what_is_old_goes_and_what_is_new_stays(bench: Bench) -> None:
    bob = a_leaver(bench, "bob")
    eve = bench.join("eve")
    bench.run()
    bench.run("8d")
    cleo = a_leaver(bench, "cleo")
    lookups = ids(bench, schema.attempts, schema.attempts.c.task_id.is_(None))

    removed = all_of_today(bench)

    # Three requests, three attempts' reads and look-ups.
    assert removed == 6
    assert (requests_about(bench, bob), requests_about(bench, eve), requests_about(bench, cleo)) == (0, 0, 2)
    assert ids(bench, schema.attempts, schema.attempts.c.task_id.is_(None)) == lookups[2:]
    assert read_by_attempts(bench) == 1
    # That they were tried is part of what can be given back, and of the proof.
    assert len(ids(bench, schema.attempts, schema.attempts.c.task_id.is_not(None))) == 2
    assert all_of_today(bench) == 0


def test_who_has_an_open_case_keeps_everything(bench: Bench) -> None:
    ada = a_leaver(bench, "ada")
    bench.run("30d")

    assert all_of_today(bench) == 0
    assert (requests_about(bench, ada), read_by_attempts(bench)) == (2, 1)

    bench.run("60d")
    bench.run("8d")

    assert all_of_today(bench) > 0
    assert (requests_about(bench, ada), read_by_attempts(bench)) == (0, 0)


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (Scope.EVERYTHING, lambda bench, ada: ""),
        (Scope.SOURCE, lambda bench, ada: SOURCE),
        (Scope.IDENTITY, lambda bench, ada: ada),
        (Scope.CASE, lambda bench, ada: bench.case(ada).id),
    ],
)
def test_who_is_held_keeps_everything(bench: Bench, scope: Scope, subject: Callable[[Bench, str], str]) -> None:
    bob = a_leaver(bench, "bob")
    placed = bench.holding.place(
        scope, subject(bench, bob), reason="litigation", by="ops", now=bench.clock(), is_legal=True
    )
    bench.run("30d")

    assert all_of_today(bench) == 0
    assert (requests_about(bench, bob), read_by_attempts(bench)) == (2, 1)

    bench.holding.lift(placed.hold.id, by="ops", now=bench.clock(), reason="settled")
    assert all_of_today(bench) > 0


def test_what_was_read_at_a_target_that_is_held_stays(bench: Bench) -> None:
    bob = a_leaver(bench, "bob")
    bench.holding.place(Scope.TARGET, "crm", reason="an audit", by="ops", now=bench.clock())
    bench.run("30d")

    assert all_of_today(bench) == 2
    assert (requests_about(bench, bob), read_by_attempts(bench)) == (0, 1)


def test_undo_works_after_all_of_it(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.run("91d")
    bench.run("8d")
    all_of_today(bench)
    assert bench.systems["crm"].is_suspended("ada")

    bench.giving_back.restore(bench.case(ada).id, reason="a mistake", by="ops", now=bench.clock())
    bench.run("1m")

    assert not bench.systems["crm"].is_suspended("ada")


def test_a_snapshot_goes_once_all_of_it_was_given_back(bench: Bench) -> None:
    ada = a_leaver(bench, "ada")
    bob = a_leaver(bench, "bob")
    bench.come_back(ada)
    bench.run()
    assert len(ids(bench, schema.snapshots, schema.snapshots.c.released_at.is_not(None))) == 1
    bench.run("6d")
    all_of_today(bench)
    assert len(ids(bench, schema.snapshots)) == 2

    bench.run("2d")
    all_of_today(bench)

    assert len(ids(bench, schema.snapshots)) == 1
    assert bench.account(bob).native_id == "native-bob"


def test_the_snapshot_of_an_account_that_was_let_go_stays_while_its_person_is_held(
    database: Database, clock: FakeClock
) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.DISCONNECT)),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()})
    bob = a_leaver(bench, "bob")
    a_leaver(bench, "eve")
    placed = bench.holding.place(Scope.IDENTITY, bob, reason="litigation", by="ops", now=bench.clock(), is_legal=True)
    bench.run("8d")

    all_of_today(bench)
    kept = len(ids(bench, schema.snapshots))
    bench.holding.lift(placed.hold.id, by="ops", now=bench.clock(), reason="settled")
    all_of_today(bench)

    assert (kept, len(ids(bench, schema.snapshots))) == (1, 0)


def test_a_turn_is_bounded_and_what_is_spared_is_looked_at_once_a_day(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining_module, "BATCH", 2)
    people = []
    for number in range(5):
        people.append(bench.join(f"user{number}", everywhere=False))
        bench.clock.advance("1s")
    bench.holding.place(Scope.IDENTITY, people[0], reason="litigation", by="ops", now=bench.clock(), is_legal=True)
    bench.run("8d")
    own = retaining(bench, Retention(requests=timedelta(days=7)))

    removed = [own.run(bench.clock()) for _ in range(5)]

    assert removed == [1, 2, 1, 0, 0]
    assert len(ids(bench, schema.requests)) == 1
    bench.clock.advance("1d")
    assert own.run(bench.clock()) == 0


def test_who_is_spared_is_in_nobodys_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining_module, "BATCH", 1)
    for name in ("bob", "eve"):
        person = a_leaver(bench, name)
        if name == "bob":
            bench.holding.place(Scope.IDENTITY, person, reason="litigation", by="ops", now=bench.clock())
        bench.clock.advance("1s")
    bench.run("8d")
    own = retaining(bench)

    for _ in range(6):
        own.run(bench.clock())

    assert read_by_attempts(bench) == 1


def test_two_sweepers_remove_each_record_once(bench: Bench) -> None:
    a_leaver(bench, "bob")
    bench.run("8d")
    one, other = retaining(bench), retaining(bench)

    assert one.run(bench.clock()) > 0
    assert other.run(bench.clock()) == 0


def test_whom_a_source_deleted_is_erased_once_their_last_case_is_long_over(bench: Bench) -> None:
    kept = Retention(**LONG, leavers=timedelta(days=90))
    bob, eve = a_leaver(bench, "bob"), a_leaver(bench, "eve")
    bench.clock.advance("1d")
    bench.delete(bob)
    bench.run()
    bench.run("89d")
    assert all_of_today(bench, kept) == 0

    bench.run("3d")

    assert all_of_today(bench, kept) == 1
    with bench.database.read() as tx:
        found = {row.id: row.user_name for row in tx.execute(select(schema.identities))}
    assert found == {bob: f"erased-{bob[-12:]}", eve: "eve"}


def test_whose_case_has_ended_lately_is_not_erased_however_long_ago_they_were_deleted(bench: Bench) -> None:
    kept = Retention(**LONG, leavers=timedelta(days=90))
    ada = a_leaver(bench, "ada")
    bench.delete(ada)
    bench.run("91d")
    assert bench.case(ada).state is CaseState.COMPLETED
    bench.clock.advance("5d")
    assert all_of_today(bench, kept) == 0

    bench.clock.advance("90d")

    assert all_of_today(bench, kept) == 1


def test_who_is_held_is_not_erased(bench: Bench) -> None:
    kept = Retention(**LONG, leavers=timedelta(days=90))
    bob = a_leaver(bench, "bob")
    bench.delete(bob)
    bench.holding.place(Scope.IDENTITY, bob, reason="litigation", by="ops", now=bench.clock(), is_legal=True)
    bench.run("200d")

    assert all_of_today(bench, kept) == 0


def test_a_request_of_a_clock_that_was_ahead_keeps_no_others(bench: Bench) -> None:
    ada = bench.join("ada")
    for title in range(6):
        bench.say(ada, title=str(title))
    with bench.database.write() as tx:
        ahead = bench.clock() + timedelta(days=400)
        tx.execute(update(schema.requests).where(schema.requests.c.number == 2).values(at=ahead))
    bench.clock.advance("8d")

    all_of_today(bench)

    with bench.database.read() as tx:
        assert tx.execute(select(schema.requests.c.number)).scalars().all() == [2]


def test_before_the_epoch_nothing_is_old(bench: Bench) -> None:
    a_leaver(bench, "bob")
    forever = timedelta(days=36_500)

    assert (
        Retaining(bench.database, Retention(requests=forever, attempts=forever), Erasing(bench.database)).run(
            bench.clock()
        )
        == 0
    )
    assert len(ids(bench, schema.requests)) == 2


def test_a_clock_that_was_set_back_removes_nothing(bench: Bench) -> None:
    a_leaver(bench, "bob")
    with bench.database.write() as tx:
        tx.execute(update(schema.attempts).values(ended_at=bench.clock() + timedelta(days=1)))

    assert all_of_today(bench) == 0
