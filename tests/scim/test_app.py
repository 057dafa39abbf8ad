"""The edges: what the framework, the store or an unforeseen error would answer, SCIM answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from scimbridge.errors import StoreBusyError, StoreUnavailableError
from tests.scim.conftest import Service, a_user, on_any_store, patched

pytestmark = on_any_store

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "Nothing", 404),
        ("PUT", "", 405),
        ("POST", "Nothing", 404),
        ("GET", "Users/x/y", 404),
        ("PUT", "Users", 405),
        ("DELETE", "Groups", 405),
        ("POST", "Users/x", 405),
        ("POST", "Schemas", 405),
        ("DELETE", "ServiceProviderConfig", 405),
        ("OPTIONS", "Users", 405),
    ],
)
def test_the_framework_answers_in_scim(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/scim+json"
    assert response.json()["schemas"] == [ERROR]
    assert response.json()["status"] == str(status)
    assert ("allow" in response.headers) is (status == 405)


@pytest.mark.parametrize(
    "user_id",
    [
        "nobody",
        "%00",
        "%0d%0aSet-Cookie:x=1",
        "..%2f..%2fetc",
        "%2e%2e",
        "a%20b",
        "%ff",
        "%E9",
        "%ED%A0%80",
        "x" * 300,
        "%E2%80%A8",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_id_that_nothing_has_is_not_found(client: httpx.Client, method: str, user_id: str) -> None:
    body = {"userName": "x", "Operations": [{"op": "add", "path": "title", "value": "x"}]}

    response = client.request(method, f"Users/{user_id}", json=body)

    assert response.status_code in {404, 405}
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", ["", "Users", "Groups"])
@pytest.mark.parametrize(
    ("query", "scim_type", "name"),
    [
        ("filter=displayName%20eq%20%22Jos%E9%22", "invalidFilter", "filter"),
        ("FILTER=displayName+eq+%22%ED%A0%80%22", "invalidFilter", "filter"),
        ("attributes=%E9", "invalidValue", "attributes"),
        ("attributes=id&excludedattributes=members,%E9", "invalidValue", "excludedAttributes"),
        ("sortBy=%FF", "invalidValue", "sortBy"),
        ("cursor=%C3", "invalidValue", "cursor"),
        ("more=%E9", "invalidValue", "more"),
        ("filt%E9r=id+pr", "invalidValue", "the name of a parameter"),
    ],
)
def test_a_parameter_that_is_no_utf_8_finds_not_nobody_but_is_refused(
    client: httpx.Client, path: str, query: str, scim_type: str, name: str
) -> None:
    """Who is told that somebody is not there creates them once more."""
    response = client.get(f"{path}?{query}")

    assert (response.status_code, response.json()["scimType"]) == (400, scim_type)
    assert response.json()["detail"] == f"{name} must be percent-encoded UTF-8"


def test_a_parameter_in_utf_8_finds_who_it_names(client: httpx.Client) -> None:
    a_user(client, "jos\u00e9")

    found = [client.get(f"Users?filter=userName%20eq%20%22jos{end}%22") for end in ("%C3%A9", "e%CC%81", "%c3%89")]

    assert [each.json()["totalResults"] for each in found] == [1, 1, 1]


def test_a_write_with_a_parameter_that_is_no_utf_8_is_refused_and_recorded(service: Service) -> None:
    client = service.client()
    user_id = a_user(client, "ada")

    response = client.patch(
        f"Users/{user_id}?attributes=%E9", json={"Operations": [{"op": "add", "path": "title", "value": "x"}]}
    )

    assert response.status_code == 400
    assert "title" not in client.get(f"Users/{user_id}").json()
    assert service.requests()[-1]["status"] == 400
    assert "attributes must be" in str(service.requests()[-1])


def test_a_slash_at_the_end_changes_nothing(client: httpx.Client) -> None:
    response = client.post("Users/", json={"userName": "ada"})

    assert response.status_code == 201
    assert client.get(f"Users/{response.json()['id']}/").status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (StoreBusyError("the file /secret/path is locked"), 503, "1"),
        (StoreUnavailableError("the file /secret/path is read-only"), 503, "30"),
        (RuntimeError("/secret/path"), 500, None),
    ],
)
def test_trouble_on_our_side_is_never_a_success(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, retry_after: str | None
) -> None:
    client = service.client()
    user_id = a_user(client)
    kept = len(service.requests())

    def fail(*_: Any, **__: Any) -> None:
        raise error

    for name in ("create_user", "change_user", "delete_user"):
        monkeypatch.setattr(service.intake, name, fail)
    monkeypatch.setattr(service.lookup, "list_users", fail)

    with capture_logs() as logged:
        answers = [
            client.post("Users", json={"userName": "ben"}),
            patched(client, f"Users/{user_id}", {"op": "replace", "path": "active", "value": False}),
            client.delete(f"Users/{user_id}"),
            client.get("Users"),
        ]

    assert {answer.status_code for answer in answers} == {status}
    assert logged or isinstance(error, StoreBusyError), "the answer does not say why, so that the log has to"
    assert {answer.headers.get("retry-after") for answer in answers} == {retry_after}
    assert not any("secret" in answer.text for answer in answers)
    assert len(service.requests()) == kept


def test_a_refused_write_is_kept_with_its_reason(service: Service) -> None:
    client = service.client()
    a_user(client, "ada")

    client.post("Users", json={"userName": "ada", "password": "hunter2"})
    patched(client, "Users/nobody", {"op": "replace", "path": "active", "value": "False"})

    taken, unknown = service.requests()[1:]
    assert (taken["status"], taken["applied"]) == (409, "refused: another resource already has this userName")
    assert (unknown["status"], unknown["understood"]) == (404, 'replace active "False": deactivate')
    assert "hunter2" not in str(taken)


def test_an_answer_to_a_wrong_value_does_not_repeat_it(client: httpx.Client) -> None:
    user_id = a_user(client)

    answers = [
        client.post("Users", json={"userName": "ada", "name": "s3cret", "title": {"s3cret": 1}}),
        patched(client, f"Users/{user_id}", {"op": "replace", "path": "title", "value": {"s3cret": 1}}),
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert not any("s3cret" in answer.text or "pydantic" in answer.text for answer in answers)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"attributes": "userName"}, {"schemas", "id", "userName"}),
        (
            {"attributes": "USERNAME, urn:ietf:params:scim:schemas:core:2.0:User:title"},
            {"schemas", "id", "userName", "title"},
        ),
        ({"attributes": "nothing"}, {"schemas", "id"}),
        ({"attributes": "meta.location,emails.value"}, {"schemas", "id", "meta", "emails"}),
        ({"excludedAttributes": "id,schemas,userName,meta"}, {"schemas", "id", "active", "title", "emails"}),
    ],
)
def test_an_answer_has_the_attributes_that_are_asked_for(
    client: httpx.Client, query: dict[str, str], names: set[str]
) -> None:
    user_id = a_user(client, "ada", title="x", emails=[{"value": "a@example.com", "type": "work"}])

    alone = client.get(f"Users/{user_id}", params=query).json()
    listed = client.get("Users", params=query).json()["Resources"][0]

    assert set(alone) == names
    assert alone == listed


@pytest.mark.parametrize("query", [{"attributes": "emails.value"}, {"excludedAttributes": "emails.type"}])
def test_sub_attributes_can_be_asked_for(client: httpx.Client, query: dict[str, str]) -> None:
    user_id = a_user(client, "ada", emails=[{"value": "a@example.com", "type": "work"}])

    assert client.get(f"Users/{user_id}", params=query).json()["emails"] == [{"value": "a@example.com"}]


def test_attributes_and_excluded_attributes_exclude_each_other(client: httpx.Client) -> None:
    response = client.get("Users", params={"attributes": "userName", "excludedAttributes": "emails"})

    assert response.status_code == 400
