"""What a target really has, against what is known of it. On both stores."""

from __future__ import annotations

from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.identity import source_at
from scimbridge.domain.reconciliation import Mismatch, Owner, mismatches
from scimbridge.domain.rule import Ruleset
from scimbridge.services.inventory import Inventory
from scimbridge.services.reconciling import Compared, Reconciling
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import FEW_ACTIONS, Bench, MemoryTarget, a_rule, a_stage


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(a_stage(), match='userType ne "Guest"'),)), {"crm": MemoryTarget()})


@pytest.fixture
def crm(bench: Bench) -> MemoryTarget:
    return bench.systems["crm"]


def compared(bench: Bench) -> dict[str, Compared]:
    some = list(Inventory(bench.fleet).accounts("crm"))
    found = Reconciling(bench.database, bench.fleet).compare("crm", some, bench.clock())
    return {each.account.name: each for each in found}


def how(bench: Bench, name: str = "ada") -> tuple[Mismatch, ...]:
    return compared(bench)[name].mismatches


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

    (compared_,) = Reconciling(bench.database, bench.fleet).compare("crm", listed, asked_at)

    assert (listed[0].suspended, compared_.mismatches) == (False, ())


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
