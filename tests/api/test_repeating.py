"""Idempotency keys: whoever is not sure that a request arrived asks again, and it is not done twice."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from scimbridge.domain.operator import Role
from scimbridge.errors import KeyInUseError
from scimbridge.services.repeating import GIVEN_UP, KEPT
from scimbridge.store.schema import api_answers
from tests.api.world import World

KEY = {"Idempotency-Key": "7f3c"}
HOLD = {"scope": "source", "subject": "okta", "reason": "audit"}


def kept(world: World) -> list[str | None]:
    with world.bridge.database.read() as tx:
        return list(tx.execute(select(api_answers.c.answer)).scalars())


def test_the_same_request_is_answered_again_and_not_done_again(world: World) -> None:
    first = world.ask("POST", "/holds", headers=KEY, json=HOLD)
    again = world.ask("POST", "/holds", headers=KEY, json=HOLD)
    without = world.ask("POST", "/holds", json=HOLD)

    assert (first.json(), first.headers.get("Idempotency-Replayed")) == (again.json(), None)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert without.json()["id"] != first.json()["id"]
    assert len(world.get("/holds")["items"]) == 2


def test_a_key_is_of_one_request_and_of_one_operator(world: World) -> None:
    world.ask("POST", "/holds", headers=KEY, json=HOLD)

    other = world.ask("POST", "/holds", headers=KEY, json={**HOLD, "reason": "another"})
    elsewhere = world.ask("POST", "/targets/crm/pause", headers=KEY, json={"reason": "audit"})
    somebody = world.ask("POST", "/holds", Role.OPERATOR, headers=KEY, json=HOLD)

    assert (other.status_code, elsewhere.status_code, somebody.status_code) == (422, 422, 200)
    assert somebody.headers.get("Idempotency-Replayed") is None


def test_what_came_to_nothing_may_be_tried_again(world: World) -> None:
    refused = world.ask("POST", "/targets/crm/disarm", headers=KEY, json={"reason": ""})
    missing = world.ask("POST", "/holds", headers=KEY, json={**HOLD, "subject": "nope"})
    then = world.ask("POST", "/holds", headers=KEY, json=HOLD)

    assert (refused.status_code, missing.status_code, then.status_code) == (422, 404, 200)


def test_while_it_is_worked_on_the_second_waits_and_a_dead_one_is_taken_over(world: World) -> None:
    repeating, now = world.bridge.repeating, world.clock()
    first = repeating.begin("ada", "key", b"request", now)

    with pytest.raises(KeyInUseError):
        repeating.begin("ada", "key", b"request", now + GIVEN_UP / 2)
    second = repeating.begin("ada", "key", b"request", now + GIVEN_UP)
    repeating.end(first, "late")
    assert kept(world) == [None]
    repeating.end(second, "done")

    assert repeating.begin("ada", "key", b"request", now + GIVEN_UP).answer == "done"
    assert repeating.begin("ada", "key", b"other", now + GIVEN_UP + KEPT).answer is None


def test_it_is_in_use_over_the_api_too(world: World) -> None:
    world.headers()
    world.bridge.repeating.begin("an-admin", KEY["Idempotency-Key"], b"POST /api/v1/tokens/x/revoke?\n", world.clock())

    answer = world.ask("POST", "/tokens/x/revoke", headers=KEY)

    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "5")


def test_a_secret_is_kept_nowhere(world: World) -> None:
    first = world.ask("POST", "/sources/okta/tokens", headers=KEY, json={})
    again = world.ask("POST", "/sources/okta/tokens", headers=KEY, json={})

    assert (first.status_code, again.status_code) == (200, 409)
    assert first.json()["token"] not in again.text
    assert kept(world) == [""]
    assert len(world.get("/tokens")["items"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words"])
def test_a_key_is_visible_ascii(world: World, key: str) -> None:
    assert world.ask("POST", "/holds", headers={"Idempotency-Key": key}, json=HOLD).status_code == 400


def test_answers_are_forgotten_after_a_day(world: World) -> None:
    world.ask("POST", "/holds", headers=KEY, json=HOLD)

    assert world.bridge.forgetting.forget_answers(world.clock() + KEPT) == 0
    assert world.bridge.forgetting.forget_answers(world.clock.advance(KEPT * 1.01)) == 1
    assert kept(world) == []
