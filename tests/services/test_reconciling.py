"""What a target really has, against what is known of it. On both stores."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Scope
from scimbridge.domain.identity import source_at
from scimbridge.domain.reconciliation import Mismatch, Owner, mismatches, set_apart
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.task import TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.services.inventory import Inventory
from scimbridge.services.reconciling import Compared, Reconciling
from scimbridge.store import owners
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(a_stage(), match='userType ne "Guest"'),)), {"crm": MemoryTarget()})


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


def compared(bench: Bench, since: datetime | None = None) -> dict[str, Compared]:
    some = list(Inventory(bench.fleet).accounts("crm"))
    found = Reconciling(bench.database, bench.fleet, bench.rulebook).compare("crm", some, bench.clock(), since)
    return {each.account.name: each for each in found}


def how(bench: Bench, name: str = "ada", since: datetime | None = None) -> tuple[Mismatch, ...]:
    return compared(bench, since)[name].mismatches


def test_whoever_works_here_and_is_linked_is_as_it_should_be(bench: Bench) -> None:
    bench.join()
    bench.run()

    assert how(bench) == ()


def test_a_leaver_whose_account_is_suspended_is_as_it_should_be(bench: Bench) -> None:
    bench.leave(bench.join())
    bench.run()

    assert how(bench) == ()


def test_an_account_that_came_back_to_life_has_drifted(bench: Bench, crm: MemoryTarget) -> None:
    bench.leave(bench.join())
    bench.run()
    crm.account("ada")["suspended"] = False

    assert how(bench) == (Mismatch.DRIFTED,)


def test_an_account_has_drifted_whoever_else_got_theirs_back_meanwhile(bench: Bench, crm: MemoryTarget) -> None:
    bob = bench.join("bob")
    bench.leave(bob)
    bench.leave(bench.join())
    bench.run()
    bench.come_back(bob)
    bench.run()
    crm.account("ada")["suspended"] = False

    assert how(bench) == (Mismatch.DRIFTED,)


def test_an_account_that_one_of_several_owners_was_given_back_has_not_drifted(bench: Bench, crm: MemoryTarget) -> None:
    for _ in range(2):
        ada = bench.join(everywhere="native-ada" not in crm.accounts)
        bench.run()
        bench.leave(ada)
        bench.run()
        bench.delete(ada)
    last = bench.join(everywhere=False)
    bench.run()
    assert not crm.is_suspended("ada")
    bench.say(last, userType="Guest")
    bench.leave(last)
    bench.run()

    assert how(bench) == (Mismatch.LEFT_OVER,)


def test_while_its_case_waits_for_a_later_stage_an_account_drifts_too(database: Database, clock: FakeClock) -> None:
    rules = Ruleset((a_rule(a_stage(), a_stage("90d", Action.DELETE)),))
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()}, actions=FEW_ACTIONS)
    ada = bench.join()
    bench.leave(ada)
    bench.run()
    assert how(bench) == ()

    bench.systems["crm"].account("ada")["suspended"] = False
    assert how(bench) == (Mismatch.DRIFTED,)

    # Whoever came back is being given it back.
    bench.come_back(ada)
    bench.leave(ada)
    assert how(bench) == ()


def test_what_was_done_since_the_target_was_asked_is_not_held_against_an_account(bench: Bench) -> None:
    ada = bench.join()
    bench.run()
    listed, asked_at = list(Inventory(bench.fleet).accounts("crm")), bench.clock()
    bench.clock.advance("1s")
    bench.leave(ada)
    bench.run()

    (compared_,) = Reconciling(bench.database, bench.fleet, bench.rulebook).compare("crm", listed, asked_at)

    assert (listed[0].suspended, compared_.mismatches) == (False, ())


def test_while_something_is_planned_again_an_account_has_not_drifted(database: Database, clock: FakeClock) -> None:
    bench = Bench(database, clock, Ruleset((a_rule(a_stage("1d")),)), {"crm": MemoryTarget()})
    ada = bench.join()
    bench.leave(ada)
    bench.run("1d")
    bench.come_back(ada)
    bench.leave(ada)
    bench.systems["crm"].account("ada")["suspended"] = False
    bench.clock.advance("1s")
    listed, asked_at = list(Inventory(bench.fleet).accounts("crm")), bench.clock()

    assert bench.states(bench.open_case(ada)) == {"suspend@crm": TaskState.PLANNED}
    assert how(bench) == ()

    # It was called off before its time, but the target was asked before that.
    bench.clock.advance("1s")
    bench.operating.cancel(bench.open_case(ada).id, reason="oh", by="ops", now=bench.clock())
    compare = Reconciling(bench.database, bench.fleet, bench.rulebook).compare
    assert [each.mismatches for each in compare("crm", listed, asked_at)] == [()]
    assert how(bench) == (Mismatch.DRIFTED,)


def test_an_account_is_changing_while_it_is_given_to_who_came_after_its_owner(bench: Bench) -> None:
    ada = bench.join()
    bench.leave(ada)
    bench.run()
    bench.delete(ada)
    again, asked_at = bench.join(everywhere=False), bench.clock()

    def is_changing() -> bool:
        with bench.database.read() as tx:
            (owner,) = owners.linked(tx, "crm", ["native-ada"], asked_at)["native-ada"]
        return owner.is_changing

    assert is_changing()

    bench.clock.advance("1s")
    bench.operating.cancel(bench.open_case(again).id, reason="somebody else", by="ops", now=bench.clock())
    assert is_changing()
    asked_at = bench.clock()
    assert not is_changing()


def test_a_group_is_nobody(bench: Bench, crm: MemoryTarget) -> None:
    bench.join("sales", source=source_at("crm"), everywhere=False)
    crm.add("sales")

    assert how(bench, "sales") == (Mismatch.ORPHANED,)


def test_what_was_given_back_and_left_again_without_a_case_is_left_over(bench: Bench, crm: MemoryTarget) -> None:
    ada = bench.join()
    bench.leave(ada)
    bench.run()
    bench.come_back(ada)
    bench.run()
    bench.say(ada, userType="Guest")
    bench.leave(ada)
    bench.run()

    assert how(bench) == (Mismatch.LEFT_OVER,)


def test_while_a_case_takes_care_of_it_an_account_is_as_it_should_be(bench: Bench, crm: MemoryTarget) -> None:
    bench.leave(bench.join())
    assert how(bench) == ()


def test_the_account_of_somebody_who_is_gone_and_whom_no_rule_matched_is_left_over(bench: Bench) -> None:
    ada = bench.join(userType="Guest")
    bench.run()
    bench.leave(ada)
    assert how(bench) == (Mismatch.LEFT_OVER,)

    bench.delete(ada)
    assert how(bench) == (Mismatch.LEFT_OVER,)


def test_an_account_that_only_matches_is_unlinked(bench: Bench, crm: MemoryTarget) -> None:
    bench.join(everywhere=False)
    bench.run()
    crm.add("ada")

    found = compared(bench)["ada"]
    assert found.mismatches == (Mismatch.UNLINKED,)
    assert [(owner.user_name, owner.linked) for owner in found.owners] == [("ada", False)]


def test_an_account_of_nobody_is_orphaned(bench: Bench, crm: MemoryTarget) -> None:
    bench.join()
    bench.run()
    crm.add("ghost")

    assert how(bench, "ghost") == (Mismatch.ORPHANED,)
    assert how(bench) == ()


def test_an_account_that_two_active_people_own_is_contested(bench: Bench) -> None:
    bench.join()
    bench.join(source="entra", everywhere=False)
    bench.run()

    found = compared(bench)["ada"]
    assert found.mismatches == (Mismatch.CONTESTED,)
    assert {owner.source for owner in found.owners} == {"idp", "entra"}


def test_an_account_with_the_mark_that_keeps_the_bridge_away_is_left_out(bench: Bench, crm: MemoryTarget) -> None:
    crm.add("ghost")
    crm.account("ghost")["unmanaged"] = True

    assert how(bench, "ghost") == ()


def test_names_of_any_length_and_in_any_script_are_matched(bench: Bench, crm: MemoryTarget) -> None:
    name = "anastasia.üzümcü-von-und-zu-hohenzollern@subsidiary.example.com"
    bench.join(name)
    bench.run()
    bench.join("bob." + name, everywhere=False)
    bench.run()
    crm.add("bob." + name)

    assert how(bench, name) == ()
    assert how(bench, "bob." + name) == (Mismatch.UNLINKED,)


# -- what is so on purpose


def spare(bench: Bench, spared: Spared, subject: str, **more: Any) -> None:
    exclusion = Exclusion(reason="ours", spared=spared, subject=subject, **more)
    bench.holding.exclude(exclusion, by="ops", now=bench.clock())


def test_a_leaver_whom_an_exclusion_spares_is_left_alone_until_it_ends(bench: Bench, crm: MemoryTarget) -> None:
    ada, bob = bench.join(), bench.join("bob")
    bench.run()
    until = bench.clock() + timedelta(days=30)
    spare(bench, Spared.IDENTITY, ada, until=until)
    bench.leave(ada)
    bench.leave(bob)
    bench.run()
    crm.account("bob")["suspended"] = False

    assert (how(bench), how(bench, "bob")) == ((Mismatch.LEFT_ALONE,), (Mismatch.DRIFTED,))

    # What a case had suspended may be let in again by whoever spares it afterwards.
    spare(bench, Spared.IDENTITY, bob)
    assert how(bench, "bob") == (Mismatch.LEFT_ALONE,)

    bench.clock.advance("30d")
    assert (how(bench), how(bench, "bob")) == ((Mismatch.LEFT_OVER,), (Mismatch.LEFT_ALONE,))


def test_a_leaver_whom_their_rule_excludes_is_left_alone(database: Database, clock: FakeClock) -> None:
    rules = Ruleset(
        (
            a_rule(a_stage(), name="gone for good", when=frozenset({Trigger.DELETED})),
            a_rule(a_stage(), exclude=IdentityFilter('userType eq "Service"')),
        )
    )
    bench = Bench(database, clock, rules, {"crm": MemoryTarget()})
    ada = bench.join(userType="Service")
    bench.run()
    # Who is here has no case that a rule could spare them from.
    long_ago = {"created_at": "2024-01-01T00:00:00+00:00", "signed_in_at": "2025-01-01T00:00:00+00:00"}
    bench.systems["crm"].account("ada").update(long_ago)
    assert how(bench, since=bench.clock()) == (Mismatch.STALE,)
    bench.leave(ada)

    assert how(bench) == (Mismatch.LEFT_ALONE,)

    # Another rule would have taken care of them since, and spares nobody.
    bench.delete(ada)
    bench.operating.cancel(bench.open_case(ada).id, reason="over", by="ops", now=bench.clock())
    assert how(bench) == (Mismatch.LEFT_OVER,)


def test_an_account_of_nobody_that_an_exclusion_spares_is_left_alone(bench: Bench, crm: MemoryTarget) -> None:
    crm.add("break-glass")
    crm.add("ghost")
    spare(bench, Spared.ACCOUNT, "break-glass", target="crm")

    assert (how(bench, "break-glass"), how(bench, "ghost")) == ((Mismatch.LEFT_ALONE,), (Mismatch.ORPHANED,))

    spare(bench, Spared.TARGET, "crm")
    assert how(bench, "ghost") == (Mismatch.LEFT_ALONE,)


def test_a_hold_on_somebody_explains_that_nothing_was_begun_and_not_that_an_account_came_back(
    bench: Bench, crm: MemoryTarget
) -> None:
    ada, bob, cy = bench.join(userType="Guest"), bench.join("bob"), bench.join("cy", userType="Guest")
    bench.run()
    for each in (ada, bob, cy):
        bench.leave(each)
    bench.run()
    crm.account("bob")["suspended"] = False
    for each in (ada, bob):
        bench.holding.place(Scope.IDENTITY, each, reason="litigation", by="ops", now=bench.clock())

    assert (how(bench), how(bench, "bob")) == ((Mismatch.LEFT_ALONE,), (Mismatch.DRIFTED,))
    assert how(bench, "cy") == (Mismatch.LEFT_OVER,)

    (hold,) = (each for each in bench.holding.standing() if each.subject == ada)
    bench.holding.lift(hold.id, by="ops", now=bench.clock())
    assert how(bench) == (Mismatch.LEFT_OVER,)


def test_an_account_that_somebody_owns_whom_nothing_spares_is_not_left_alone(bench: Bench) -> None:
    ada, other = bench.join(userType="Guest"), bench.join(source="entra", everywhere=False, userType="Guest")
    bench.run()
    bench.leave(ada)
    bench.leave(other, source="entra")
    spare(bench, Spared.IDENTITY, ada)
    bench.holding.place(Scope.IDENTITY, ada, reason="litigation", by="ops", now=bench.clock())
    assert how(bench) == (Mismatch.LEFT_OVER,)

    spare(bench, Spared.IDENTITY, other)
    assert how(bench) == (Mismatch.LEFT_ALONE,)


def test_whoever_is_spared_and_here_is_contested_and_unlinked_all_the_same() -> None:
    found = (Mismatch.CONTESTED, Mismatch.UNLINKED, Mismatch.STALE)

    assert set_apart(found, is_spared=True, is_held=True) == (
        Mismatch.CONTESTED,
        Mismatch.UNLINKED,
        Mismatch.LEFT_ALONE,
    )
    assert set_apart((Mismatch.ORPHANED, Mismatch.STALE), is_spared=True, is_held=False) == (Mismatch.LEFT_ALONE,)
    assert set_apart(found, is_spared=False, is_held=True) == found


def an_owner(**values: bool) -> Owner:
    said: dict[str, Any] = {"linked": True, "is_gone": False, **values}
    return Owner(identity_id="i", source="okta", user_name="ada", **said)


def test_what_the_target_does_not_tell_is_not_held_against_an_account() -> None:
    assert mismatches([an_owner(is_gone=True)], suspended=None, unused=None) == ()
    assert mismatches([an_owner()], suspended=None, unused=True) == (Mismatch.STALE,)
    assert mismatches([an_owner()], suspended=True, unused=True) == ()


def test_who_has_taken_over_an_account_of_somebody_gone_owns_it_alone() -> None:
    owners = [an_owner(is_gone=True, was_suspended=True), an_owner(linked=False)]

    assert mismatches(owners, suspended=False, unused=False) == ()


@pytest.mark.parametrize("mismatch", Mismatch)
def test_each_has_its_advice(mismatch: Mismatch) -> None:
    assert mismatch.advice
