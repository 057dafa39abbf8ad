"""A leaver of a real directory, through the real engine: gone stage by stage, or back as if nothing had been."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.task import TaskState
from scimbridge.store import journal
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.connectors.directory_bench import DirectoryBench, a_bench
from tests.lab.directories.counting import Fault
from tests.lab.directories.lab import Lab
from tests.lab.directories.openldap import OpenLdapLab

pytest_plugins = ("tests.lab.fixtures",)

BUSY, UNAVAILABLE = 51, 52
ON_ONE_STORE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one proves nothing more


@ON_ONE_STORE
def test_who_comes_back_finds_everything_as_it_was(database: Database, clock: FakeClock, lab: Lab) -> None:
    bench, name = a_bench(database, clock, lab), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name, description="Third floor")
    group = lab.add_group(f"group {name}", account_id)
    before, members = lab.look(account_id), lab.members_of(group)
    user = bench.join(name, everywhere=False)
    bench.run()

    bench.leave(user)
    bench.run()
    bench.run("7d")
    gone = bench.connector.read(account_id)
    could_sign_in = lab.can_bind(account_id)
    bench.come_back(user)
    bench.run()

    bench.connector.close()
    assert (gone.suspended, gone.groups, could_sign_in) == (True, (), False)
    assert gone.container is not None
    assert gone.container.casefold() == lab.disabled.casefold()
    assert gone.stamped_until == (clock() + timedelta(days=83)).replace(microsecond=0)
    assert lab.look(account_id) == before
    assert lab.members_of(group) == members
    assert lab.can_bind(account_id)


@ON_ONE_STORE
def test_who_stays_away_is_deleted_in_the_end_and_later_where_the_date_in_the_mark_is_moved(
    database: Database, clock: FakeClock, lab: Lab
) -> None:
    bench, name = a_bench(database, clock, lab, Action.ARCHIVE), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name, mobile="+1 555 0100", telephoneNumber="+1 555 0199")
    user = bench.join(name, everywhere=False)
    bench.run()

    bench.leave(user)
    bench.run()
    bench.run("7d")
    archived = lab.values(account_id, "mobile")
    later = (clock() + timedelta(days=93)).replace(microsecond=0)
    move_date(lab, account_id, bench.connector.config.stamp_attribute, later)
    bench.run("83d")
    is_there = lab.look(account_id) is not None
    task = bench.tasks(bench.case(user))[-1]
    bench.run("10d")

    bench.connector.close()
    (kept,) = bench.overview.snapshots(bench.case(user).id)
    assert (archived, kept.state.attributes["mobile"]) == ((), ("+1 555 0100",))
    assert kept.state.attributes["telephoneNumber"] == ("+1 555 0199",)
    assert is_there
    assert (task.action, task.due_at) == (Action.DELETE, later)
    assert task.reason == f"extended in crm until {later:%Y-%m-%d %H:%M} UTC"
    assert lab.look(account_id) is None
    assert bench.case(user).state is CaseState.COMPLETED
    assert set(bench.states(bench.case(user)).values()) <= {TaskState.DONE, TaskState.SKIPPED}


@ON_ONE_STORE
def test_a_replica_pauses_the_target_and_the_server_that_takes_writes_gets_it_done(
    database: Database, clock: FakeClock
) -> None:
    with OpenLdapLab() as lab:
        bench, account_id = a_bench(database, clock, lab), lab.add_person("ann")
        user = bench.join("ann", everywhere=False)
        bench.run()
        lab.become_replica("ldap://127.0.0.1:1")

        bench.leave(user)
        bench.run()
        paused, task = bench.alarms, bench.tasks(bench.case(user))[0]
        lab.become_primary()
        bench.operating.resume("crm", by="eve", now=clock())
        bench.run()

        bench.connector.close()
        assert "referral (10)" in paused[0][1]
        assert (task.state, task.attempts) == (TaskState.READY, 0)
        assert not lab.can_bind(account_id)


# -- everything that can be lost on the way is lost once


def troubles(refusal: int) -> Iterator[Fault | int]:
    """Each change is refused, then never comes to the server, then is made and not answered."""
    return itertools.cycle([refusal, Fault.LOST, Fault.UNHEARD])


@ON_ONE_STORE
def test_whatever_is_lost_on_the_way_who_comes_back_finds_everything_as_it_was(
    database: Database, clock: FakeClock, lab: Lab
) -> None:
    assert lab.counter
    bench, name = a_bench(database, clock, lab), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name, description="Third floor")
    other_id = lab.add_person(f"{name}.2")
    groups = [lab.add_group(f"{name} {number}", account_id, other_id) for number in range(2)]
    before, members = lab.look(account_id), [lab.members_of(group) for group in groups]
    user = bench.join(name, everywhere=False)
    bench.run()
    writes = lab.writes

    lab.counter.faults = troubles(BUSY)
    bench.leave(user)
    persist(bench, user, 1)
    reasons = said_of(bench, user)
    bench.run("7d")
    persist(bench, user, 4)
    gone = bench.connector.read(account_id)
    written = lab.writes - writes
    bench.come_back(user)
    persist(bench, user, 9)
    lab.counter.faults = iter(())

    bench.connector.close()
    assert "busy (51)" in reasons
    assert "cannot be reached" in reasons
    assert (gone.suspended, gone.groups) == (True, ())
    assert written == 5
    assert lab.look(account_id) == before
    assert [lab.members_of(group) for group in groups] == members


@ON_ONE_STORE
def test_whatever_is_lost_on_the_way_who_stays_away_is_deleted_once(
    database: Database, clock: FakeClock, lab: Lab
) -> None:
    assert lab.counter
    bench, name = a_bench(database, clock, lab), f"p{uuid.uuid4().hex[:10]}"
    account_id = lab.add_person(name)
    user = bench.join(name, everywhere=False)
    bench.run()
    writes = lab.writes

    lab.counter.faults = troubles(UNAVAILABLE)
    bench.leave(user)
    persist(bench, user, 1)
    bench.run("7d")
    persist(bench, user, 4)
    bench.run("83d")
    persist(bench, user, 5)
    lab.counter.faults = iter(())

    bench.connector.close()
    assert "unavailable (52)" in said_of(bench, user)
    assert lab.look(account_id) is None
    assert lab.writes - writes == 4
    assert bench.case(user).state is CaseState.COMPLETED


def move_date(lab: Lab, account_id: str, attribute: str, later: datetime) -> None:
    """Write another date into the mark, as an administrator would."""
    lab.modify(lab.dn_of(account_id), **{attribute: [f"[To Be Deleted {later:%Y-%m-%dT%H:%M:%SZ}]"]})


def said_of(bench: DirectoryBench, user: str) -> str:
    with bench.database.read() as tx:
        return "\n".join(row["reason"] for row in journal.entries_of_case(tx, bench.case(user).id))


def persist(bench: DirectoryBench, user: str, finished: int) -> None:
    """Let a day pass until so many tasks have come to their end."""
    for _ in range(40):
        bench.run("6h")
        if sum(task.is_finished for case in bench.cases(user) for task in bench.tasks(case)) >= finished:
            return
    pytest.fail(f"not done: {[bench.states(case) for case in bench.cases(user)]}")
