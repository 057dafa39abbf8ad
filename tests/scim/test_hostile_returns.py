"""Requests that bring back more people than one request can see to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from scimbridge.store.schema import identities, memberships, returns, unassignments
from tests.processes.serving import Server, database_beside, served
from tests.scim.conftest import a_group, a_user
from tests.scim.hostility import Attacker
from tests.scim.test_hostile_bodies import within

MANY = 20_000
GRANTING = """
[targets.crm]
connector = "scim"
base_url = "https://crm.example.com/scim/v2"
token = "secret"
granted_by = ["CRM Users"]

[[rules]]
name = "leavers"
when = ["unassigned"]

  [[rules.stages]]
  after = "1h"
  do = ["suspend"]
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def granting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose groups grant a target."""
    folder = tmp_path_factory.mktemp("granting")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/bridge.db"
        if request.param == "postgresql":
            url = stack.enter_context(database_beside(request.getfixturevalue("postgresql_url"), "come_back"))
        yield stack.enter_context(served(folder, url, config=GRANTING))


@pytest.fixture
def attacker(granting: Server) -> Iterator[Attacker]:
    """Somebody with a valid token."""
    attacker = Attacker(granting)
    yield attacker
    attacker.client.close()


def people_like(server: Server, user_id: str, many: int) -> list[str]:
    """Store as many more Users like one, and return their ids."""
    with server.bridge.database.write() as tx:
        row = dict(tx.execute(select(identities).where(identities.c.id == user_id)).mappings().one())
        ids = [f"{user_id[:-12]}{number:012x}" for number in range(many)]
        names = ("user_name", "user_name_key", "any_case_name")
        rows = [{**row, "id": each, **dict.fromkeys(names, each)} for each in ids]
        for start in range(0, many, 5000):
            tx.execute(insert(identities), rows[start : start + 5000])
    return ids


def have_left(server: Server, group_id: str, people: Sequence[str]) -> None:
    """Everybody is out of the group, and has lost what it grants."""
    with server.bridge.database.write() as tx:
        tx.execute(delete(memberships).where(memberships.c.group_id == group_id))
        tx.execute(delete(returns))
        now = server.bridge.clock()
        for start in range(0, len(people), 5000):
            part = people[start : start + 5000]
            tx.execute(insert(unassignments), [{"identity_id": each, "target": "crm", "at": now} for each in part])


def by_patch(members: list[dict[str, str]]) -> dict[str, Any]:
    return {"Operations": [{"op": "add", "path": "members", "value": members}]}


def by_put(members: list[dict[str, str]]) -> dict[str, Any]:
    return {"displayName": "CRM Users", "members": members}


@pytest.mark.parametrize(("method", "body"), [("PATCH", by_patch), ("PUT", by_put)])
def test_as_many_who_come_back_as_fit_are_within_the_budget(
    attacker: Attacker, method: str, body: Callable[[list[dict[str, str]]], dict[str, Any]]
) -> None:
    server = attacker.server
    people = people_like(server, a_user(attacker.client), MANY)
    group_id = a_group(attacker.client, "CRM Users")
    content = within(body([{"value": each} for each in people]))

    ordeal = attacker.send(method, f"/Groups/{group_id}", content, anew=partial(have_left, server, group_id, people))

    assert ordeal.answer.status == (204 if method == "PATCH" else 200)
    assert server.bridge.overview.returning() == MANY
