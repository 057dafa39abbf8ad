"""How many Users and Groups there are is known without counting them."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, func, insert, select

from scimbridge.domain.resource import MemberIds, MemberKind
from scimbridge.errors import StoreBusyError
from scimbridge.store import counts, groups, identities, members, schema
from scimbridge.store.database import Database
from tests.store.racing import race

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOTH = (MemberKind.USER, MemberKind.GROUP)


def a_source(database: Database, *names: str) -> None:
    with database.write() as tx:
        tx.execute(insert(schema.sources), [{"name": name, "created_at": NOW} for name in names])


def counted(database: Database, source: str) -> tuple[int, int]:
    """Count the rows themselves."""
    with database.read() as tx:
        users, teams = (
            tx.execute(
                select(func.count()).select_from(table).where(table.c.source == source, table.c.deleted_at.is_(None))
            ).scalar_one()
            for table in (schema.identities, schema.groups)
        )
    return users, teams


def known(database: Database, source: str) -> tuple[int, int]:
    with database.read() as tx:
        return counts.total(tx, source, [MemberKind.USER]), counts.total(tx, source, [MemberKind.GROUP])


class Play:
    """Adds and deletes at random; what is undone halfway must not be counted."""

    def __init__(self, database: Database, source: str, seed: int) -> None:
        self._database = database
        self._source = source
        self._random = random.Random(seed)
        self._seed = seed
        self._users: list[str] = []
        self._groups: list[str] = []

    def run(self, steps: int) -> None:
        for number in range(steps):
            with suppress(StoreBusyError, ZeroDivisionError):
                self._step(f"{self._seed}-{number}")

    def _step(self, name: str) -> None:
        users, teams = list(self._users), list(self._groups)
        with self._database.write() as tx:
            match self._random.randrange(4):
                case 0:
                    users.append(identities.insert_user(tx, self._source, {"userName": name}, NOW).identity.id)
                case 1:
                    teams.append(groups.insert_group(tx, self._source, {"displayName": name}, NOW).id)
                case 2 if users:
                    identities.mark_deleted(tx, users.pop(self._random.randrange(len(users))), NOW)
                case 3 if teams:
                    groups.mark_deleted(tx, teams.pop(), NOW)
                case _:
                    pass
            if self._random.random() < 0.2:
                raise ZeroDivisionError
        self._users, self._groups = users, teams


def test_totals_are_those_of_the_rows_after_anything_that_happened(database: Database) -> None:
    a_source(database, "okta", "entra")

    Play(database, "okta", 1).run(120)
    Play(database, "entra", 2).run(40)

    assert known(database, "okta") == counted(database, "okta")
    assert known(database, "entra") == counted(database, "entra")
    assert counted(database, "okta") != (0, 0)
    with database.read() as tx:
        assert counts.total(tx, "okta", BOTH) == sum(counted(database, "okta"))


def test_totals_are_right_when_many_write_at_once(database: Database) -> None:
    a_source(database, "okta")

    race([partial(Play(database, "okta", seed).run, 25) for seed in range(8)])

    assert known(database, "okta") == counted(database, "okta")
    assert sum(counted(database, "okta")) > 20


def test_two_that_add_several_at_once_do_not_lock_each_other_out(database: Database) -> None:
    a_source(database, "okta")

    def add(worker: int) -> None:
        with database.write() as tx:
            for number in range(20):
                identities.insert_user(tx, "okta", {"userName": f"{worker}-{number}"}, NOW + timedelta(seconds=number))

    results = race([partial(add, worker) for worker in range(6)])

    assert results == [None] * 6
    assert known(database, "okta") == (120, 0)


def test_deleting_twice_counts_once(database: Database) -> None:
    a_source(database, "okta")
    with database.write() as tx:
        user = identities.insert_user(tx, "okta", {"userName": "ada"}, NOW).identity.id
        identities.insert_user(tx, "okta", {"userName": "ben"}, NOW)
        identities.mark_deleted(tx, user, NOW)
        identities.mark_deleted(tx, user, NOW)

    assert known(database, "okta") == (1, 0)


def test_a_thread_uses_one_slot(database: Database) -> None:
    a_source(database, "okta")

    with database.write() as tx:
        for number in range(5):
            identities.insert_user(tx, "okta", {"userName": str(number)}, NOW)
        slots = tx.execute(select(schema.resource_counts.c.slot)).scalars().all()

    assert slots == [threading.get_native_id() % 16]


def sizes(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    """How many Users each Group has: as it is known, and counted."""
    members = select(func.count()).where(
        schema.memberships.c.group_id == schema.groups.c.id, schema.memberships.c.kind == "User"
    )
    with database.read() as tx:
        rows = tx.execute(select(schema.groups.c.id, schema.groups.c.users, members.scalar_subquery())).all()
    return {key: known for key, known, _ in rows}, {key: counted for key, _, counted in rows}


class Moving:
    """Moves people and a Group in and out of two Groups, at random."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._random = random.Random(seed)
        with database.write() as tx:
            self._people = [
                identities.insert_user(tx, "okta", {"userName": f"{seed}-{number}"}, NOW).identity.id
                for number in range(12)
            ]
            self._teams = [groups.insert_group(tx, "okta", {"displayName": f"{seed}-{name}"}, NOW).id for name in "abc"]
            self._nested = self._teams.pop()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            with suppress(StoreBusyError, ZeroDivisionError), self._database.write() as tx:
                groups.lock_groups(tx, self._teams)
                self._step(tx)
                if self._random.random() < 0.2:
                    raise ZeroDivisionError

    def _step(self, tx: Connection) -> None:
        team = self._random.choice(self._teams)
        some = frozenset(self._random.sample([*self._people, self._nested], 5))
        match self._random.randrange(4):
            case 0 | 1:
                members.add_members(tx, "okta", team, some)
            case 2:
                self._take_out(tx, team, members.present_among(tx, team, some))
            case _:
                self._take_out(tx, team, members.present(tx, team).without(some))

    def _take_out(self, tx: Connection, team: str, leaving: MemberIds) -> None:
        members.remove_members(tx, groups.group_by_id(tx, "okta", team), leaving, NOW)

    def end(self) -> None:
        """Somebody is deleted, and the Group within the others."""
        with self._database.write() as tx:
            for team in self._teams:
                members.add_members(tx, "okta", team, [self._people[0], self._people[1], self._nested])
            members.remove_from_all_groups(tx, self._people[0], MemberKind.USER, NOW)
            groups.mark_deleted(tx, self._nested, NOW)


def test_sizes_of_groups_are_those_of_the_rows_after_anything_that_happened(database: Database) -> None:
    a_source(database, "okta")
    moving = Moving(database, 1)

    moving.run(60)
    moving.end()

    known, counted = sizes(database)
    assert known == counted
    assert sum(counted.values()) > 2


def test_sizes_of_groups_are_right_when_many_write_at_once(database: Database) -> None:
    a_source(database, "okta")
    moving = Moving(database, 1)

    race([partial(moving.run, 12) for _ in range(4)])

    known, counted = sizes(database)
    assert known == counted


def test_a_deleted_group_has_nobody(database: Database) -> None:
    a_source(database, "okta")
    with database.write() as tx:
        ada = identities.insert_user(tx, "okta", {"userName": "ada"}, NOW).identity.id
        team = groups.insert_group(tx, "okta", {"displayName": "Staff"}, NOW).id
        members.add_members(tx, "okta", team, [ada])
        groups.mark_deleted(tx, team, NOW)

    assert sizes(database) == ({team: 0}, {team: 0})
