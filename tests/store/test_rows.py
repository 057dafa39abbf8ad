"""What the tables keep and what they refuse, on both stores."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, RowMapping, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.ids import TaskId, new_id
from scimbridge.domain.plan import PlannedStage
from scimbridge.domain.resource import MemberKind
from scimbridge.domain.task import TRANSITIONS, Task, TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import (
    ConcurrentUpdateError,
    DuplicateError,
    NotFoundError,
    StoreUnavailableError,
    UnknownMemberError,
)
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.state import AccountState
from scimbridge.store import (
    accounts,
    attempts,
    cases,
    groups,
    identities,
    journal,
    members,
    naming,
    snapshots,
    stages,
    targets,
    tasks,
    tokens,
)
from scimbridge.store.accounts import Account
from scimbridge.store.clock import StoreClock
from scimbridge.store.database import Database
from scimbridge.store.schema import history, memberships, past_memberships
from scimbridge.store.schema import identities as identity_table
from scimbridge.store.schema import snapshots as snapshot_table
from tests.clock import FakeClock
from tests.store.racing import race

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
SOURCE = "okta"


def _original(tx: Connection, target: str, native_id: str) -> NativeState | None:
    found = snapshots.standing(tx, target, native_id)
    return found.original if found is not None else None


@pytest.fixture(autouse=True)
def source(database: Database) -> None:
    with database.write() as tx:
        tokens.ensure_source(tx, SOURCE, NOW)
        targets.ensure_targets(tx, ["crm"])


def a_user(database: Database, name: str = "ada", now: datetime = NOW, **document: Any) -> str:
    with database.write() as tx:
        user = identities.insert_user(tx, SOURCE, {"userName": name, "active": True, **document}, now)
        return user.identity.id


def an_account(database: Database, user_id: str, native_id: str | None = None) -> Account:
    from scimbridge.sdk.state import AccountRef

    with database.write() as tx:
        account = accounts.ensure_accounts(tx, user_id, ["crm"], NOW, link_due_at=None)["crm"]
        if native_id is not None:
            accounts.link(tx, account.id, AccountRef(native_id, native_id), NOW)
        return accounts.account_by_id(tx, account.id)


def a_case(database: Database, user_id: str, kind: CaseKind = CaseKind.LEAVE) -> Case:
    with database.write() as tx:
        return cases.insert_case(
            tx,
            identity_id=user_id,
            source=SOURCE,
            kind=kind,
            rule="leavers",
            trigger=Trigger.DEACTIVATED,
            trigger_at=NOW,
            now=NOW,
        )


def a_task(database: Database, case: Case, account: Account, state: TaskState = TaskState.PLANNED) -> Task:
    stage = PlannedStage(number=0, after=timedelta(), due_at=NOW, tasks=())
    with database.write() as tx:
        task = Task(
            id=TaskId(new_id(NOW)),
            case_id=case.id,
            stage_id=stages.insert_stage(tx, case.id, stage, NOW),
            identity_id=case.identity_id,
            account_id=account.id,
            target="crm",
            action=Action.SUSPEND,
            state=state,
            due_at=NOW,
            position=1,
        )
        tasks.insert_tasks(tx, [task])
        return task


def a_state(native_id: str = "n1", *, suspended: bool = False) -> AccountState:
    return AccountState(id=native_id, name="ada", suspended=suspended, attributes={"mail": ("ada@example.com",)})


# -- one of a kind


def test_an_identity_has_one_open_case(database: Database) -> None:
    user_id = a_user(database)
    case = a_case(database, user_id)

    with pytest.raises(IntegrityError):
        a_case(database, user_id, CaseKind.RESTORE)

    with database.write() as tx:
        cases.close_case(tx, case, CaseState.COMPLETED, "done", NOW)
    assert a_case(database, user_id).id != case.id


def test_a_case_is_closed_once(database: Database) -> None:
    case = a_case(database, a_user(database))
    with database.write() as tx:
        cases.close_case(tx, case, CaseState.CANCELED, "returned", NOW)

    with pytest.raises(ConcurrentUpdateError), database.write() as tx:
        cases.close_case(tx, case, CaseState.COMPLETED, "done", NOW)

    with database.read() as tx:
        assert cases.case_by_id(tx, case.id).reason == "returned"


def test_what_can_be_canceled_of_a_case_is_canceled_and_nothing_else(database: Database) -> None:
    user_id = a_user(database)
    account = an_account(database, user_id)
    case = a_case(database, user_id)
    before = {state: a_task(database, case, account, state) for state in TaskState}
    other = a_task(database, a_case(database, a_user(database, "bob")), account)

    with database.write() as tx:
        tasks.cancel_all(tx, case.id, "active again", NOW)
        after = {task.id: task for task in (*tasks.tasks_of_case(tx, case.id), tasks.task_by_id(tx, other.id))}

    cancelable = TRANSITIONS["cancel"][0]
    assert after == {
        **{task.id: task.cancel("active again") if state in cancelable else task for state, task in before.items()},
        other.id: other,
    }


@pytest.mark.parametrize("state", [CaseState.COMPLETED, CaseState.CANCELED])
def test_only_a_completed_case_is_reopened_and_not_beside_another_one(database: Database, state: CaseState) -> None:
    user_id = a_user(database)
    case = a_case(database, user_id)
    with database.write() as tx:
        cases.close_case(tx, case, state, "ended", NOW)
        closed = cases.case_by_id(tx, case.id)
        assert cases.reopen_case(tx, closed) is (state is CaseState.COMPLETED)
        if state is CaseState.CANCELED:
            return
        reopened = cases.case_by_id(tx, case.id)
        assert (reopened.state, reopened.closed_at, reopened.reason) == (CaseState.OPEN, None, "")
        assert cases.reopen_case(tx, reopened)
        cases.close_case(tx, reopened, state, "ended", NOW)

    a_case(database, user_id)

    with database.write() as tx:
        assert not cases.reopen_case(tx, cases.case_by_id(tx, case.id))


def test_one_native_account_has_one_live_attempt_whoever_owns_it(database: Database) -> None:
    one = an_account(database, a_user(database, "ada"), "n1")
    other = an_account(database, a_user(database, "bob"), "n1")
    with database.write() as tx:
        first = attempts.begin(tx, one, task_id=None, worker="a", now=NOW, lease_until=NOW)
        second = attempts.begin(tx, other, task_id=None, worker="b", now=NOW, lease_until=NOW)
        assert first is not None
        assert second is None

        attempts.end(tx, first.id, outcome="done", reason="", now=NOW)
        assert attempts.begin(tx, other, task_id=None, worker="b", now=NOW, lease_until=NOW) is not None


def test_an_unlinked_account_takes_the_native_ones_place_once_it_is_known(database: Database) -> None:
    linked = an_account(database, a_user(database, "ada"), "n1")
    unlinked = an_account(database, a_user(database, "bob"))
    with database.write() as tx:
        attempts.begin(tx, linked, task_id=None, worker="a", now=NOW, lease_until=NOW)
        attempt = attempts.begin(tx, unlinked, task_id=None, worker="b", now=NOW, lease_until=NOW)
        assert attempt is not None

        assert not attempts.take_key(tx, attempt, "n1")
        assert attempts.take_key(tx, attempt, "n2")


def test_the_first_snapshot_stands_until_it_is_released(database: Database) -> None:
    with database.write() as tx:
        snapshots.take(tx, "crm", a_state(suspended=False), NOW)
    with pytest.raises(IntegrityError), database.write() as tx:
        snapshots.take(tx, "crm", a_state(suspended=True), NOW)

    with database.write() as tx:
        standing = _original(tx, "crm", "n1")
        assert standing == a_state(suspended=False)
        snapshots.release(tx, "crm", "n1", NOW)
        assert _original(tx, "crm", "n1") is None
        snapshots.take(tx, "crm", a_state(suspended=True), NOW)
        assert _original(tx, "crm", "n1") == a_state(suspended=True)


def test_the_snapshot_that_was_released_last_can_stand_again(database: Database) -> None:
    with database.write() as tx:
        for number, suspended in enumerate((True, False)):
            snapshots.take(tx, "crm", a_state(suspended=suspended), NOW)
            snapshots.release(tx, "crm", "n1", NOW + timedelta(hours=number))

        snapshots.reinstate(tx, "crm", "n1")
        snapshots.reinstate(tx, "crm", "n1")

        assert _original(tx, "crm", "n1") == a_state(suspended=False)
        standing = tx.execute(select(snapshot_table.c.id).where(snapshot_table.c.released_at.is_(None))).all()
        assert len(standing) == 1


def test_snapshots_of_other_targets_and_accounts_are_their_own(database: Database) -> None:
    with database.write() as tx:
        snapshots.take(tx, "crm", a_state("n1"), NOW)
        snapshots.take(tx, "crm", a_state("n2"), NOW)
        snapshots.take(tx, "dir", a_state("n1"), NOW)
        snapshots.release(tx, "crm", "n1", NOW)

        standing = [_original(tx, *key) for key in (("crm", "n1"), ("crm", "n2"), ("dir", "n1"))]

    assert standing == [None, a_state("n2"), a_state("n1")]


def test_an_identity_has_one_account_row_for_each_target(database: Database) -> None:
    user_id = a_user(database)
    with database.write() as tx:
        first = accounts.ensure_accounts(tx, user_id, ["crm", "dir"], NOW, link_due_at=NOW)
        again = accounts.ensure_accounts(tx, user_id, ["crm", "log"], NOW, link_due_at=NOW)

    assert set(again) == {"crm", "dir", "log"}
    assert again["crm"] == first["crm"]


# -- guarded updates


def test_a_task_that_somebody_else_has_moved_is_not_saved(database: Database) -> None:
    user_id = a_user(database)
    task = a_task(database, a_case(database, user_id), an_account(database, user_id))
    with database.write() as tx:
        tasks.save(tx, task, task.release())

    with pytest.raises(ConcurrentUpdateError), database.write() as tx:
        tasks.save(tx, task, task.cancel("too late"))

    with database.read() as tx:
        assert tasks.task_by_id(tx, task.id).state is TaskState.READY


def test_two_who_release_the_same_task_at_once_do_it_once(database: Database) -> None:
    user_id = a_user(database)
    task = a_task(database, a_case(database, user_id), an_account(database, user_id))

    def release() -> None:
        with database.write() as tx:
            tasks.save(tx, task, task.release())

    results = race([release] * 4)

    assert sorted(type(result) is ConcurrentUpdateError for result in results) == [False, True, True, True]


def test_a_released_task_keeps_its_date(database: Database) -> None:
    user_id = a_user(database)
    task = a_task(database, a_case(database, user_id), an_account(database, user_id))
    with database.write() as tx:
        tasks.move_due_date(tx, task.id, NOW + timedelta(days=1))
        moved = tasks.task_by_id(tx, task.id)
        tasks.save(tx, moved, moved.release())
        tasks.move_due_date(tx, task.id, NOW + timedelta(days=2))

        assert tasks.task_by_id(tx, task.id).due_at == NOW + timedelta(days=1)


def test_a_task_comes_back_as_it_was_saved(database: Database) -> None:
    user_id = a_user(database)
    task = a_task(database, a_case(database, user_id), an_account(database, user_id), TaskState.READY)
    waiting = task.start(NOW).back_off(NOW + timedelta(seconds=5), "503")
    with database.write() as tx:
        tasks.save(tx, task, task.start(NOW))
        tasks.save(tx, task.start(NOW), waiting)

        assert tasks.task_by_id(tx, task.id) == waiting


def test_an_attempt_is_ended_only_after_its_lease(database: Database) -> None:
    account = an_account(database, a_user(database))
    with database.write() as tx:
        attempt = attempts.begin(
            tx, account, task_id=None, worker="a", now=NOW, lease_until=NOW + timedelta(seconds=30)
        )
        assert attempt is not None

        assert attempts.lapsed(tx, NOW + timedelta(seconds=29), 10) == []
        assert not attempts.end_lapsed(tx, attempt.id, NOW + timedelta(seconds=29))
        assert attempts.renew(tx, [attempt.id], NOW + timedelta(seconds=60)) == {attempt.id}
        assert not attempts.end_lapsed(tx, attempt.id, NOW + timedelta(seconds=30))
        assert attempts.end_lapsed(tx, attempt.id, NOW + timedelta(seconds=60))
        assert not attempts.end_lapsed(tx, attempt.id, NOW + timedelta(seconds=60))
        assert attempts.renew(tx, [attempt.id], NOW + timedelta(seconds=90)) == set()
        assert attempts.renew(tx, [], NOW) == set()


# -- time


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=5, minutes=30))])
def test_times_come_back_in_utc_to_the_microsecond(database: Database, zone: timezone) -> None:
    user_id = a_user(database, now=NOW.astimezone(zone))

    with database.read() as tx:
        stored = identities.user_by_id(tx, SOURCE, user_id).created_at

    assert stored == NOW
    assert stored.tzinfo is UTC
    assert stored.microsecond == 123456


def test_times_are_compared_as_times_whatever_their_zone(database: Database) -> None:
    a_user(database, now=NOW)
    later_elsewhere = (NOW + timedelta(seconds=1)).astimezone(timezone(-timedelta(hours=8)))

    with database.read() as tx:
        found = tx.execute(select(identity_table.c.id).where(identity_table.c.created_at < later_elsewhere)).all()

    assert len(found) == 1


def test_the_store_tells_the_time_and_whose_clock_is_off(database: Database, clock: FakeClock) -> None:
    near = StoreClock(database)
    off = StoreClock(database, lambda: datetime.now(UTC) - timedelta(seconds=20))

    assert near.measure()
    assert not off.measure()
    assert abs(off.offset - timedelta(seconds=20)) < timedelta(seconds=5)
    assert abs(off() - near()) < timedelta(seconds=5)


def test_a_clock_that_is_moved_on_a_machine_beside_the_database_moves_nothing(database: Database) -> None:
    moved = [timedelta()]
    clock = StoreClock(database, lambda: datetime.now(UTC) + moved[0])
    clock.measure()

    for span in (timedelta(days=365), -timedelta(days=365)):
        moved[0] = span

        # SQLite lives by the clock of the machine that it is on.
        assert abs(clock() - database.clock() - (span if database.is_sqlite else timedelta())) < timedelta(seconds=30)


def test_a_process_that_stops_within_a_transaction_does_not_keep_others_waiting_for_good(database: Database) -> None:
    """A machine without power ends no connection: the server has to notice that nobody is there."""
    if database.is_sqlite:
        return  # its locks are the operating system's, and end with the process
    with database.read() as tx:
        idle = tx.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
        driver = tx.connection.driver_connection
    assert driver is not None

    assert idle == "5min"
    of_client = driver.info.get_parameters()
    assert (of_client["keepalives_idle"], of_client["tcp_user_timeout"]) == ("15", "30000")


# -- the history


def digest(entry: RowMapping, inner: str) -> str:
    fields = ("at", "event", "actor", "reason", "identity_id", "case_id", "task_id", "target", "details")
    return hashlib.sha256(canonical({**{field: entry[field] for field in fields}, "personal": inner})).hexdigest()


def canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=rfc3339).encode()


def rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def the_entry(database: Database) -> RowMapping:
    with database.read() as tx:
        (entry,) = journal.entries_after(tx, 0)
        return entry


def test_an_entry_carries_a_digest_over_everything_it_says(database: Database) -> None:
    with database.write() as tx:
        journal.record(
            tx, "case opened", NOW, reason="left", actor="okta", case_id="c", details={"b": [1, None], "a": "ü"}
        )

    entry = the_entry(database)

    assert entry["digest"] == digest(entry, "")
    assert entry["digest"] != digest({**entry, "reason": "changed"}, "")  # type: ignore[arg-type]  # as a row


def test_personal_values_can_be_erased_and_the_digest_still_holds(database: Database) -> None:
    with database.write() as tx:
        journal.record(tx, "case opened", NOW, reason="left", personal={"user_name": "ada@example.com"})
    before = the_entry(database)
    inner = hashlib.sha256(canonical(before["personal"])).hexdigest()

    with database.write() as tx:
        tx.execute(update(history).values(personal=None))

    erased = the_entry(database)
    assert erased["personal"] is None
    assert erased["digest"] == digest(erased, inner) == digest(before, inner)
    assert erased["digest"] != digest(erased, "")


def test_the_digest_of_an_erased_name_cannot_be_guessed(database: Database) -> None:
    with database.write() as tx:
        for _ in range(2):
            journal.record(tx, "case opened", NOW, reason="left", personal={"user_name": "ada"})

    with database.read() as tx:
        one, other = journal.entries_after(tx, 0)

    assert one["digest"] != other["digest"]
    assert one["personal"]["nonce"] != other["personal"]["nonce"]


def test_the_history_is_read_in_pages(database: Database) -> None:
    with database.write() as tx:
        for number in range(5):
            journal.record(tx, f"event {number}", NOW, reason="")

    with database.read() as tx:
        first = journal.entries_after(tx, 0, limit=2)
        rest = journal.entries_after(tx, first[-1]["id"])

    assert [row["event"] for row in (*first, *rest)] == [f"event {number}" for number in range(5)]


# -- names


def test_a_name_is_taken_in_any_spelling_of_its_letters(database: Database) -> None:
    a_user(database, "Zoë@example.com")

    for spelling in ("zoë@EXAMPLE.com", "zoe\u0308@example.com"):
        with pytest.raises(DuplicateError):
            a_user(database, spelling)


def test_the_name_of_a_deleted_user_can_be_given_again(database: Database) -> None:
    first = a_user(database)
    with database.write() as tx:
        identities.mark_deleted(tx, first, NOW)

    second = a_user(database)

    assert second != first
    with database.read() as tx:
        with pytest.raises(NotFoundError):
            identities.user_by_id(tx, SOURCE, first)
        assert identities.identity_by_id(tx, first, NOW).is_gone


def test_the_name_of_a_deleted_group_can_be_given_again(database: Database) -> None:
    with database.write() as tx:
        first = groups.insert_group(tx, SOURCE, {"displayName": "Staff"}, NOW)
        groups.mark_deleted(tx, first.id, NOW)

        assert groups.insert_group(tx, SOURCE, {"displayName": "STAFF"}, NOW).id != first.id

    with pytest.raises(DuplicateError), database.write() as tx:
        groups.insert_group(tx, SOURCE, {"displayName": "staff"}, NOW)


def test_a_user_cannot_be_renamed_to_a_taken_name(database: Database) -> None:
    a_user(database, "ada")
    bob = a_user(database, "bob")

    with database.read() as tx:
        before = identities.user_by_id(tx, SOURCE, bob)
    with pytest.raises(DuplicateError), database.write() as tx:
        identities.update_user(tx, before, {"userName": "ADA", "active": True}, NOW)


def test_ten_inserts_of_one_name_at_once_make_one_user(database: Database) -> None:
    results = race([lambda: a_user(database)] * 10)

    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, DuplicateError) for result in results) == 9


def test_ten_inserts_of_one_group_at_once_make_one_group(database: Database) -> None:
    def create() -> str:
        with database.write() as tx:
            return groups.insert_group(tx, SOURCE, {"displayName": "Staff"}, NOW).id

    results = race([create] * 10)

    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, DuplicateError) for result in results) == 9


def test_a_transaction_that_fails_leaves_no_trace(database: Database) -> None:
    def fail() -> None:
        with database.write() as tx:
            identities.insert_user(tx, SOURCE, {"userName": "ada"}, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with database.read() as tx:
        assert tx.execute(select(identity_table.c.id)).all() == []


# -- members


def a_group(database: Database, name: str = "Staff") -> str:
    with database.write() as tx:
        return groups.insert_group(tx, SOURCE, {"displayName": name}, NOW).id


def many_users(database: Database, count: int) -> list[str]:
    ids = [f"00000000-0000-7000-8000-{number:012d}" for number in range(count)]
    row = {"source": SOURCE, "active": True, "document": {}, "version": 1, "created_at": NOW, "modified_at": NOW}
    with database.write() as tx:
        tx.execute(
            insert(identity_table),
            [{**row, "id": user_id, "user_name": user_id, "user_name_key": user_id} for user_id in ids],
        )
    return ids


def take_out(tx: Connection, group_id: str, ids: list[str], now: datetime) -> None:
    """Take out those of some ids who are in a group."""
    leaving = members.present_among(tx, group_id, ids)
    members.remove_members(tx, groups.group_by_id(tx, SOURCE, group_id), leaving, now)


def test_more_members_than_one_statement_takes_come_in_and_leave(database: Database) -> None:
    group_id, ids = a_group(database), many_users(database, 1200)
    with database.write() as tx:
        for come in (ids[:700], ids, ids):
            members.add_members(tx, SOURCE, group_id, come)
        assert members.present(tx, group_id).all == set(ids)

        take_out(tx, group_id, ids[1:], NOW)
        assert members.present(tx, group_id).all == {ids[0]}


@pytest.mark.parametrize("position", [0, 650, 1199])
def test_one_unknown_member_among_many_is_refused_by_its_id(database: Database, position: int) -> None:
    group_id, ids = a_group(database), many_users(database, 1200)
    ids[position] = "unknown"

    with pytest.raises(UnknownMemberError) as refusal, database.write() as tx:
        members.add_members(tx, SOURCE, group_id, ids)

    assert refusal.value.member_id == "unknown"
    with database.read() as tx:
        assert members.present(tx, group_id).all == set()


def test_the_users_of_another_source_and_deleted_ones_cannot_be_members(database: Database) -> None:
    group_id, gone = a_group(database), a_user(database, "gone")
    with database.write() as tx:
        tokens.ensure_source(tx, "entra", NOW)
        stranger = identities.insert_user(tx, "entra", {"userName": "eve"}, NOW).identity.id
        identities.mark_deleted(tx, gone, NOW)

    for member_id in (stranger, gone):
        with pytest.raises(UnknownMemberError), database.write() as tx:
            members.add_members(tx, SOURCE, group_id, [member_id])


def test_groups_may_be_members_and_are_named(database: Database) -> None:
    inner, outer, ada = a_group(database, "Inner"), a_group(database, "Outer"), a_user(database)
    with database.write() as tx:
        members.add_members(tx, SOURCE, outer, [inner, ada])

        (found,) = groups.read_members(tx, [groups.group_by_id(tx, SOURCE, outer)])

    assert {(member.kind, member.display) for member in found.members or ()} == {
        (MemberKind.GROUP, "Inner"),
        (MemberKind.USER, "ada"),
    }


def seen_by_rules(database: Database, user_id: str, after: timedelta) -> set[str]:
    with database.read() as tx:
        return set(identities.identity_by_id(tx, user_id, NOW + after).groups)


def test_rules_see_an_ended_membership_for_a_day_to_the_microsecond(database: Database) -> None:
    staff, crew, ada = a_group(database, "Staff"), a_group(database, "Crew"), a_user(database)
    with database.write() as tx:
        members.add_members(tx, SOURCE, staff, [ada])
        members.add_members(tx, SOURCE, crew, [ada])
        take_out(tx, staff, [ada], NOW)

    day, instant = timedelta(days=1), timedelta(microseconds=1)
    assert seen_by_rules(database, ada, day - instant) == {"Staff", "Crew"}
    assert seen_by_rules(database, ada, day) == {"Crew"}
    with database.read() as tx:
        assert [group.display for group in identities.user_by_id(tx, SOURCE, ada).groups] == ["Crew"]


def test_a_membership_that_ended_twice_counts_from_the_last_time(database: Database) -> None:
    staff, ada = a_group(database), a_user(database)
    with database.write() as tx:
        for hours in (0, 10):
            members.add_members(tx, SOURCE, staff, [ada])
            take_out(tx, staff, [ada], NOW + timedelta(hours=hours))

    assert seen_by_rules(database, ada, timedelta(hours=30)) == {"Staff"}


def test_the_groups_of_a_deleted_user_and_of_a_deleted_group_are_remembered(database: Database) -> None:
    staff, crew, ada, bob = (
        a_group(database, "Staff"),
        a_group(database, "Crew"),
        a_user(database),
        a_user(database, "b"),
    )
    with database.write() as tx:
        members.add_members(tx, SOURCE, staff, [ada])
        members.add_members(tx, SOURCE, crew, [bob])
        members.remove_from_all_groups(tx, ada, MemberKind.USER, NOW)
        groups.mark_deleted(tx, crew, NOW)
        changed = groups.group_by_id(tx, SOURCE, staff)

    assert seen_by_rules(database, ada, timedelta(hours=1)) == {"Staff"}
    assert seen_by_rules(database, bob, timedelta(hours=1)) == {"Crew"}
    assert changed.version == 2
    with database.read() as tx:
        assert tx.execute(select(memberships)).all() == []


def test_memberships_that_rules_no_longer_see_are_forgotten(database: Database) -> None:
    staff, ada = a_group(database), a_user(database)
    with database.write() as tx:
        members.add_members(tx, SOURCE, staff, [ada])
        take_out(tx, staff, [ada], NOW)
        members.forget_past(tx, NOW + timedelta(days=1) - timedelta(microseconds=1))
        assert len(tx.execute(select(past_memberships)).all()) == 1

        members.forget_past(tx, NOW + timedelta(days=1))
        assert tx.execute(select(past_memberships)).all() == []


def test_what_the_release_before_has_written_is_seen_until_a_day_is_over(database: Database) -> None:
    staff, ada = a_group(database), a_user(database)
    with database.write() as tx:
        members.add_members(tx, SOURCE, staff, [ada])
        take_out(tx, staff, [ada], NOW)
        tx.execute(update(past_memberships).values(seen_until=None))
    assert seen_by_rules(database, ada, timedelta(hours=1)) == {"Staff"}

    with database.write() as tx:
        members.forget_past(tx, NOW + timedelta(days=1) - timedelta(microseconds=1))
        assert len(tx.execute(select(past_memberships)).all()) == 1
        members.forget_past(tx, NOW + timedelta(days=1))
        assert tx.execute(select(past_memberships)).all() == []


# -- matching


def test_people_are_found_by_what_targets_know_of_them(database: Database) -> None:
    document: dict[str, Any] = {identities.ENTERPRISE: {"employeeNumber": "701"}}
    ada = a_user(
        database,
        "Ada@example.com",
        externalId="00u1",
        emails=[{"value": "ADA@work.example"}, {"value": "ada@home.example"}],
        **document,
    )

    def owners(attribute: str, value: str, but_not: str = "") -> list[str]:
        with database.read() as tx:
            return [found.id for found in naming.active_owners(tx, attribute, [value], but_not=but_not)]

    assert owners("userName", "ADA@EXAMPLE.COM") == [ada]
    assert owners("externalId", "00u1") == [ada]
    assert owners("externalId", "00U1") == []
    assert owners("emails.value", "ada@WORK.example") == [ada]
    assert owners("employeeNumber", "701") == [ada]
    assert owners("employeeNumber", "7") == []
    assert owners("userName", "ada@example.com", but_not=ada) == []


def test_values_that_were_taken_away_match_nobody(database: Database) -> None:
    ada = a_user(database, emails=[{"value": "old@example.com"}])
    with database.write() as tx:
        before = identities.user_by_id(tx, SOURCE, ada)
        identities.update_user(tx, before, {"userName": "ada", "emails": [{"value": "new@example.com"}]}, NOW)

        assert naming.active_owners(tx, "emails.value", ["old@example.com"], but_not="") == []
        assert len(naming.active_owners(tx, "emails.value", ["new@example.com"], but_not="")) == 1


@pytest.mark.parametrize("how", ["inactive", "deleted"])
def test_somebody_who_is_gone_owns_nothing(database: Database, how: str) -> None:
    ada = a_user(database, active=how != "inactive")
    if how == "deleted":
        with database.write() as tx:
            identities.mark_deleted(tx, ada, NOW)

    with database.read() as tx:
        assert naming.active_owners(tx, "userName", ["ada"], but_not="") == []


# -- the database itself


def test_a_reader_cannot_write_on_sqlite(database: Database) -> None:
    if not database.is_sqlite:
        return
    with pytest.raises(StoreUnavailableError), database.read() as tx:
        tx.execute(text("DELETE FROM sources"))


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    seen = []

    def look() -> None:
        with database.read() as reading:
            seen.append(reading.execute(select(identity_table.c.id)).all())

    with database.write() as writing:
        identities.insert_user(writing, SOURCE, {"userName": "ada"}, NOW)
        reader = threading.Thread(target=look)
        reader.start()
        reader.join()

    assert seen == [[]]


def test_who_writes_reads_what_was_written(database: Database) -> None:
    with database.write() as writing:
        identities.insert_user(writing, SOURCE, {"userName": "ada"}, NOW)
        with database.read() as reading:
            assert len(reading.execute(select(identity_table.c.id)).all()) == 1


def test_an_inner_transaction_undoes_itself_only(database: Database) -> None:
    with database.write() as tx:
        identities.insert_user(tx, SOURCE, {"userName": "ada"}, NOW)
        with suppress(DuplicateError), database.write() as inner:
            identities.insert_user(inner, SOURCE, {"userName": "bob"}, NOW)
            identities.insert_user(inner, SOURCE, {"userName": "ADA"}, NOW)
        with database.write() as inner:
            identities.insert_user(inner, SOURCE, {"userName": "eve"}, NOW)

    with database.read() as tx:
        assert set(tx.execute(select(identity_table.c.user_name)).scalars()) == {"ada", "eve"}


def test_an_outer_transaction_undoes_the_inner_ones(database: Database) -> None:
    with suppress(RuntimeError), database.write() as tx:
        with database.write() as inner:
            identities.insert_user(inner, SOURCE, {"userName": "ada"}, NOW)
        raise RuntimeError(tx)

    with database.read() as tx:
        assert tx.execute(select(identity_table.c.id)).all() == []


def test_what_waits_for_a_commit_is_called_after_it_and_not_for_what_was_undone(database: Database) -> None:
    called = []
    with database.write() as tx:
        database.on_commit(lambda: called.append("outer"))
        with suppress(RuntimeError), database.write():
            database.on_commit(lambda: called.append("undone"))
            raise RuntimeError(tx)
        with database.write():
            database.on_commit(lambda: called.append("inner"))
        assert called == []
    database.on_commit(lambda: called.append("at once"))

    assert called == ["outer", "inner", "at once"]


def test_what_follows_a_transaction_that_sqlite_undid_by_itself_is_not_stored_alone(database: Database) -> None:
    if not database.is_sqlite:
        return
    after: list[Exception] = []

    with suppress(StoreUnavailableError), database.write() as tx:
        with database.write() as inner:
            identities.insert_user(inner, SOURCE, {"userName": "ada"}, NOW)
        tx.exec_driver_sql("ROLLBACK")  # as SQLite does where the disk is full, and nobody told
        try:
            with database.write() as inner:
                identities.insert_user(inner, SOURCE, {"userName": "bob"}, NOW)
        except StoreUnavailableError as error:
            after.append(error)

    assert len(after) == 1
    with database.read() as tx:
        assert tx.execute(select(identity_table.c.user_name)).scalars().all() == []


def test_nothing_is_called_for_a_transaction_that_was_undone(database: Database) -> None:
    called = []
    with suppress(RuntimeError), database.write() as tx:
        database.on_commit(lambda: called.append("undone"))
        raise RuntimeError(tx)

    assert called == []
