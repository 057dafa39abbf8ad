"""A person's personal values go, the history stays whole, and nobody is erased who may still be needed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import JSON, cast, delete, insert, select, update
from sqlalchemy import Text as SqlText

from scimbridge.domain.action import Action
from scimbridge.domain.hold import Scope
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.errors import ErasureRefusedError, NotFoundError, RestoreRefusedError, SeveralNamedError
from scimbridge.sdk import Mode
from scimbridge.services.erasing import Erasing
from scimbridge.services.proving import Proving, document_of, problems_of
from scimbridge.services.seal_key import PublicKeys, SealKey
from scimbridge.services.sealing import Sealing
from scimbridge.services.verifying import Verifying
from scimbridge.store import dated, erasure, reconciliations, schema
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import SOURCE, Bench, MemoryTarget, a_rule, a_stage
from tests.services.test_leases import before_the_next_write, let_the_lease_run_out
from tests.store.racing import race


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(
        database,
        clock,
        Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.REMOVE_FROM_GROUPS)),)),
        {"crm": MemoryTarget()},
    )


@pytest.fixture
def erasing(bench: Bench) -> Erasing:
    return Erasing(bench.database)


def a_leaver(bench: Bench, name: str = "lovelace") -> str:
    """Somebody has left, was deleted by the source, and all is done."""
    user_id = bench.join(name, emails=[{"value": f"{name}@example.com"}])
    bench.systems["crm"].account(name)["name"] = name
    bench.run()
    bench.say(user_id, title=f"Dr. {name}")
    bench.leave(user_id)
    bench.run()
    bench.delete(user_id)
    bench.run("1h")
    return user_id


def erase(erasing: Erasing, bench: Bench, user_id: str) -> erasure.Known:
    return erasing.erase(user_id, reason="asked to be forgotten", by="ops", now=bench.clock())


def told_of(bench: Bench, name: str) -> dict[str, int]:
    """Return in how many rows of which tables a name is found, in any column."""
    found = {}
    with bench.database.read() as tx:
        for table in schema.metadata.sorted_tables:
            rows = tx.execute(
                select(*(cast(column, SqlText) if isinstance(column.type, JSON) else column for column in table.c))
            )
            count = sum(name in str(row).lower() for row in rows)
            if count:
                found[table.name] = count
    return found


def test_nothing_that_the_bridge_keeps_names_the_person_afterwards(bench: Bench, erasing: Erasing) -> None:
    user_id = a_leaver(bench)
    with bench.database.write() as tx:
        stage = tx.execute(select(schema.stages).limit(1)).mappings().one()
        given = {"id": "approval", "case_id": stage["case_id"], "stage_id": stage["id"], "digest": "0" * 64}
        document: dict[str, object] = {"accounts": {"native-lovelace": {}}}
        tx.execute(
            insert(schema.approvals).values(
                **given, document=document, expected=document, approved_by="kim", approved_at=bench.clock()
            )
        )
        run, _ = reconciliations.ask(tx, "crm", by="ops", unused_for=None, now=bench.clock())
        found = {"run_id": run.id, "id": "finding", "kind": "drifted", "first_seen_at": bench.clock(), "owners": []}
        tx.execute(insert(schema.findings).values(**found, native_id="native-lovelace", name="lovelace"))
        # An account that was only taken for theirs is called by their name, too.
        theirs = {**found, "id": "another", "owners": [{"id": user_id, "linked": False}]}
        tx.execute(insert(schema.findings).values(**theirs, native_id="native-2", name="lovelace@example.com"))
    assert {
        "approvals",
        "findings",
        "identities",
        "identity_values",
        "accounts",
        "history",
        "requests",
        "snapshots",
    } <= {
        *told_of(bench, "lovelace"),
        "requests",  # those of the bench say nothing
    }

    known = erase(erasing, bench, user_id)

    assert told_of(bench, "lovelace") == {}
    with bench.database.read() as tx:
        assert tx.execute(select(schema.requests).where(schema.requests.c.resource_id == user_id)).all() == []
    assert known.requests == 4
    assert (known.user_name, known.cases, known.restorable) == ("lovelace", 2, ("crm",))
    assert known.entries > 0


def test_somebody_else_keeps_all(bench: Bench, erasing: Erasing) -> None:
    other, user_id = a_leaver(bench, "hopper"), a_leaver(bench)
    before = told_of(bench, "hopper")

    erase(erasing, bench, user_id)

    assert told_of(bench, "hopper") == before
    assert bench.account(other).native_id == "native-hopper"


def test_the_history_is_whole_and_says_who_erased_what(bench: Bench, erasing: Erasing, tmp_path: Path) -> None:
    key = SealKey.of_file(tmp_path / "evidence.key")
    keys = PublicKeys.of_pems([key.public_pem])
    sealing = Sealing(bench.database, key)
    user_id = a_leaver(bench)
    case = bench.cases(user_id)[0]
    sealing.run(bench.clock())

    erase(erasing, bench, user_id)

    assert Verifying(bench.database).verify(keys, bench.clock()).findings == ()
    sealing.run(bench.clock())
    assert Verifying(bench.database).verify(keys, bench.clock()).findings == ()
    assert list(problems_of(document_of(Proving(bench.database).of_case(case.id)), keys)) == []
    with bench.database.read() as tx:
        *_, entry = tx.execute(select(schema.history).order_by(schema.history.c.id)).mappings()
    assert (entry["event"], entry["actor"], entry["reason"]) == (erasure.EVENT, "ops", "asked to be forgotten")
    assert (entry["identity_id"], entry["details"]["cases"], entry["personal"]) == (user_id, 2, None)


def test_nothing_can_be_given_back_afterwards(bench: Bench, erasing: Erasing) -> None:
    user_id = a_leaver(bench)
    erase(erasing, bench, user_id)

    with pytest.raises(RestoreRefusedError):
        bench.giving_back.restore(bench.cases(user_id)[0].id, reason="oh", by="ops", now=bench.clock())
    bench.run("1d")
    assert bench.systems["crm"].is_suspended("lovelace")


def test_an_account_that_somebody_else_has_too_keeps_its_snapshot(bench: Bench, erasing: Erasing) -> None:
    user_id = a_leaver(bench)
    same = bench.join("lovelace", everywhere=False, externalId="another")
    bench.run("1h")
    assert bench.account(same).native_id == "native-lovelace"
    bench.operating.cancel(bench.open_case(same).id, reason="somebody else", by="ops", now=bench.clock())

    erase(erasing, bench, user_id)

    with bench.database.read() as tx:
        assert len(tx.execute(select(schema.snapshots)).all()) == 1
    assert bench.account(same).native_id == "native-lovelace"


def test_what_was_taken_from_somebody_is_given_to_who_comes_back_before_they_are_erased(
    bench: Bench, erasing: Erasing
) -> None:
    user_id = a_leaver(bench)
    again = bench.join("lovelace", everywhere=False)
    restore = bench.open_case(again)
    assert f"case {restore.id} gives their accounts to who came after them" in refused(erasing, bench, user_id)

    bench.run("1h")

    assert not bench.systems["crm"].is_suspended("lovelace")
    erase(erasing, bench, user_id)


def test_what_was_only_observed_of_giving_back_and_is_to_be_done_keeps_who_had_the_account(
    database: Database, clock: FakeClock
) -> None:
    rules = Ruleset((a_rule(a_stage()),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()}, modes={"crm": Mode.OBSERVE})
    arm = partial(bench.arming.arm, "crm", span=timedelta(hours=1), reason="pilot", by="olga")
    arm(now=bench.clock())
    user_id = a_leaver(bench)
    again = bench.join("lovelace", everywhere=False)
    bench.run()
    assert bench.states(bench.case(again)) == {"restore@crm": TaskState.SKIPPED}
    arm(now=bench.clock())

    (planned,) = bench.operating.do_observed(bench.case(again).id, by="olga", now=bench.clock())

    assert planned.state is TaskState.PLANNED
    why = f"case {planned.case_id} gives their accounts to who came after them"
    assert why in refused(Erasing(database), bench, user_id)


def test_who_is_to_leave_on_a_date_has_not_left_before(bench: Bench, erasing: Erasing) -> None:
    user_id = bench.join("lovelace")
    with bench.database.write() as tx:
        dated.insert_dated(tx, user_id, due_at=bench.at("3d"), reason="contract", by="ops", now=bench.clock())
    bench.delete(user_id)
    bench.run("1h")
    assert "is to leave on 2026-03-05, by request " in refused(erasing, bench, user_id)

    bench.run("3d")

    erase(erasing, bench, user_id)


def test_an_account_that_was_let_go_is_forgotten_too_unless_its_target_is_held(
    database: Database, clock: FakeClock
) -> None:
    rules = Ruleset((a_rule(a_stage("0s", Action.SUSPEND, Action.DISCONNECT)),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()})
    erasing, user_id = Erasing(database), a_leaver(bench)
    assert (bench.account(user_id).native_id, told_of(bench, "lovelace")["snapshots"]) == (None, 1)
    hold = bench.holding.place(Scope.TARGET, "crm", reason="an audit", by="ops", now=bench.clock()).hold
    assert f"hold {hold.id} stands" in refused(erasing, bench, user_id)
    bench.holding.lift(hold.id, by="ops", now=bench.clock(), reason="over")

    erase(erasing, bench, user_id)

    # By its id alone: nobody takes it up again.
    assert told_of(bench, "lovelace") == {"exclusions": 1}


def test_an_attempt_that_comes_back_after_its_person_was_erased_leads_to_nothing(
    bench: Bench, erasing: Erasing
) -> None:
    user_id = bench.join("lovelace")
    bench.run()
    bench.leave(user_id)

    def meanwhile() -> None:
        let_the_lease_run_out(bench)
        bench.run()
        bench.delete(user_id)
        bench.run("1h")
        erase(erasing, bench, user_id)

    before_the_next_write(bench, meanwhile)
    bench.run()
    bench.run("1h")

    assert {state for case in bench.cases(user_id) for state in bench.states(case).values()} == {TaskState.DONE}
    assert bench.events(bench.cases(user_id)[0])[-1] == "late attempt"
    assert told_of(bench, "lovelace") == {}


def test_who_is_looked_up_at_the_same_moment_is_not_linked_afterwards(bench: Bench, erasing: Erasing) -> None:
    for number in range(3):
        user_id = bench.join(f"lovelace{number}")
        bench.delete(user_id)
        bench.operating.cancel(bench.case(user_id).id, reason="by hand", by="ops", now=bench.clock())
        account_id = bench.account(user_id).id

        _, erased = race([partial(bench.execution.work, account_id), partial(erase, erasing, bench, user_id)])

        if isinstance(erased, ErasureRefusedError):  # the look-up was faster
            erase(erasing, bench, user_id)
        assert told_of(bench, f"lovelace{number}") == {}


def refused(erasing: Erasing, bench: Bench, user_id: str) -> str:
    with pytest.raises(ErasureRefusedError) as error:
        erase(erasing, bench, user_id)
    assert told_of(bench, "lovelace")
    assert erasing.look(user_id)[1] == tuple(str(error.value).split("; "))
    return str(error.value)


def test_who_may_still_be_needed_is_not_erased(bench: Bench, erasing: Erasing) -> None:
    user_id = bench.join("lovelace")
    bench.run()
    assert "idp still has this User" in refused(erasing, bench, user_id)
    bench.leave(user_id)
    assert "is open: wait for its end, or cancel it" in refused(erasing, bench, user_id)
    bench.run()
    bench.delete(user_id)
    bench.run("1h")
    for scope, subject in (
        (Scope.IDENTITY, user_id),
        (Scope.CASE, bench.cases(user_id)[0].id),
        (Scope.TARGET, "crm"),
        (Scope.SOURCE, SOURCE),
        (Scope.EVERYTHING, ""),
    ):
        hold = bench.holding.place(scope, subject, reason="litigation", by="ops", now=bench.clock(), is_legal=True).hold
        assert f"hold {hold.id} stands (litigation)" in refused(erasing, bench, user_id)
        bench.holding.lift(hold.id, by="ops", now=bench.clock(), reason="settled")
    flood = {"scope": "overall", "subject": "", "guard_class": "all", "opened_at": bench.clock(), "reason": "many"}
    with bench.database.write() as tx:
        tx.execute(insert(schema.floods).values(id="flood", **flood))
        tx.execute(insert(schema.flood_cases).values(flood_id="flood", case_id=bench.cases(user_id)[0].id))
    assert "flood flood is not decided and carried out" in refused(erasing, bench, user_id)
    with bench.database.write() as tx:
        tx.execute(update(schema.flood_cases).values(settled_at=bench.clock()))
        tx.execute(update(schema.attempts).values(ended_at=None).where(schema.attempts.c.task_id.is_(None)))
    assert "something is under way at crm" in refused(erasing, bench, user_id)
    with bench.database.write() as tx:
        tx.execute(delete(schema.attempts).where(schema.attempts.c.ended_at.is_(None)))

    erase(erasing, bench, user_id)

    with pytest.raises(ErasureRefusedError, match="was erased on 2026-03-"):
        erase(erasing, bench, user_id)


def test_who_is_meant_is_never_guessed(bench: Bench, erasing: Erasing) -> None:
    first = a_leaver(bench)
    assert (erasing.named("Lovelace"), erasing.named(first)) == (first, first)
    second = bench.join("lovelace", everywhere=False)
    bench.run()

    with pytest.raises(SeveralNamedError, match=second):
        erasing.named("lovelace")
    with pytest.raises(NotFoundError):
        erasing.named("nobody")
    erase(erasing, bench, first)
    assert erasing.named("lovelace") == second


def test_who_comes_later_under_the_same_name_is_somebody_new(bench: Bench, erasing: Erasing) -> None:
    erase(erasing, bench, a_leaver(bench))
    bench.clock.advance(timedelta(days=1))

    again = bench.join("lovelace", everywhere=False)
    bench.run("1h")

    assert bench.cases(again) == []
    assert bench.systems["crm"].is_suspended("lovelace")
