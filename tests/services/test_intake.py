"""What sources say: stored whole or not at all, with the request that said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import RowMapping, select
from structlog.testing import capture_logs

from scimbridge.domain.action import Action
from scimbridge.domain.case import CaseState
from scimbridge.domain.resource import MemberChange, MemberVerb, StoredUser
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.errors import DuplicateError, NotFoundError, PreconditionError, StoreBusyError, UnknownMemberError
from scimbridge.services.taking_over import MAY_BE_THEM
from scimbridge.store import holds, identities, journal, members
from scimbridge.store.database import Database
from scimbridge.store.schema import cases, metadata, requests
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, a_rule, a_stage

SUSPEND_THEN_DELETE = (a_stage("7d"), a_stage("30d", Action.DELETE))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock)


class ChangedMyMindError(Exception):
    """Raised inside a change."""


def raise_it(_document: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ChangedMyMindError


def everything(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with bench.database.read() as tx:
        return {
            table.name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def kept_requests(bench: Bench) -> list[RowMapping]:
    with bench.database.read() as tx:
        return list(tx.execute(select(requests).order_by(requests.c.number)).mappings())


def stored(bench: Bench, user_id: str) -> StoredUser:
    with bench.database.read() as tx:
        return identities.user_by_id(tx, SOURCE, user_id)


def put(bench: Bench, user_id: str, *, if_version: int | None = None, **changes: Any) -> StoredUser:
    return bench.intake.change_user(
        user_id, lambda document: {**document, **changes}, bench.received(), bench.clock(), if_version=if_version
    )


def test_a_change_that_raises_leaves_no_trace(bench: Bench) -> None:
    ada = bench.join("ada")
    before = everything(bench)

    with pytest.raises(ChangedMyMindError):
        bench.intake.change_user(ada, raise_it, bench.received(), bench.clock())

    assert everything(bench) == before


def test_a_group_change_that_raises_leaves_no_trace(bench: Bench) -> None:
    ada = bench.join("ada")
    group = bench.group_intake.create_group({"displayName": "Staff"}, [], bench.received("POST"), bench.clock())
    before = everything(bench)

    add = MemberChange.of(MemberVerb.ADD, [ada])
    with pytest.raises(ChangedMyMindError):
        bench.group_intake.change_group(group.id, raise_it, [add], bench.received(), bench.clock())

    assert everything(bench) == before


def test_a_request_that_cannot_be_committed_tells_the_queue_nothing(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.wakeups.clear()

    def fail(_document: Mapping[str, Any]) -> Mapping[str, Any]:
        raise StoreBusyError("locked")

    with pytest.raises(StoreBusyError):
        bench.intake.change_user(ada, fail, bench.received(), bench.clock())

    assert bench.wakeups == []


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_version_than_the_named_one_is_refused(bench: Bench, version: int) -> None:
    ada = bench.join("ada")
    before = everything(bench)

    with pytest.raises(PreconditionError):
        put(bench, ada, if_version=version, active=False)
    with pytest.raises(PreconditionError):
        bench.intake.delete_user(ada, bench.received("DELETE"), bench.clock(), if_version=version)

    assert everything(bench) == before


def test_the_named_version_is_changed(bench: Bench) -> None:
    ada = bench.join("ada")

    changed = put(bench, ada, if_version=1, displayName="Ada")

    assert (changed.version, changed.identity.document["displayName"]) == (2, "Ada")


def test_another_version_of_a_group_is_refused(bench: Bench) -> None:
    group = bench.group_intake.create_group({"displayName": "Staff"}, [], bench.received("POST"), bench.clock())

    with pytest.raises(PreconditionError):
        bench.group_intake.change_group(group.id, dict, [], bench.received(), bench.clock(), if_version=2)
    with pytest.raises(PreconditionError):
        bench.group_intake.delete_group(group.id, bench.received("DELETE"), bench.clock(), if_version=2)


def test_a_change_that_changes_nothing_keeps_version_and_time(bench: Bench) -> None:
    ada = bench.join("ada")
    before = stored(bench, ada)
    bench.clock.advance("1h")

    after = put(bench, ada, userName="ada")

    assert (after.version, after.modified_at) == (before.version, before.modified_at)
    assert stored(bench, ada) == before


def test_a_real_change_counts_a_version_and_moves_the_time(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.clock.advance("1h")

    after = put(bench, ada, displayName="Ada")

    assert (after.version, after.modified_at) == (2, bench.clock())
    assert stored(bench, ada) == after


def test_a_group_change_that_changes_nothing_keeps_version_and_time(bench: Bench) -> None:
    ada = bench.join("ada")
    group = bench.group_intake.create_group({"displayName": "Staff"}, [ada], bench.received("POST"), bench.clock())
    bench.clock.advance("1h")
    nothing_new = [MemberChange.of(MemberVerb.ADD, [ada]), MemberChange.of(MemberVerb.REMOVE, ["nobody"])]

    after = bench.group_intake.change_group(group.id, dict, nothing_new, bench.received(), bench.clock())

    assert (after.version, after.modified_at) == (group.version, group.modified_at)


def test_replacing_members_takes_out_who_is_not_named(bench: Bench) -> None:
    ada, bob, eve = (bench.join(name) for name in ("ada", "bob", "eve"))
    group = bench.group_intake.create_group({"displayName": "Staff"}, [ada, bob], bench.received("POST"), bench.clock())
    bench.clock.advance("1s")

    replace = [MemberChange.of(MemberVerb.REPLACE, [bob, eve])]
    after = bench.group_intake.change_group(group.id, dict, replace, bench.received(), bench.clock())

    with bench.database.read() as tx:
        assert members.present(tx, group.id).all == {bob, eve}
    assert after.version == 2
    assert kept_requests(bench)[-1]["applied"] == "1 members added, 1 removed"


def test_an_unknown_member_refuses_the_whole_request(bench: Bench) -> None:
    ada = bench.join("ada")
    before = everything(bench)

    with pytest.raises(UnknownMemberError):
        bench.group_intake.create_group(
            {"displayName": "Staff"}, [ada, "nobody"], bench.received("POST"), bench.clock()
        )

    assert everything(bench) == before


def test_a_request_is_kept_as_understood_and_as_applied(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.clock.advance("1s")

    bench.leave(ada)

    kept = kept_requests(bench)[-1]
    assert (kept["source"], kept["method"], kept["status"], kept["understood"]) == (SOURCE, "PATCH", 200, "test")
    assert kept["applied"] == "case opened by rule 'leavers': suspend at crm at once"


def test_a_case_names_the_request_of_its_fact(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.clock.advance("1s")
    bench.leave(ada)

    with bench.database.read() as tx:
        kept = tx.execute(select(cases.c.request_id).where(cases.c.identity_id == ada)).scalar_one()
    assert kept == kept_requests(bench)[-1]["id"]


def test_a_refused_request_is_kept_with_its_reason(bench: Bench) -> None:
    bench.intake.refuse(bench.received("POST"), 409, "another resource has this userName", bench.clock())

    (kept,) = kept_requests(bench)
    assert (kept["status"], kept["applied"]) == (409, "refused: another resource has this userName")


def test_refusing_never_raises(bench: Bench) -> None:
    def broken() -> Any:
        raise StoreBusyError("locked")

    write = bench.database.write
    bench.database.write = broken  # type: ignore[method-assign]
    bench.intake.refuse(bench.received("POST"), 400, "bad", bench.clock())
    bench.database.write = write  # type: ignore[method-assign]

    assert kept_requests(bench) == []


def test_a_post_over_an_active_user_is_a_duplicate(bench: Bench) -> None:
    bench.join("ada")
    before = everything(bench)

    with pytest.raises(DuplicateError):
        bench.join("ADA", everywhere=False)

    assert everything(bench) == before


def test_a_post_over_an_inactive_user_revives_it_in_place(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    again = bench.join("ada", everywhere=False)
    bench.run()

    assert again == ada
    assert not bench.systems["crm"].is_suspended("ada")


def test_a_post_over_an_inactive_user_by_somebody_else_gives_nothing_back(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()

    bench.join("ada", everywhere=False, externalId="somebody else")
    bench.run("30d")

    assert bench.systems["crm"].is_suspended("ada")
    assert bench.tasks(bench.open_case(ada))[0].needs_person


def test_who_comes_back_under_another_name_keeps_the_id_and_nothing_of_the_plan_falls_on_them(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.run("7d")
    assert bench.systems["crm"].is_suspended("ada")

    again = bench.join("ada.married", everywhere=False, externalId="ext-ada")
    bench.run("60d")

    assert again == ada
    assert {case.state for case in bench.cases(ada)} == {CaseState.CANCELED, CaseState.COMPLETED}
    assert not bench.systems["crm"].is_suspended("ada")
    assert ("delete", "native-ada") not in bench.systems["crm"].writes


def test_the_user_name_says_who_comes_back_before_the_external_id_does(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.leave(ada)
    bench.leave(bob)

    assert bench.join("ada", everywhere=False, externalId="ext-bob") == ada


def test_nothing_falls_on_who_comes_back_under_the_name_of_somebody_else_who_left(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada, bob, cleo = bench.join("ada"), bench.join("bob"), bench.join("cleo")
    bench.run()
    for each in (ada, bob, cleo):
        bench.leave(each)
    bench.run("7d")

    assert bench.join("bob", everywhere=False, externalId="ext-ada") == bob
    bench.run("60d")

    deleted = [account for action, account in bench.systems["crm"].writes if action == "delete"]
    assert deleted == ["native-cleo"]
    with bench.database.read() as tx:
        (hold,) = holds.standing(tx)
        told = [entry["event"] for entry in journal.entries_of_case(tx, hold.subject)]
    assert (hold.subject, hold.reason) == (bench.open_case(ada).id, MAY_BE_THEM)
    assert "hold placed" in told


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_nothing_falls_on_whom_another_user_is_said_to_be_by_their_external_id(
    database: Database, clock: FakeClock, is_active: bool, is_deleted: bool
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada, bob, cleo = bench.join("ada"), bench.join("bob"), bench.join("cleo")
    bench.run()
    for each in (ada, cleo) if is_active else (ada, bob, cleo):
        bench.leave(each)
    if is_deleted:
        bench.delete(ada)
    bench.run("7d")

    for external_id in ("ext-ada", "ext-bob", "ext-ada"):
        bench.say(bob, active=True, externalId=external_id)
    bench.run("60d")

    deleted = [account for action, account in bench.systems["crm"].writes if action == "delete"]
    assert deleted == ["native-cleo"]
    with bench.database.read() as tx:
        (hold,) = holds.standing(tx)
    assert (hold.subject, hold.reason) == (bench.open_case(ada).id, MAY_BE_THEM)
    assert bench.events(bench.open_case(ada)).count("hold placed") == 1
    assert f"case {hold.subject} held" in " ".join(row["applied"] for row in kept_requests(bench))


def test_an_external_id_that_is_taken_holds_only_what_is_planned_for_its_owners(bench: Bench) -> None:
    ada, bob, cleo = bench.join("ada"), bench.join("bob", externalId=None), bench.join("cleo")
    far = bench.join("ada", source="hr", everywhere=False)
    bench.leave(cleo)
    bench.leave(far, source="hr")

    for external_id in ("ext-ada", "ext-new", None):
        bench.say(bob, externalId=external_id)

    with bench.database.read() as tx:
        assert holds.standing(tx) == []
    assert len(bench.cases(ada)) == 0


def test_an_external_id_that_somebody_active_or_several_have_says_nothing_about_who_comes(bench: Bench) -> None:
    ada = bench.join("ada", externalId="1")
    first, second = bench.join("bob", externalId="2"), bench.join("cleo", externalId="2")
    bench.leave(first)
    bench.leave(second)

    newcomers = {bench.join("dora", externalId="1"), bench.join("eli", externalId="2")}

    assert not newcomers & {ada, first, second}


def test_an_external_id_is_of_one_source_and_of_those_who_are_not_deleted(bench: Bench) -> None:
    ada, bob = bench.join("ada"), bench.join("bob")
    bench.leave(ada)
    bench.leave(bob)
    bench.delete(bob)

    newcomers = {
        bench.join("ada.married", source="hr", everywhere=False, externalId="ext-ada"),
        bench.join("bob.married", everywhere=False, externalId="ext-bob"),
        bench.join("nobody", everywhere=False, externalId=None),
    }

    assert len(newcomers - {ada, bob}) == 3


def test_an_account_is_looked_up_by_what_is_said_of_who_comes_back(bench: Bench) -> None:
    ada = bench.join("ada", everywhere=False)
    bench.run()
    assert bench.account(ada).native_id is None
    bench.leave(ada)
    bench.systems["crm"].add("ada.married")

    bench.join("ada.married", everywhere=False, externalId="ext-ada")
    bench.run()

    assert bench.account(ada).native_id == "native-ada.married"


def test_a_deleted_user_is_unknown_from_then_on(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.delete(ada)

    with pytest.raises(NotFoundError):
        bench.leave(ada)
    with pytest.raises(NotFoundError):
        bench.delete(ada)


def test_the_users_of_another_source_do_not_exist(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.join("bob", source="hr", everywhere=False)

    with pytest.raises(NotFoundError):
        bench.leave(ada, source="hr")


def test_a_deletion_after_everything_is_done_changes_nothing_at_the_target(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run("1h")

    bench.delete(ada)
    bench.run("1h")

    assert bench.systems["crm"].writes == [("suspend", "native-ada")]
    assert {case.state for case in bench.cases(ada)} == {CaseState.COMPLETED}


def test_somebody_who_is_created_inactive_and_activated_later_is_the_one_who_was_deleted(
    database: Database, clock: FakeClock
) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(*SUSPEND_THEN_DELETE),)))
    ada = bench.join("ada")
    bench.delete(ada)
    bench.run("7d")
    again = bench.join("ada", everywhere=False, active=False)
    bench.run("1d")

    bench.come_back(again)
    bench.run("60d")

    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "restore"]
    assert bench.case(ada).state is CaseState.CANCELED


def test_an_earlier_due_date_survives_the_end_of_the_stage_before(database: Database, clock: FakeClock) -> None:
    slow = a_rule(a_stage("7d"), a_stage("30d", Action.DELETE), name="disable", when=frozenset({Trigger.DEACTIVATED}))
    quick = a_rule(a_stage("1d"), a_stage("2d", Action.DELETE), name="purge", when=frozenset({Trigger.DELETED}))
    bench = Bench(database, clock, Ruleset((slow, quick)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.delete(ada)

    bench.run("1d")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]

    bench.run("1d")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "delete"]


def test_a_stage_whose_tasks_were_brought_forward_keeps_its_distance(database: Database, clock: FakeClock) -> None:
    from scimbridge.domain.hold import Scope

    slow = a_rule(a_stage("7d"), a_stage("30d", Action.DELETE), name="disable", when=frozenset({Trigger.DEACTIVATED}))
    quick = a_rule(a_stage("1d"), a_stage("5d", Action.DELETE), name="purge", when=frozenset({Trigger.DELETED}))
    bench = Bench(database, clock, Ruleset((slow, quick)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.delete(ada)
    hold = bench.holding.place(Scope.IDENTITY, ada, reason="wait", by="ops", now=clock()).hold
    bench.run("90d")
    bench.holding.lift(hold.id, by="ops", now=clock())

    bench.run()
    bench.run("3d")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend"]

    bench.run("1d")
    assert [what for what, _ in bench.systems["crm"].writes] == ["suspend", "delete"]


def test_a_look_up_that_finds_an_account_in_use_is_made_again(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    twin = bench.join("ada", source="hr", everywhere=False)
    bench.wakeups.clear()

    def look_up() -> None:
        bench.systems["crm"].before_read = lambda: None
        bench.execution.work(bench.account(twin).id)

    bench.systems["crm"].before_read = look_up
    bench.execution.work(bench.account(ada).id)
    assert bench.account(twin).native_id is None

    bench.run("1h")
    assert bench.account(twin).native_id == "native-ada"


def test_a_bug_in_a_look_up_does_not_take_the_worker_along(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.systems["crm"].fails.append(ZeroDivisionError())

    with capture_logs():
        bench.run()
    assert bench.account(ada).native_id is None

    bench.run("1h")
    assert bench.account(ada).native_id == "native-ada"


def test_a_bug_in_a_connector_makes_the_task_wait(bench: Bench) -> None:
    ada = bench.join("ada")
    bench.run()
    bench.leave(ada)
    bench.systems["crm"].fails.append(ZeroDivisionError())

    with capture_logs():
        bench.work()

    (task,) = bench.tasks(bench.case(ada))
    assert task.state is TaskState.WAITING
    assert "ZeroDivisionError" in task.reason


def test_a_restore_that_waits_goes_over_to_the_new_identity(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(when=frozenset({Trigger.DEACTIVATED})),)))
    ada = bench.join("ada")
    bench.leave(ada)
    bench.run()
    bench.operating.pause("crm", reason="maintenance", by="ops", now=clock())
    bench.come_back(ada)
    bench.delete(ada)
    clock.advance("1h")

    bench.join("ada", everywhere=False)
    bench.operating.resume("crm", by="ops", now=clock())
    bench.run()

    assert not bench.systems["crm"].is_suspended("ada")
    assert {case.state for case in bench.cases(ada)} == {CaseState.COMPLETED, CaseState.CANCELED}
