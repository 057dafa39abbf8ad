"""Bulk requests (RFC 7644 §3.7): each operation is a single request, and refers to what others create."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from scimbridge.domain.resource import Received
from scimbridge.errors import StoreBusyError, TornError
from scimbridge.scim import bulk as bulk_module
from scimbridge.scim import limits
from scimbridge.scim.bulk_operation import MAX_OPERATIONS
from scimbridge.scim.bulk_order import references, resolved, units
from scimbridge.scim.limits import Toil
from scimbridge.store import database as database_module
from scimbridge.store.prepared import execute
from tests.databases import before_commits
from tests.scim.conftest import BASE, Service, a_group, a_user, on_any_store

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def post(path: str, bulk_id: str | None, **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "data": data} | ({} if bulk_id is None else {"bulkId": bulk_id})


def a_bulk(client: httpx.Client, *operations: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Send operations and return what became of them."""
    response = client.post("Bulk", json={"schemas": [REQUEST], "Operations": list(operations), **more})
    assert response.status_code == 200, response.text
    assert response.json()["schemas"] == [RESPONSE]
    found: list[dict[str, Any]] = response.json()["Operations"]
    return found


def a_received(path: str) -> Received:
    return Received(source="okta", method="POST", path=path, body={}, understood="")


def statuses(operations: list[dict[str, Any]]) -> str:
    return " ".join(operation["status"] for operation in operations)


def id_of(operation: dict[str, Any]) -> str:
    return str(operation["location"]).rpartition("/")[2]


def members(client: httpx.Client, group_id: str) -> set[str]:
    return {member["value"] for member in client.get(f"Groups/{group_id}").json().get("members", ())}


# -- single operations --------------------------------------------------------


def test_each_operation_is_answered_with_its_address_and_version(client: httpx.Client) -> None:
    user_id, group_id = a_user(client, "ben"), a_group(client)

    created, replaced, patched, deleted = a_bulk(
        client,
        post("/Users", "a", userName="ada"),
        {"method": "PUT", "path": f"/Users/{user_id}", "data": {"userName": "ben", "title": "x"}},
        {
            "method": "PATCH",
            "path": f"/Users/{user_id}/",
            "data": {"Operations": [{"op": "replace", "path": "active", "value": False}]},
        },
        {"method": "DELETE", "path": f"/Groups/{group_id}", "bulkId": "d"},
    )

    location = f"{BASE}/Users/{user_id}"
    assert created == {
        "method": "POST",
        "bulkId": "a",
        "status": "201",
        "version": 'W/"v1"',
        "location": f"{BASE}/Users/{id_of(created)}",
    }
    assert replaced == {"method": "PUT", "status": "200", "version": 'W/"v2"', "location": location}
    assert patched == {"method": "PATCH", "status": "200", "version": 'W/"v3"', "location": location}
    assert deleted == {"method": "DELETE", "bulkId": "d", "status": "204", "location": f"{BASE}/Groups/{group_id}"}
    assert client.get(f"Users/{user_id}").json()["active"] is False


def test_an_operation_that_fails_undoes_itself_alone(client: httpx.Client) -> None:
    a_user(client, "taken")

    done = a_bulk(
        client,
        post("/Users", "1", userName="ada"),
        post("/Users", "2", userName="TAKEN"),
        post("/Groups", "3", displayName="Team", members=[{"value": "nobody"}]),
        post("/Users", "4", userName="ben"),
    )

    assert statuses(done) == "201 409 400 201"
    assert done[1]["response"]["scimType"] == "uniqueness"
    assert done[1]["response"]["status"] == "409"
    assert "location" not in done[1]
    assert client.get("Groups").json()["totalResults"] == 0
    assert client.get("Users").json()["totalResults"] == 3


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"method": "GET", "path": "/Users"}, "400"),
        ({"path": "/Users", "data": {"userName": "x"}}, "400"),
        ({"method": "POST", "path": "/Users"}, "400"),
        ({"method": "POST", "path": "/Users", "data": []}, "400"),
        ({"method": "POST", "path": "/Users/1", "data": {}}, "405"),
        ({"method": "DELETE", "path": "/Users"}, "405"),
        ({"method": "DELETE", "path": "/Users/nobody"}, "404"),
        ({"method": "DELETE", "path": "/Users/..%2f"}, "404"),
        ({"method": "DELETE", "path": "/Nothing/1"}, "404"),
        ({"method": "POST", "path": "/Bulk", "data": {}}, "404"),
        ({"method": "POST", "path": "", "data": {}}, "400"),
    ],
    ids=repr,
)
def test_an_operation_that_is_none_fails_alone(client: httpx.Client, operation: dict[str, Any], status: str) -> None:
    failed, created = a_bulk(client, operation, {"method": "post", "path": "Users", "data": {"userName": "ada"}})

    assert (failed["status"], failed["response"]["status"], created["status"]) == (status, status, "201")


@pytest.mark.parametrize(
    "flawed",
    [
        {"method": "PUT"},
        {"method": "PATCH", "data": None},
        {"method": "PATCH", "data": []},
        {"method": "GET"},
        {"method": "PATCH", "data": {"Operations": [{"op": "remove", "path": "bulkId:nothing"}]}},
    ],
    ids=repr,
)
def test_a_failure_has_the_address_of_what_was_meant(client: httpx.Client, flawed: dict[str, Any]) -> None:
    path = f"/Users/{a_user(client)}"

    (failed,) = a_bulk(client, {"path": f"{path}/", **flawed})

    assert (failed["status"][0], failed["location"]) == ("4", f"{BASE}{path}")


def test_what_has_no_address_yet_is_answered_without_one(client: httpx.Client) -> None:
    done = a_bulk(
        client,
        {"method": "POST", "path": "/Users", "bulkId": "1"},
        {"method": "PATCH", "path": "/Users/bulkId:1", "data": {"Operations": []}},
        {"method": "PATCH", "data": {"Operations": []}},
    )

    assert (statuses(done), [each.get("location") for each in done]) == ("400 409 400", [None] * 3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Operations": []},
        {"Operations": {}},
        {"Operations": ["x"]},
        {"Operations": [{"method": 1, "path": "/Users"}]},
        {"Operations": [post("/Users", None, userName="ada")], "schemas": ["urn:example:other"]},
        {"Operations": [post("/Users", None, userName="ada")], "failOnErrors": "many"},
        {"Operations": [post("/Users", None, userName="ada")], "failOnErrors": -1},
        {"Operations": [post("/Users", None, userName="ada")], "failOnErrors": True},
    ],
    ids=repr,
)
def test_a_request_that_is_no_bulk_request_is_refused_whole(client: httpx.Client, body: dict[str, Any]) -> None:
    response = client.post("Bulk", json=body)

    assert response.status_code == 400
    assert client.get("Users").json()["totalResults"] == 0


def test_a_version_is_checked(client: httpx.Client) -> None:
    user_id = a_user(client)
    path = f"/Users/{user_id}"

    done = a_bulk(
        client,
        {"method": "PUT", "path": path, "version": 'W/"v1"', "data": {"userName": "ada", "title": "x"}},
        {"method": "DELETE", "path": path, "version": 'W/"v1"'},
    )

    assert statuses(done) == "200 412"
    assert done[1]["location"] == f"{BASE}{path}"


@on_any_store
def test_a_remove_that_does_not_say_whom_takes_nobody_out(client: httpx.Client) -> None:
    ada = a_user(client, "ada", emails=[{"value": "ada@example.com"}])
    paths = {f"/Groups/{a_group(client, members=(ada,))}": "members", f"/Users/{ada}": "emails"}

    done = a_bulk(
        client,
        *(
            {"method": "PATCH", "path": path, "data": {"Operations": [{"op": "remove", "path": name, "value": None}]}}
            for path, name in paths.items()
        ),
    )

    assert [each["response"]["scimType"] for each in done] == ["invalidValue", "invalidValue"]
    assert all(name in client.get(path.removeprefix("/")).json() for path, name in paths.items())


@on_any_store
def test_what_shares_a_commit_shares_what_it_may_cost(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_EXTRA", 1e9)
    path = f"/Users/{a_user(client, 'ada', emails=[{'value': f'{n}@example.com'} for n in range(1000)])}"
    ends = [f'value eq "{n}"' for n in range(25)]
    data = {"Operations": [{"op": "replace", "path": f"emails[{' or '.join(ends)} or value pr].display", "value": "x"}]}
    search = {"method": "PATCH", "path": path, "data": data}
    others = [{"method": "DELETE", "path": "/Users/nobody"}] * bulk_module.CHUNK

    done = a_bulk(client, search, search, *others, search)

    assert statuses([done[0], done[1], done[-1]]) == "200 400 200"
    assert done[1]["response"]["scimType"] == "invalidValue"


def test_a_returning_user_keeps_its_address(client: httpx.Client) -> None:
    user_id = a_user(client, "ada", active=False)

    (done,) = a_bulk(client, post("/Users", "a", userName="ada"))

    assert (done["status"], id_of(done)) == ("200", user_id)


# -- limits -------------------------------------------------------------------


def test_a_client_may_stop_at_errors(client: httpx.Client) -> None:
    a_user(client, "taken")
    operations = [post("/Users", str(n), userName=name) for n, name in enumerate(("a", "taken", "b", "taken", "c"))]

    one, two, all_ = (a_bulk(client, *operations, failOnErrors=allowed) for allowed in (1, 2, 0))

    assert statuses(one) == "201 409"
    assert statuses(two) == "409 409"
    assert statuses(all_) == "409 409 201 409 201"


def test_too_many_operations_are_refused_with_the_limit(client: httpx.Client) -> None:
    response = client.post("Bulk", json={"Operations": [post("/Users", None, userName="ada")] * 501})

    assert response.status_code == 413
    assert "500" in response.json()["detail"]
    assert client.get("Users").json()["totalResults"] == 0


def test_a_larger_body_than_announced_is_refused(client: httpx.Client) -> None:
    limit = client.get("ServiceProviderConfig").json()["bulk"]["maxPayloadSize"]
    fits, too_large = ({"Operations": [post("/Nothing", None, x="x" * size)]} for size in (limit // 2, limit))

    assert client.post("Bulk", json=fits).status_code == 200
    response = client.post("Bulk", json=too_large)

    assert response.status_code == 413
    assert str(limit) in response.json()["detail"]


# -- references ---------------------------------------------------------------


def test_a_group_gets_the_members_that_come_with_it(client: httpx.Client) -> None:
    user, group, change = a_bulk(
        client,
        post("/Users", "u:1 x", userName="ada"),
        post("/Groups", "g", displayName="Team", members=[{"value": "bulkId:u:1 x", "$ref": "/Users/bulkId:u:1 x"}]),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:u:1 x"]'}]},
        },
    )

    assert (user["status"], group["status"], change["status"]) == ("201", "201", "204")
    assert members(client, id_of(group)) == set()
    assert change["location"] == group["location"]


def test_a_reference_may_stand_before_what_it_names(client: httpx.Client) -> None:
    report, chain, manager = a_bulk(
        client,
        post("/Users", "r", userName="ada", **{ENTERPRISE: {"manager": {"value": "bulkId:m"}}}),
        {
            "method": "PATCH",
            "path": "/Users/bulkId:r",
            "data": {"Operations": [{"op": "add", "path": "title", "value": "x"}]},
        },
        post("/Users", "m", userName="boss"),
    )

    shown = client.get(f"Users/{id_of(report)}").json()
    assert (report["status"], chain["status"], manager["status"]) == ("201", "200", "201")
    assert shown[ENTERPRISE]["manager"]["value"] == id_of(manager)
    assert shown["title"] == "x"


def test_a_circle_is_closed(client: httpx.Client) -> None:
    one, two, user = a_bulk(
        client,
        post("/Groups", "1", displayName="One", members=[{"value": "bulkId:2"}, {"value": "bulkId:u"}]),
        post("/Groups", "2", displayName="Two", members=[{"type": "Group", "value": "bulkId:1"}]),
        post("/Users", "u", userName="ada", **{ENTERPRISE: {"manager": {"value": "bulkId:u"}, "department": "X"}}),
    )

    assert statuses([one, two, user]) == "201 201 201"
    assert members(client, id_of(one)) == {id_of(two), id_of(user)}
    assert members(client, id_of(two)) == {id_of(one)}
    assert client.get(f"Users/{id_of(user)}").json()[ENTERPRISE] == {
        "manager": {"value": id_of(user)},
        "department": "X",
    }
    for group in (one, two):
        assert group["version"] == client.get(f"Groups/{id_of(group)}").headers["etag"]


def test_a_circle_is_closed_whole_or_not_at_all(service: Service) -> None:
    client = service.client()
    a_group(client, "Two")

    one, two, other = a_bulk(
        client,
        post("/Groups", "1", displayName="One", members=[{"value": "bulkId:2"}]),
        post("/Groups", "2", displayName="Two", members=[{"value": "bulkId:1"}]),
        post("/Groups", "3", displayName="Three", members=[{"value": "bulkId:1"}]),
    )

    assert statuses([one, two, other]) == "409 409 409"
    assert two["response"]["scimType"] == "uniqueness"
    assert "location" not in one
    assert client.get("Groups").json()["totalResults"] == 1
    assert [kept["status"] for kept in service.requests()] == [201, 409, 409, 409]


@on_any_store
def test_a_circle_is_no_larger_than_a_commit(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "CHUNK", 3)
    circles = [
        post(
            "/Groups", f"{size}-{n}", displayName=f"{size}-{n}", members=[{"value": f"bulkId:{size}-{(n + 1) % size}"}]
        )
        for size in (3, 4)
        for n in range(size)
    ]

    done = a_bulk(client, *circles)

    assert statuses(done) == "201 201 201 409 409 409 409"
    assert "circle" in done[3]["response"]["detail"]
    assert client.get("Groups").json()["totalResults"] == 3


def test_a_reference_to_nothing_is_a_conflict(client: httpx.Client) -> None:
    a_user(client, "taken")

    done = a_bulk(
        client,
        post("/Groups", "g", displayName="Team", members=[{"value": "bulkId:never"}]),
        post("/Users", "u", userName="taken"),
        post("/Groups", "h", displayName="Other", members=[{"value": "bulkId:u"}]),
        {"method": "DELETE", "path": "/Users/bulkId:u"},
    )

    assert statuses(done) == "409 409 409 409"
    assert client.get("Groups").json()["totalResults"] == 0


def test_a_bulk_id_is_given_once(client: httpx.Client) -> None:
    done = a_bulk(client, post("/Users", "x", userName="ada"), post("/Users", "x", userName="ben"))

    assert statuses(done) == "201 400"


def test_a_long_chain_of_references_is_followed(client: httpx.Client) -> None:
    operations = [
        post("/Users", str(n), userName=f"u{n}", **{ENTERPRISE: {"manager": {"value": f"bulkId:{n + 1}"}}})
        for n in range(499)
    ]

    done = a_bulk(client, *operations, post("/Users", "499", userName="top"))

    assert {operation["status"] for operation in done} == {"201"}
    assert [operation["bulkId"] for operation in done] == [str(n) for n in range(500)]


# -- the order ----------------------------------------------------------------


def test_what_waits_for_nothing_keeps_its_order() -> None:
    assert units([set(), {2}, set(), {1, 4}, set()]) == [[0], [2], [1], [4], [3]]


def test_circles_are_one_unit() -> None:
    assert units([{1}, {0, 3}, {0}, set(), {4}]) == [[3], [0, 1], [2], [4]]


@given(st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8))
def test_everything_runs_once_and_after_what_it_needs(needs: list[set[int]]) -> None:
    order = units(needs)

    seen: set[int] = set()
    for unit in order:
        outside = {need for index in unit for need in needs[index]} - set(unit)
        assert outside <= seen
        seen |= set(unit)
    assert sorted(index for unit in order for index in unit) == list(range(8))


def test_references_are_found_wherever_they_stand() -> None:
    data = {
        "a": ["bulkId:1", {"$ref": "../Users/bulkId:2"}],
        "path": 'members[value eq "bulkId:3" or value eq "bulkId:4"]',
    }
    ids: dict[str, str | None] = {"1": "A", "2": "B", "3": "C", "4": "D"}

    assert set(references(data)) == set("1234")
    assert resolved(data, ids.get) == {
        "a": ["A", {"$ref": "../Users/B"}],
        "path": 'members[value eq "C" or value eq "D"]',
    }


# -- transactions -------------------------------------------------------------


def test_operations_share_commits(service: Service) -> None:
    commits: list[int] = []

    with before_commits(service.database, lambda: commits.append(1)):
        a_bulk(service.client(), *(post("/Users", None, schemas=[USER], userName=f"u{n}") for n in range(120)))

    assert len(commits) == 3


def test_a_commit_that_fails_fails_its_operations_and_no_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = service.client()
    monkeypatch.setattr(bulk_module, "CHUNK", 2)
    in_one_piece, calls = service.intake.in_one_piece, []

    def broken(work: Callable[[], None]) -> None:
        calls.append(work)
        if len(calls) != 2:
            in_one_piece(work)
            return

        def and_then_nothing() -> None:
            work()
            raise StoreBusyError("the disk is busy")

        in_one_piece(and_then_nothing)

    monkeypatch.setattr(service.intake, "in_one_piece", broken)
    done = a_bulk(client, *(post("/Users", str(n), userName=f"u{n}") for n in range(6)))

    assert statuses(done) == "201 201 503 503 201 201"
    assert "location" not in done[2]
    assert {user["userName"] for user in client.get("Users").json()["Resources"]} == {"u0", "u1", "u4", "u5"}


def test_operations_are_undone_together_until_one_of_them_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_module, "CHUNK", 2)
    create_user, names = service.intake.create_user, []

    def noting(document: Mapping[str, Any], *more: Any, **others: Any) -> Any:
        names.append(document["userName"])
        return create_user(document, *more, **others)

    monkeypatch.setattr(service.intake, "create_user", noting)
    wanted = ["a", "b", "c", "a", "d", "a", "e"]
    done = a_bulk(service.client(), *(post("/Users", None, userName=name) for name in wanted))

    assert statuses(done) == "201 201 201 409 201 409 201"
    assert names == ["a", "b", "c", "a", "c", "a", "d", "a", "e"]


def test_a_savepoint_is_made_only_for_operations_after_one_has_failed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def noting(tx: Connection, text: str, parameters: Any = ()) -> Any:
        said.append(text)
        return execute(tx, text, parameters)

    monkeypatch.setattr(database_module, "execute", noting)
    client = service.client()

    a_bulk(client, *(post("/Users", None, userName=f"u{number}") for number in range(9)))
    in_one_piece = sum(text.startswith("SAVEPOINT") for text in said)
    a_bulk(client, *(post("/Users", None, userName=f"u{number}") for number in range(9)))

    assert in_one_piece <= 1
    assert sum(text.startswith("SAVEPOINT") for text in said) >= 9


def test_what_a_torn_request_had_to_tell_after_its_commit_is_told_once(service: Service) -> None:
    told: list[str] = []
    intake = service.intake

    def work() -> None:
        intake.after_commit(lambda: told.append("torn"))
        intake.create_user({"userName": "ada"}, a_received("/Users"), service.clock())
        intake.create_user({"userName": "ada"}, a_received("/Users"), service.clock())

    with pytest.raises(TornError):
        intake.in_one_piece(work)

    assert told == []
    assert service.client().get("Users").json()["totalResults"] == 0


def test_operations_that_cost_much_leave_the_rest_to_another_request(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = service.client()
    monkeypatch.setattr(limits, "ORDINARY", 0.0)
    monkeypatch.setattr(limits, "MOST_EXTRA", 0.0)
    wanted = [post("/Users", str(number), userName=f"u{number}") for number in range(3)]

    first = a_bulk(client, *wanted)
    second = a_bulk(client, *wanted[1:])

    assert statuses(first) == "201 503 503"
    assert "location" not in first[1]
    assert "send it again" in first[1]["response"]["detail"]
    assert statuses(second) == "201 503"
    assert [kept["status"] for kept in service.requests()] == [201, 201]


def test_a_patch_of_too_many_operations_is_refused_as_by_itself(client: httpx.Client) -> None:
    user_id = a_user(client)
    many = {"Operations": [{"op": "replace", "path": "title", "value": str(n)} for n in range(1001)]}

    (done,) = a_bulk(client, {"method": "PATCH", "path": f"/Users/{user_id}", "data": many})
    alone = client.patch(f"Users/{user_id}", json=many)

    assert done["response"] == alone.json()
    assert done["status"] == "400"


def test_an_operation_that_was_not_run_counts_as_an_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ORDINARY", 0.0)
    monkeypatch.setattr(limits, "MOST_EXTRA", 0.0)
    wanted = [post("/Users", None, userName=f"u{number}") for number in range(5)]

    done = a_bulk(service.client(), *wanted, failOnErrors=2)

    assert statuses(done) == "201 503 503"


def test_what_is_ordinary_costs_nothing_however_often_it_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: spent[0])
    toil = Toil()

    def run(cpu: float, operations: int = 1) -> bool:
        with toil.of(operations):
            spent[0] += cpu
        return toil.is_enough

    assert not any(run(0.004) for _ in range(MAX_OPERATIONS))
    assert not run(0.1, operations=50)  # a circle
    assert not run(0.4)
    assert run(0.1)


def test_an_operation_that_fails_has_cost_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = iter([0.0, 1.0])
    monkeypatch.setattr(time, "thread_time", lambda: next(spent))
    toil = Toil()

    with pytest.raises(TornError), toil.of(1):
        raise TornError

    assert toil.is_enough


def test_each_operation_is_kept_like_a_single_request(service: Service) -> None:
    client = service.client()

    a_bulk(client, post("/Users", "a", userName="ada", password="hunter2"), post("/Users", "b", userName="ADA"))

    first, second = service.requests()
    assert (first["method"], first["path"], first["status"]) == ("POST", "/Users", 201)
    assert first["received"] == {"userName": "ada", "password": "[removed]"}
    assert (second["status"], second["received"]) == (409, {"userName": "ADA"})


# -- the same as one by one ---------------------------------------------------

_NAMES = st.sampled_from(["ada", "ADA", "ben", ""])
_ACTIVE: st.SearchStrategy[Any] = st.sampled_from([True, False, "False", "no", None])
_USERS = st.integers(0, 3).map(lambda n: f"/Users/{{{n}}}")
_ANY_OPERATION = st.one_of(
    st.builds(lambda name, active: post("/Users", None, userName=name, active=active), _NAMES, _ACTIVE),
    st.builds(
        lambda path, name, active: {"method": "PUT", "path": path, "data": {"userName": name, "active": active}},
        _USERS, _NAMES, _ACTIVE,
    ),
    st.builds(
        lambda path, active: {
            "method": "PATCH",
            "path": path,
            "data": {"Operations": [{"op": "Replace", "path": "active", "value": active}]},
        },
        _USERS, _ACTIVE,
    ),
    st.builds(lambda path: {"method": "DELETE", "path": path}, _USERS),
    st.builds(
        lambda name, member: post("/Groups", None, displayName=name, members=[{"value": member}]),
        _NAMES, st.integers(0, 3).map(lambda n: f"{{{n}}}"),
    ),
)  # fmt: skip


def _with_ids(node: Any, ids: list[str]) -> Any:
    if isinstance(node, str):
        return node.format(*ids) if "{" in node else node
    if isinstance(node, list):
        return [_with_ids(item, ids) for item in node]
    return {key: _with_ids(item, ids) for key, item in node.items()} if isinstance(node, dict) else node


def _shown(client: httpx.Client, ids: list[str]) -> list[Any]:
    """Return what there is, without ids and times."""
    users = client.get("Users").json()["Resources"]
    names = {user["id"]: user["userName"] for user in users}
    groups = client.get("Groups").json()["Resources"]
    return sorted(
        (user["userName"], user["active"], user["meta"]["version"], len(user.get("groups", ())), user["id"] in ids)
        for user in users
    ) + sorted(
        (group["displayName"], group["meta"]["version"], *sorted(names[m["value"]] for m in group.get("members", ())))
        for group in groups
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(_ANY_OPERATION, min_size=1, max_size=12))
def test_a_bulk_request_is_the_same_as_its_operations_one_by_one(
    service: Service, operations: list[dict[str, Any]]
) -> None:
    clients = service.client("token-of-okta"), service.client("token-of-entra")
    for client in clients:
        for kind in ("Groups", "Users"):
            for resource in client.get(kind).json()["Resources"]:
                client.delete(f"{kind}/{resource['id']}")
    in_bulk, single = clients
    ids = [[a_user(client, f"u{n}") for n in range(4)] for client in clients]

    bulked = a_bulk(in_bulk, *_with_ids(operations, ids[0]))
    alone = [
        single.request(each["method"], each["path"].lstrip("/"), json=each.get("data"))
        for each in _with_ids(operations, ids[1])
    ]

    assert [each["status"] for each in bulked] == [str(each.status_code) for each in alone]
    assert [each.get("version") for each in bulked] == [each.headers.get("etag") for each in alone]
    assert [each.get("response", {}).get("scimType") for each in bulked] == [
        each.json().get("scimType") if each.status_code >= 400 else None for each in alone
    ]
    assert _shown(in_bulk, ids[0]) == _shown(single, ids[1])
