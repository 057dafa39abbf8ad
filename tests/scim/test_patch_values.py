"""PATCH of Users: what a value says that has little or nothing in it, and what it does not say."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.scim.conftest import Service, a_user, on_any_store, patched

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = {"value": "ada@example.com", "type": "work"}
HOME = {"value": "ada@home.example", "type": "home"}
NAME = {"familyName": "Lovelace", "givenName": "Ada"}
CHOSEN, MISSING = 'emails[type eq "home"]', 'emails[type eq "other"]'

pytestmark = on_any_store


@pytest.fixture
def address(client: httpx.Client) -> str:
    """The address of a User with e-mail addresses, a name, and a company."""
    more = {"emails": [WORK, HOME], "name": NAME, ENTERPRISE: {"department": "R&D", "division": "North"}}
    return f"Users/{a_user(client, 'ada', **more)}"


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize(("path", "value"), [("emails", {}), ("emails", [{}]), (CHOSEN, {}), (MISSING, {})], ids=str)
def test_an_entry_with_nothing_in_it_is_no_value(
    client: httpx.Client, address: str, verb: str, path: str, value: Any
) -> None:
    before = client.get(address).content

    response = patched(client, address, {"op": verb, "path": path, "value": value})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert client.get(address).content == before


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("value", [{}, [{}], {"desk": 1}, [{"desk": 1}, {}, None], None], ids=str)
def test_what_says_nothing_of_a_list_neither_takes_the_place_of_its_entries_nor_keeps_a_leaver(
    client: httpx.Client, address: str, verb: str, value: Any
) -> None:
    response = patched(client, address, {"op": verb, "value": {"active": False, "emails": value}})

    user = client.get(address).json()
    assert (response.status_code, user["active"], user["emails"]) == (200, False, [WORK, HOME])


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("value", [{"desk": 1}, {"desk": None}], ids=str)
@pytest.mark.parametrize("path", ["emails", CHOSEN, MISSING])
def test_an_entry_of_which_nothing_is_known_is_left_out_and_named(
    service: Service, address: str, verb: str, path: str, value: Any
) -> None:
    client = service.client()

    response = patched(client, address, {"op": verb, "path": path, "value": value})

    assert (response.status_code, client.get(address).json()["emails"]) == (200, [WORK, HOME])
    assert str(service.requests()[-1]["understood"]).endswith(f"ignored: {path}.desk")


def test_an_entry_of_which_something_is_known_takes_the_others_place(client: httpx.Client, address: str) -> None:
    new = {"value": "b@example.com"}

    patched(client, address, {"op": "replace", "path": "emails", "value": [{"desk": 1}, {}, {**new, "desk": 2}]})

    assert client.get(address).json()["emails"] == [new]


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize(
    "path", ["emails", CHOSEN, "emails.value", "name", "title", ENTERPRISE, f"{ENTERPRISE}:manager", "manager.value"]
)
def test_an_operation_without_a_value_takes_nothing(client: httpx.Client, address: str, verb: str, path: str) -> None:
    patched(client, address, {"op": "add", "path": f"{ENTERPRISE}:manager", "value": address.removeprefix("Users/")})
    before = client.get(address).content

    response = patched(client, address, {"op": verb, "path": path.replace("manager.", f"{ENTERPRISE}:manager.")})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert client.get(address).content == before


@pytest.mark.parametrize("value", [[], None, [None], {"value": None}, [{"value": None, "type": None}]], ids=str)
def test_a_list_is_emptied_by_an_empty_one_and_by_nulls(client: httpx.Client, address: str, value: Any) -> None:
    response = patched(client, address, {"op": "replace", "path": "emails", "value": value})

    assert (response.status_code, "emails" in response.json()) == (200, False)


@pytest.mark.parametrize(
    ("path", "value", "emails"),
    [
        (CHOSEN, None, [WORK]),
        (MISSING, None, [WORK, HOME]),
        (CHOSEN, {"value": None}, [WORK, {"type": "home"}]),
        (MISSING, {"value": None}, [WORK, HOME]),
        (f"{CHOSEN}.value", None, [WORK, {"type": "home"}]),
        ("emails.value", None, [{"type": "work"}, {"type": "home"}]),
    ],
)
def test_null_unassigns_what_a_path_chooses_and_creates_nothing(
    client: httpx.Client, address: str, path: str, value: Any, emails: list[Any]
) -> None:
    for operation in ({"path": path, "value": value}, {"value": {path: value}}):
        patched(client, address, {"op": "replace", "path": "emails", "value": [WORK, HOME]})

        response = patched(client, address, {"op": "replace", **operation})

        assert (response.status_code, response.json().get("emails")) == (200, emails)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"givenName": "Ada"}, {"familyName": "Lovelace"}),
        ({"GIVENNAME": "Grace", "desk": 1}, {"familyName": "Lovelace"}),
        ({"desk": 1}, NAME),
        (NAME, None),
        (None, None),
        ("Ada Lovelace", None),
    ],
    ids=str,
)
def test_a_remove_with_a_value_takes_those_parts_of_a_name_alone(
    client: httpx.Client, address: str, value: Any, name: dict[str, str] | None
) -> None:
    response = patched(client, address, {"op": "remove", "path": "name", "value": value})

    assert (response.status_code, response.json().get("name")) == (200, name)


@pytest.mark.parametrize("path", ["name", ENTERPRISE])
def test_a_remove_of_nothing_is_no_success(client: httpx.Client, address: str, path: str) -> None:
    response = patched(client, address, {"op": "remove", "path": path, "value": {}})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")


@pytest.mark.parametrize("value", [None, {}, [{}], [WORK, None], {"type": None}, [WORK, {"type": None}]], ids=str)
@pytest.mark.parametrize("path", ["emails", "emails.value", f"{CORE}:emails", CORE])
def test_a_remove_from_a_list_that_does_not_say_what_takes_nothing(
    client: httpx.Client, address: str, path: str, value: Any
) -> None:
    """An entry of nulls alone fits every entry without these parts: ``primary`` of null would be all of them."""
    before = client.get(address).content
    said = {"emails": value} if path == CORE else value

    response = patched(client, address, {"op": "remove", "path": path, "value": said})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert "leave the value out" in response.json()["detail"]
    assert client.get(address).content == before


@pytest.mark.parametrize(
    ("operation", "emails"),
    [
        ({"path": "emails"}, None),
        ({"path": "emails", "value": []}, [WORK, HOME]),
        ({"path": "emails.value", "value": []}, [WORK, HOME]),
        ({"path": f"{CORE}:emails", "value": []}, [WORK, HOME]),
        ({"path": CORE, "value": {"emails": []}}, [WORK, HOME]),
        ({"path": CHOSEN, "value": None}, [WORK]),
        ({"path": CHOSEN, "value": []}, [WORK]),
        ({"path": "emails", "value": {**HOME, "display": None}}, [WORK]),
        ({"path": "title", "value": None}, [WORK, HOME]),
    ],
    ids=str,
)
def test_a_remove_that_says_what_takes_that(
    client: httpx.Client, address: str, operation: dict[str, Any], emails: list[Any] | None
) -> None:
    response = patched(client, address, {"op": "remove", **operation})

    assert (response.status_code, response.json().get("emails")) == (200, emails)


@pytest.mark.parametrize(
    "path", ["urn:example:desk:name", "urn:example:desk", "name.givenName", 'emails[type eq "x"].value']
)
def test_an_object_as_the_value_of_a_remove_is_no_trouble(client: httpx.Client, address: str, path: str) -> None:
    for value in ({"givenName": "Ada"}, {"givenName": None}, {}):
        assert patched(client, address, {"op": "remove", "path": path, "value": value}).status_code == 200


@pytest.mark.parametrize("path", ["urn:example:desk", "URN:example:desk.number", "http://schemas.example.com/hr/desk"])
def test_an_attribute_that_a_short_urn_or_an_address_names_is_only_unknown(
    service: Service, address: str, path: str
) -> None:
    client, leave = service.client(), {"op": "replace", "path": "active", "value": False}

    response = patched(client, address, {"op": "replace", "path": path, "value": "12"}, leave)

    assert (response.status_code, response.json()["active"]) == (200, False)
    assert str(service.requests()[-1]["understood"]).endswith(f"ignored: {path}")


@pytest.mark.parametrize(
    "path",
    [
        "User:active",
        "active:value",
        "urn:ietf:params:scim:schemas:core:2.0:User:active.",
        f"{ENTERPRISE}:a.b.c",
        "urn:a b:c",
        "urn:a:b[c][",
    ],
)
def test_a_path_that_cannot_be_read_is_no_foreign_one(client: httpx.Client, address: str, path: str) -> None:
    response = patched(client, address, {"op": "replace", "path": path, "value": False})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidPath")


def test_an_add_of_null_takes_nothing_away(client: httpx.Client, address: str) -> None:
    before = client.get(address).content

    response = patched(client, address, {"op": "add", "path": CHOSEN, "value": None})

    assert (response.status_code, response.json()["scimType"]) == (400, "invalidValue")
    assert client.get(address).content == before
