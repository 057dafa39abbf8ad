"""Faults of a published sample for identity managers, one by one: this engine has none of them. On both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.ldap import dn
from connectors.sample.store import SampleFile
from scimbridge.domain.action import Action
from scimbridge.domain.rule import Ruleset
from scimbridge.sdk import AccountState
from scimbridge.sdk.stamp import date_in, stamp_in, stamp_of, stamped, unstamped
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.services.bench import Bench, a_rule, a_stage

STAMP_THEN_DELETE = (a_stage("0s", Action.SUSPEND, Action.STAMP), a_stage("90d", Action.DELETE))


@pytest.fixture
def bench(database: Database, clock: FakeClock) -> Bench:
    return Bench(database, clock, Ruleset((a_rule(*STAMP_THEN_DELETE),)))


def arrive(bench: Bench, name: str = "ada", **values: Any) -> str:
    bench.systems["crm"].add(name, **values)
    user = bench.join(name, everywhere=False)
    bench.run()
    return user


def is_there(bench: Bench) -> bool:
    return "native-ada" in bench.systems["crm"].accounts


# 1. The grace is skipped on the first pass, because the stamp has not come back yet.


@pytest.mark.parametrize("note", ["", "no stamp at all", "[To Be Deleted]"])
def test_a_stamp_that_is_missing_makes_nothing_due(bench: Bench, note: str) -> None:
    ada = arrive(bench)
    bench.leave(ada)
    bench.run("0s")
    bench.systems["crm"].account("ada")["note"] = note

    bench.run("89d")
    assert is_there(bench)

    bench.run("1d")
    assert not is_there(bench)


# 2. and 3. A status that is absent counts as inactive, or breaks the run.


@pytest.mark.parametrize("active", [True, None])
def test_a_status_that_is_not_said_disables_nobody(bench: Bench, active: bool | None) -> None:
    ada = arrive(bench)

    bench.intake.change_user(
        ada,
        lambda document: {key: value for key, value in document.items() if key != "active"} | _said(active),
        bench.received("PUT"),
        bench.clock(),
    )
    bench.run("400d")

    assert bench.cases(ada) == []
    assert not bench.systems["crm"].is_suspended("ada")


def _said(active: bool | None) -> dict[str, Any]:
    return {} if active is None else {"active": active}


# 4. The stamp is written only where nothing stands, and other text is read as a date.


@pytest.mark.parametrize("text", ["Third floor", "12/31/2025", "Sits in 2024-01-01 [see HR]"])
def test_a_stamp_stands_beside_any_text_and_the_text_is_no_date(bench: Bench, text: str) -> None:
    ada = arrive(bench, note=text)
    bench.leave(ada)
    bench.run("0s")

    note = bench.systems["crm"].account("ada")["note"]
    assert note.startswith(text)
    assert stamp_in(note)
    assert date_in(text) is None
    assert unstamped(note) == text


# 5. Dates depend on locale and time zone.


def test_the_date_in_a_stamp_is_utc_and_iso_8601() -> None:
    cest = datetime.fromisoformat("2026-07-01T00:30:00+02:00")

    mark = stamp_of(cest)

    assert mark == "[To Be Deleted 2026-06-30T22:30:00Z]"
    assert date_in(stamped("Third floor", mark)) == cest
    assert date_in("[To Be Deleted 2026-06-30]") == datetime(2026, 6, 30, tzinfo=UTC)
    assert date_in("[To Be Deleted 30.06.2026]") is None


# 6. A container is looked for anywhere in a name, and by its case.


def test_containers_are_compared_part_by_part_and_whatever_their_case() -> None:
    below = "ou=Students,dc=example,dc=com"

    assert dn.is_below("uid=ada,OU=STUDENTS,DC=example,DC=com", below)
    assert not dn.is_below("uid=ada,ou=Former Students,dc=example,dc=com", below)
    assert not dn.is_below("uid=ada,ou=Students,dc=example,dc=com,ou=Old,dc=example,dc=org", below)
    assert not dn.is_below("uid=ada,cn=ou=Students,dc=example,dc=com", below)
    assert not dn.is_below(r"cn=ada\,ou=Students\,dc=example\,dc=com,ou=Staff,dc=example,dc=org", below)


# 7. What to do about an unknown container is never reached.


def test_an_unknown_container_stops_the_move_and_says_so(bench: Bench) -> None:
    moving = Bench(bench.database, bench.clock, Ruleset((a_rule(a_stage("0s", Action.MOVE)),)), bench.systems)
    moving.systems["crm"].containers.discard("leavers")
    ada = arrive(moving)

    moving.leave(ada)
    moving.run()

    (task,) = moving.tasks(moving.case(ada))
    assert task.needs_person
    assert "there is no container 'leavers'" in task.reason
    assert moving.systems["crm"].account("ada")["container"] == "people"


# 8. A path that was read from an attribute is deleted unseen.


@pytest.mark.parametrize("account_id", ["", "/", "..", "../..", "native-ada/../native-bob", "*"])
def test_an_id_is_never_taken_for_a_path_or_a_pattern(tmp_path: Path, account_id: str) -> None:
    file = SampleFile.create(tmp_path / "sample.db")
    kept = [file.add("ada"), file.add("bob")]

    assert not file.remove(account_id)
    assert file.get(account_id) is None
    assert all(file.look(each) is not None for each in kept)


# 9. An account is found by a name that is not unique and changes.


def test_an_account_that_was_renamed_is_still_the_same_and_a_namesake_is_not(bench: Bench) -> None:
    ada = arrive(bench)
    crm = bench.systems["crm"]
    crm.account("ada")["name"] = "ada.married"
    crm.accounts["native-namesake"] = {**crm.account("ada"), "name": "ada", "external_id": ""}

    bench.leave(ada)
    bench.run("0s")

    assert crm.accounts["native-ada"]["suspended"]
    assert not crm.accounts["native-namesake"]["suspended"]


def test_moving_back_never_guesses_where_to() -> None:
    state = AccountState(id="a", name="ada", suspended=True, container="leavers")

    # Without a snapshot nobody knows where the account was.
    assert state.is_as_wanted_by(Action.MOVE_BACK)
    assert replace(state, container=None).is_as_wanted_by(Action.MOVE_BACK) is None
