"""The largest bulk requests: what people send is within the budget, and what harms is ended by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from scimbridge.scim.bulk_operation import MAX_OPERATIONS
from scimbridge.store.schema import cases
from tests.processes.serving import Server, database_beside, served
from tests.scim.conftest import a_group, a_user
from tests.scim.hostility import Attacker

GRANTING = "App Users"
CONFIG = f"""
[targets.app]
connector = "sample"
mode = "enforce"
file = "app.sqlite"
granted_by = ["{GRANTING}"]

[[rules]]
name = "leavers"
when = ["deactivated", "deleted", "unassigned"]
restore = "auto"
stages = [{{ after = "15m", do = ["suspend"] }}, {{ after = "30d", do = ["remove_from_groups"] }}]
"""

Operation = dict[str, Any]
Making = Callable[[httpx.Client], list[Operation]]
"""Prepares a source, and returns the operations that are measured."""


@pytest.fixture(scope="module")
def granting_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("granting")
    with served(folder, f"sqlite:///{folder}/bridge.db", config=CONFIG) as server:
        yield server


@pytest.fixture(scope="module")
def granting_on_postgresql(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("granting")
    with database_beside(postgresql_url, "granting") as url, served(folder, url, config=CONFIG) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def besieged(request: pytest.FixtureRequest) -> Server:
    """A started server with a target that a group grants, and a rule for those who leave."""
    server: Server = request.getfixturevalue(f"granting_on_{request.param}")
    return server


# On PostgreSQL, each statement takes the web process longer than SQLite takes to execute it: up to one second in all.
on_sqlite = pytest.mark.parametrize("besieged", ["sqlite"], indirect=True)


def sent(client: httpx.Client, operations: list[Operation]) -> list[str]:
    """Send operations, and return the ids of what they are about."""
    answer = client.post("Bulk", json=a_bulk(operations))
    found = answer.json()["Operations"]
    assert all(int(each["status"]) < 300 for each in found), found
    return [each["location"].rpartition("/")[2] for each in found]


def a_bulk(operations: list[Operation]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}


def created(count: int = MAX_OPERATIONS) -> list[Operation]:
    return [
        {"method": "POST", "path": "/Users", "bulkId": str(number), "data": {"userName": f"u{number}", "active": True}}
        for number in range(count)
    ]


def patch(path: str, operation: Mapping[str, Any]) -> Operation:
    return {"method": "PATCH", "path": path, "data": {"Operations": [operation]}}


def members(client: httpx.Client, ids: list[str]) -> str:
    return a_group(client, GRANTING, members=tuple(ids))


def removed(client: httpx.Client) -> list[Operation]:
    ids = sent(client, created())
    group = members(client, [*ids, a_user(client, "who stays")])
    return [patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{each}"]'}) for each in ids]


def deactivated(client: httpx.Client) -> list[Operation]:
    ids = sent(client, created())
    return [patch(f"/Users/{each}", {"op": "replace", "path": "active", "value": False}) for each in ids]


def deleted(client: httpx.Client) -> list[Operation]:
    ids = sent(client, created())
    members(client, ids)
    return [{"method": "DELETE", "path": f"/Users/{each}"} for each in ids]


def assigned_again(client: httpx.Client) -> list[Operation]:
    ids = sent(client, created())
    group = members(client, [*ids, a_user(client, "who stays")])
    leaving = [patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{each}"]'}) for each in ids]
    sent(client, leaving)
    return [patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": each}]}) for each in ids]


def groups_in_circles(_: httpx.Client) -> list[Operation]:
    def next_to(number: int) -> int:
        return number // 50 * 50 + (number + 1) % 50

    return [
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": str(number),
            "data": {"displayName": f"g{number}", "members": [{"value": f"bulkId:{next_to(number)}"}]},
        }
        for number in range(MAX_OPERATIONS)
    ]


PLAIN: Mapping[str, Making] = {
    "removed from a granting group": removed,
    "assigned again": assigned_again,
    "deactivated": deactivated,
    "deleted": deleted,
    "created": lambda _: created(),
    "groups in circles": groups_in_circles,
}


@on_sqlite
@pytest.mark.parametrize("making", PLAIN.values(), ids=PLAIN)
def test_as_many_operations_as_there_may_be_are_within_the_budget(attacker: Attacker, making: Making) -> None:
    answer = attacker.send("POST", "/Bulk", lambda client: a_bulk(making(client))).answer

    assert {each["status"] for each in answer.json()["Operations"]} <= {"200", "201", "204"}


def test_each_of_as_many_removals_as_there_may_be_is_a_case(attacker: Attacker) -> None:
    with attacker.server.bridge.database.read() as tx:
        before = tx.execute(select(func.count()).select_from(cases)).scalar_one()

    sent(attacker.client, removed(attacker.client))

    with attacker.server.bridge.database.read() as tx:
        assert tx.execute(select(func.count()).select_from(cases)).scalar_one() == before + MAX_OPERATIONS


# -- what takes long each time ------------------------------------------------


def a_large_user(client: httpx.Client) -> list[Operation]:
    user_id = a_user(client, emails=[{"value": f"{number}@example.com"} for number in range(200)])
    path = 'emails[value eq "{}@example.com"].display'
    return [
        patch(f"/Users/{user_id}", {"op": "replace", "path": path.format(n % 200), "value": str(n)})
        for n in range(MAX_OPERATIONS)
    ]


def a_large_granting_group(client: httpx.Client) -> list[Operation]:
    ids = [each for start in range(10) for each in sent(client, renumbered(created(), start * MAX_OPERATIONS))]
    group = members(client, ids)
    names = ("Nobody", GRANTING)
    return [
        {"method": "PUT", "path": f"/Groups/{group}", "data": {"displayName": names[number % 2]}}
        for number in range(MAX_OPERATIONS)
    ]


def renumbered(operations: list[Operation], first: int) -> list[Operation]:
    return [
        {**each, "data": {**each["data"], "userName": f"u{first + number}"}} for number, each in enumerate(operations)
    ]


COSTLY: Mapping[str, Making] = {
    "among many e-mail addresses": a_large_user,
    "that rename a large granting Group": a_large_granting_group,
}


@on_sqlite
@pytest.mark.parametrize("making", COSTLY.values(), ids=COSTLY)
def test_operations_that_cost_much_are_within_the_budget(attacker: Attacker, making: Making) -> None:
    answer = attacker.send("POST", "/Bulk", lambda client: a_bulk(making(client))).answer

    found = [each["status"] for each in answer.json()["Operations"]]
    assert len(found) == MAX_OPERATIONS
    assert (found[0], found[-1]) == ("200", "503")
    assert set(found) <= {"200", "400", "503"}  # those that share a commit may be refused, too
