"""The questions that are asked every second cost by what is due, not by what there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import NoResultFound

from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.case import Case, CaseKind, CaseState
from scimbridge.domain.guard import GuardScope, Limit
from scimbridge.domain.ids import AccountId, CaseId, IdentityId, TaskId
from scimbridge.domain.intent import CaseAction, Intent
from scimbridge.domain.resource import MemberIds, StoredGroup
from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.domain.task import Task, TaskState
from scimbridge.store import (
    accounts,
    agenda,
    aging,
    approvals,
    assignments,
    attempts,
    board,
    carried_out,
    case_search,
    endings,
    erasure,
    facts,
    floods,
    guard,
    holds,
    identities,
    journal,
    leaver_reading,
    members,
    notices,
    obstacles,
    owners,
    prepared,
    sources,
    stages,
    surroundings,
    target_work,
)
from scimbridge.store.database import Database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Explained:
    """Notes how the database would answer each query of a connection.

    Args:
        tx: The connection.
        monkeypatch: For statements that do not go through SQLAlchemy.
    """

    def __init__(self, tx: Connection, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self._tx = tx
        self.plan = ""
        self._explaining = False
        if tx.dialect.name == "postgresql":
            # Tables of a test are so small that reading all of them would be cheaper.
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
            tx.exec_driver_sql("SET LOCAL enable_sort = off")
        event.listen(tx, "before_cursor_execute", self._explain)
        if monkeypatch is not None:
            executed = prepared._executed

            def explained(tx: Connection, by: Any, statement: str, parameters: Any) -> Any:
                self._explain(tx, by, statement, parameters)
                return executed(tx, by, statement, parameters)

            monkeypatch.setattr(prepared, "_executed", explained)

    def _explain(self, tx: Connection, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if self._explaining:
            return
        self._explaining = True
        how = "EXPLAIN QUERY PLAN" if tx.dialect.name == "sqlite" else "EXPLAIN"
        rows = tx.exec_driver_sql(f"{how} {statement}", parameters).all()  # type: ignore[arg-type]  # as the driver got them
        self.plan += "\n".join(str(row[-1]) for row in rows) + "\n"
        self._explaining = False


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one knows how many rows a state has
def test_what_there_is_around_an_identity_is_found_by_its_id(database: Database) -> None:
    with database.read() as tx:
        asked = surroundings._AROUND[tx.dialect.name]._for(tx)  # it does not go through SQLAlchemy
        rows = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked.text}", asked.bound({"identity": "x"})).all()

    of_cases = [row[-1] for row in rows if "cases" in row[-1]]
    assert len(of_cases) == 3
    assert [plan for plan in of_cases if "(identity_id=?)" not in plan] == []
    assert [row[-1] for row in rows if "TEMP B-TREE" in row[-1]] == []
    assert [row[-1] for row in rows if "SCAN" in row[-1] and re.search("tasks|accounts|attempts", row[-1])] == []


def test_look_ups_that_are_due_are_found_by_their_date(database: Database) -> None:
    with database.read() as tx:
        asked = accounts._LINKS_DUE._for(tx)  # it does not go through SQLAlchemy
        how = "EXPLAIN QUERY PLAN" if tx.dialect.name == "sqlite" else "EXPLAIN"
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        bound = asked.bound({"at": "crm", "now": NOW, "most": 50})
        rows = [row[-1] for row in tx.exec_driver_sql(f"{how} {asked.text}", bound)]

    assert any("ix_accounts_link_due_at" in row for row in rows)
    of_targets = next(n for n, row in enumerate(rows) if "targets" in row)
    # Whether the target is paused is asked once; of each account, PostgreSQL would expect next to none to be left.
    assert "InitPlan" in rows[of_targets - 1] or "SCALAR SUBQUERY" in rows[of_targets - 1]


def test_the_sweepers_question_uses_the_index_of_planned_tasks(database: Database) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        agenda.due(tx, NOW, 500)

    assert "ix_tasks_planned" in explained.plan


def test_the_couriers_question_uses_the_index_of_runnable_tasks(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        agenda.runnable_accounts(tx, "crm", NOW, 1000)

    assert "ix_tasks_runnable" in explained.plan


def test_the_claims_question_uses_the_index_of_an_accounts_tasks(database: Database) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        agenda.next_runnable(tx, "account", NOW)

    assert "ix_tasks_account_id" in explained.plan


def test_what_has_begun_on_an_account_is_found_by_the_account(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as tx:
        explained = Explained(tx, monkeypatch)
        carried_out.last_done_on(tx, "account", about=Action.SUSPEND)
        erasure.awaiting(tx, "identity")
        owners.linked(tx, "crm", ["native"], NOW)
        accounts.links_due(tx, "crm", NOW, 50)
        surroundings.around(tx, "identity", NOW)

    # The last done; what is given back; what was taken, given back and is changing; a look-up that waits; what runs.
    assert explained.plan.count("ix_tasks_account_id") == 7, explained.plan
    assert not re.search(r"SCAN (tasks|before|cases)|Seq Scan on (tasks|cases)", explained.plan), explained.plan


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        (aging.REQUESTS, "requests"),
        (aging.ATTEMPTS, "ix_attempts_kept"),
        (aging.SNAPSHOTS, "ix_snapshots_released_at"),
    ],
)
def test_what_is_old_is_found_by_its_age(database: Database, kind: aging.Kind, index: str) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        kind.find(tx, NOW, (NOW, 1 if kind is aging.REQUESTS else "x"), 500)

    assert index in explained.plan
    assert "SCAN" not in explained.plan
    assert "Seq Scan" not in explained.plan
    assert "SORT" not in explained.plan.upper().replace("SORT KEY", ""), explained.plan


def test_whom_a_source_deleted_is_found_by_the_date(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        aging.deleted_people(tx, NOW, (NOW, "x"), 20)

    assert "ix_identities_deleted_at" in explained.plan


def test_who_is_spared_is_found_by_ids(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        aging.people_spared(tx, {"x", "y"}, {("source", "okta")})

    assert "SCAN cases" not in explained.plan
    assert "SCAN holds" not in explained.plan
    assert "SCAN identities" not in explained.plan
    assert "Seq Scan" not in explained.plan


def test_lapsed_leases_are_found_among_live_attempts(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        attempts.lapsed(tx, NOW, 500)

    assert "ix_attempts_lease_until" in explained.plan


def test_what_has_ended_is_found_among_those_with_an_end(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        endings.due(tx, NOW, 100)

    assert "ix_identities_end_due_at" in explained.plan


def test_members_that_are_named_are_found_without_reading_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = StoredGroup(
        id="group", source="idp", document={"displayName": "Staff"}, version=1, created_at=NOW, modified_at=NOW
    )
    with database.write() as tx:
        explained = Explained(tx, monkeypatch)
        members.present_among(tx, group.id, ["ada"])
        members.remove_members(tx, group, MemberIds(users=frozenset(["ada"])), NOW)
        members.has_members(tx, group.id)

    # By both columns of the key, never by the group alone.
    by_key = re.findall(r"group_id\b.* AND .*member_id", explained.plan)
    assert len(by_key) >= 2, explained.plan
    assert not re.search(r"SCAN memberships|Seq Scan on memberships", explained.plan), explained.plan


def test_the_groups_above_somebody_are_found_by_their_memberships(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read() as tx:
        explained = Explained(tx, monkeypatch)
        assignments.groups_above(tx, ["ada"], ["crm users"])

    assert "ix_memberships_member_id" in explained.plan
    assert not re.search(r"SCAN memberships|Seq Scan on memberships", explained.plan)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # the other one knows how many holds a flood has
def test_whether_a_flood_holds_a_case_is_asked_of_the_cases_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read() as tx:
        explained = Explained(tx, monkeypatch)
        floods.is_held(tx, "flood", "case")

    assert "ix_holds_standing (scope=? AND subject=?)" in explained.plan


def test_the_plan_of_a_question_without_an_index_is_told_apart(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        tx.execute(text("SELECT * FROM tasks WHERE reason = 'x'")).all()

    assert "ix_tasks" not in explained.plan


def test_whom_a_new_user_could_be_is_found_by_name_and_by_id(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        asked = {"asking": "idp", "name": "ada@example.com", "external": "1001"}
        tx.execute(identities.GONE_OF_NAME_OR_ID, asked)

    assert "(source=?)" not in explained.plan


def test_missed_deadlines_are_found_by_their_index(database: Database) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        agenda.late(tx, NOW, 500)

    assert "ix_tasks_late" in explained.plan


def test_holds_that_were_lifted_lately_are_found_by_when(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        holds.lifted_since(tx, NOW)

    assert "ix_holds_lifted_at" in explained.plan


def test_what_a_target_has_done_lately_is_found_by_when(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        journal.count_done(tx, "crm", NOW)

    assert "ix_history_done" in explained.plan


def test_what_of_a_source_was_refused_lately_is_found_by_when(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        sources.refused_since(tx, "idp", NOW)

    assert "ix_requests_refused" in explained.plan


def test_facts_are_found_by_ids_made_of_their_time(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        facts.count(tx, NOW)
        facts.since(tx, NOW, 10)
        facts.newest_since(tx, NOW, 10)

    assert not re.search(r"SCAN (facts|cases)|Seq Scan on (facts|cases)", explained.plan), explained.plan
    assert "TEMP B-TREE" not in explained.plan


def test_facts_that_led_to_nothing_are_found_by_when(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        facts.without_case(tx, NOW, 10)

    assert "ix_facts_without_case" in explained.plan


def test_notices_that_are_due_are_found_among_those_that_are_not_sent(database: Database) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        notices.claim(tx, NOW, NOW)

    assert "ix_notices_due_at" in explained.plan


def test_who_was_told_is_found_by_the_index_of_subjects(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        notices.sent_among(tx, "leaver", ["task.1", "task.2"])

    assert "uq_notices_subject" in explained.plan


def test_holds_are_found_one_by_one_however_many_a_flood_has_placed(database: Database) -> None:
    case = Case(
        id=CaseId("c"),
        identity_id=IdentityId("i"),
        source="idp",
        kind=CaseKind.LEAVE,
        rule="r",
        trigger=None,
        trigger_at=NOW,
        state=CaseState.OPEN,
        opened_at=NOW,
    )
    with database.read() as tx:
        explained = Explained(tx)
        agenda.due(tx, NOW, 10)
        agenda.runnable_accounts(tx, "crm", NOW, 10)
        holds.standing_on_any(tx, [case])

    assert "ix_holds_standing" in explained.plan
    assert not re.search(r"SCAN holds|Seq Scan on holds", explained.plan), explained.plan


def test_what_a_limit_counts_is_read_from_its_index_and_no_further_than_asked(database: Database) -> None:
    limit = Limit(
        scope=GuardScope.OVERALL, subject="", guard_class=GuardClass.ALL, window=timedelta(hours=1), count=3, percent=5
    )
    with database.write() as tx:
        explained = Explained(tx)
        guard.cases_counted(tx, limit, 0, NOW)
        floods.unsettled(tx)
        floods.next_unsettled(tx, "f", 10)

    for index in ("ix_guard_marks_at", "ix_floods_unsettled", "ix_flood_cases_unsettled"):
        assert index in explained.plan


def test_what_a_claim_asks_of_approvals_is_found_by_case_and_stage(database: Database) -> None:
    with database.write() as tx:
        explained = Explained(tx)
        tx.execute(text("SELECT 1"))
        approvals.begun(tx, "account", NOW)

    assert "ix_attempts_account_id" in explained.plan
    assert not re.search(r"SCAN tasks|Seq Scan on tasks", explained.plan)


def test_what_operators_ask_about_targets_has_indexes_of_its_own(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        target_work.asking(tx)
        target_work.failed(tx)
        target_work.asking_at(tx, ["crm"], 50, after="x")
        target_work.retrying(tx)
        target_work.next_retries(tx, ["crm"], 50)
        target_work.destroyed(tx)
        target_work.live(tx)
        target_work.done_since(tx, ["crm"], NOW)
        target_work.runnable(tx, ["crm", "mail"], NOW, 1000)
        target_work.oldest(tx, ["crm", "mail"], NOW)
        agenda.due_until(tx, "crm", NOW)

    plan = explained.plan
    assert [
        name for name in ("asking", "retrying", "destroyed", "runnable", "planned") if f"ix_tasks_{name}" not in plan
    ] == []
    assert "ix_history_done" in plan
    assert re.search(r"SCAN tasks(?! USING)", plan) is None
    assert "Seq Scan on tasks" not in plan


def test_a_stage_is_found_by_its_case(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.write() as tx:
        explained = Explained(tx, monkeypatch)
        task = Task(
            id=TaskId("task"),
            case_id=CaseId("case"),
            stage_id="stage",
            identity_id=IdentityId("identity"),
            account_id=AccountId("account"),
            target="crm",
            action=Action.SUSPEND,
            state=TaskState.PLANNED,
            due_at=NOW,
            position=1,
        )
        stages.tighten(tx, task, after=timedelta(0), approvers=1)
        stages.set_grace(tx, "case", "stage", timedelta(0), NOW)
        with pytest.raises(NoResultFound):
            stages.terms_of_task(tx, task)
        stages.terms_of_many(tx, {"case", "other"})
        stages.stage_rows(tx, "case")
        with pytest.raises(ValueError, match="unpack"):
            approvals.conditions(tx, "case", "stage")
        agenda.due(tx, NOW, 10)
        agenda.late(tx, NOW, 10)
        board.glance(tx, NOW, 10)
        leaver_reading.tasks_by_stage(tx, ["case"])
        list(case_search.work_of(tx, ["case"], NOW))
        case_search.unapproved_stages(tx, ["case"], NOW)
        expedite = obstacles.free(Intent(action=CaseAction.EXPEDITE), NOW)
        unapproved = CaseQuery(state=CaseState.OPEN, situation=Wanted.UNAPPROVED)
        case_search.find(tx, unapproved, NOW, limit=10, also=expedite)

    if database.is_sqlite:
        found, by_case = re.findall("^(?:SEARCH|SCAN) stages.*", explained.plan, re.MULTILINE), r"\(case_id=\?"
    else:
        found, by_case = re.findall(r"(?:Scan on stages|pk_stages).*\n.*", explained.plan), r"Cond: .*case_id"
    assert len(found) > 20
    assert [how for how in found if not re.search(by_case, how)] == []
