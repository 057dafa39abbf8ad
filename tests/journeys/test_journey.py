"""From an identity provider's request to what the targets really hold: real processes, scim2-server and OpenLDAP."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from scimbridge.demo.directory import OpenLdap
from scimbridge.domain.task import TaskState
from tests.journeys.processes import eventually
from tests.journeys.world import Person, World, running_world

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world")) as running:
        assert isinstance(running.directory, OpenLdap)
        yield running


@pytest.fixture(autouse=True)
def _healthy_targets(world: World) -> Iterator[None]:
    yield
    world.application.recover()


@pytest.mark.parametrize(
    ("source", "leaves"), [("entra", "disable-user"), ("okta", "deactivate-user"), ("entra", "delete-user")]
)
def test_a_leaver_is_suspended_and_then_deleted_in_both_targets(world: World, source: str, leaves: str) -> None:
    person = world.hire(f"leaver-{leaves}", source, user_type="Intern")

    world.play(leaves, person)
    before = world.both(person)
    world.await_end(person)

    assert before == ("active", "active")
    assert world.both(person) == ("gone", "gone")
    assert world.changes(person) == ["PATCH", "DELETE", "modify", "delete"]


def test_a_leaver_is_suspended_and_keeps_what_they_have(world: World) -> None:
    person = world.hire("keeper")
    entry = world.directory.get("keeper")

    world.play("disable-user", person)
    world.await_both(person, "suspended")
    world.await_end(person)

    assert world.changes(person) == ["PATCH", "modify"]
    assert _lasting(world.directory.get("keeper")) == _lasting(entry)


def test_emergency_termination(world: World) -> None:
    person = world.hire("dismissed")
    world.await_link(person)

    world.command("cases", "request", "dismissed@example.com", "--reason", "dismissed", "--by", "grace")
    (case,) = world.cases(person)
    world.command("cases", "expedite", case, "--reason", "dismissed", "--by", "grace")
    world.await_both(person, "suspended")

    assert world.changes(person) == ["PATCH", "modify"]


def test_a_leaver_goes_through_three_stages_and_is_deleted_once_somebody_has_said_yes(world: World) -> None:
    person = world.hire("staged", user_type="Staff")
    world.await_link(person)

    world.play("disable-user", person)
    world.await_both(person, "suspended")
    (case,) = world.cases(person)
    eventually(lambda: "waits for approval" in world.situation(case), "the deletion waits for its approval")
    assert world.both(person) == ("suspended", "suspended")
    world.command("cases", "approve", case, "--by", "olga", "--yes")
    world.await_end(person)

    assert world.both(person) == ("gone", "gone")
    assert world.changes(person) == ["PATCH", "DELETE", "modify", "delete"]


def test_a_mass_mistake_is_canceled_before_it_begins(world: World) -> None:
    people = [world.hire(f"mistaken-{number}", user_type="Slow") for number in range(3)]
    for person in people:
        world.await_link(person)

    for person in people:
        world.play("disable-user", person)
    query = ("--query", "--source", "entra", "--rule", "slow", "--reason", "the source was wrong")
    world.command("cases", "cancel", *query, "--by", "olga", "--yes")

    for person in people:
        assert [world.situation(case) for case in world.cases(person)] == ["canceled"]
        assert world.state(person, "application") is world.state(person, "directory") is TaskState.CANCELED
        assert world.both(person) == ("active", "active")
        assert world.changes(person) == []


def test_a_target_that_is_down_for_maintenance_burns_no_attempts_and_catches_up(world: World) -> None:
    people = [world.hire(f"weekend-{number}") for number in range(3)]
    for person in people:
        world.await_link(person)
    world.command("targets", "pause", "application", "--reason", "upgrade", "--by", "olga")

    for person in people:
        world.play("disable-user", person)
    for person in people:
        eventually(partial(_is_suspended_in_directory, world, person), "the directory goes on")
    waiting = [world.task(person, "application") for person in people]
    assert [(task.state, task.attempts) for task in waiting if task] == [(TaskState.READY, 0)] * 3
    world.command("targets", "resume", "application", "--by", "olga")
    for person in people:
        world.await_end(person)

    assert {world.both(person) for person in people} == {("suspended", "suspended")}


def _is_suspended_in_directory(world: World, person: Person) -> bool:
    return world.in_directory(person) == "suspended"


def test_nobody_else_is_touched(world: World) -> None:
    excluded, hired_again, stays = world.hire("excluded"), world.hire("hired-again"), world.hire("stays")
    world.play("create-group", excluded)
    witness = world.hire("witness")

    world.play("disable-user", excluded)
    world.play("disable-user", hired_again)
    world.play("enable-user", hired_again)
    # Their suspensions would be due before that of somebody who leaves after them.
    world.play("disable-user", witness)
    world.await_both(witness, "suspended")

    for person in (excluded, hired_again, stays):
        assert world.both(person) == ("active", "active")
        assert world.changes(person) == []


@pytest.mark.parametrize(
    ("source", "leaves", "returns"),
    [("entra", "disable-user", "enable-user"), ("okta", "deactivate-user", "reactivate-user")],
)
def test_somebody_who_returns_after_suspension_gets_everything_back(
    world: World, source: str, leaves: str, returns: str
) -> None:
    person = world.hire(f"returner-{source}", source)
    world.play(leaves, person)
    world.await_both(person, "suspended")

    world.play(returns, person)
    world.await_end(person)

    assert world.both(person) == ("active", "active")
    assert world.changes(person) == ["PATCH", "PATCH", "modify", "modify"]


def test_a_target_that_stumbles_is_tried_again_until_it_has_done_it_once(world: World) -> None:
    person = world.hire("patient")
    world.await_link(person)
    world.application.faults(unavailable=2, throttled=1, retry_after="2")

    world.play("disable-user", person)
    world.await_end(person)

    assert [entry["status"] for entry in world.application.requests() if entry["status"] >= 400][-3:] == [503, 503, 429]
    assert world.both(person) == ("suspended", "suspended")
    assert world.changes(person) == ["PATCH", "modify"]


def test_a_lost_answer_is_not_sent_again_but_looked_up(world: World) -> None:
    person = world.hire("lost")
    world.await_link(person)
    world.application.faults(lost=1)

    world.play("disable-user", person)
    world.await_end(person)

    assert world.both(person) == ("suspended", "suspended")
    assert world.changes(person) == ["PATCH", "modify"]


def test_a_target_that_lies_is_not_believed(world: World) -> None:
    person = world.hire("lied-about")
    world.await_link(person)
    world.application.faults(lying=True)

    world.play("disable-user", person)
    eventually(
        lambda: world.state(person, "application") is TaskState.WAITING, "the suspension at the application waits"
    )
    task = world.task(person, "application")

    assert task is not None
    assert "the account is unchanged" in task.reason
    assert world.both(person) == ("active", "suspended")

    world.application.recover()
    world.await_both(person, "suspended")


def test_a_dead_target_holds_up_nobody_but_itself(world: World) -> None:
    person = world.hire("half")
    world.await_link(person)
    world.directory.stop()

    world.play("disable-user", person)
    eventually(lambda: world.in_application(person) == "suspended", "suspended in the application")
    eventually(lambda: world.state(person, "directory") is TaskState.WAITING, "the one at the directory waits")
    task = world.task(person, "directory")

    assert task is not None
    assert "the directory cannot be reached" in task.reason

    world.directory.start()
    world.await_both(person, "suspended")


def _lasting(entry: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]]:
    """Return what of an entry a suspension must leave as it is."""
    assert entry is not None
    by_itself = {"pwdAccountLockedTime", "entryCSN", "modifyTimestamp", "modifiersName"}
    return {name: values for name, values in entry.items() if name not in by_itself}
