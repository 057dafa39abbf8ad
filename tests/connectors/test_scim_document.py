from __future__ import annotations

from typing import Any

import pytest

from connectors.scim.document import is_suspended, matches, value_of, values_at, version_of, writable

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = {
    "id": "1",
    "userName": "Alice",
    "externalId": "E-1",
    "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com"}, {"type": "home"}],
    ENTERPRISE: {"employeeNumber": "0042"},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("userName", ("Alice",)),
        ("username", ("Alice",)),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", ("Alice",)),
        ("emails.value", ("a@example.com", "b@example.com")),
        (f"{ENTERPRISE}:employeeNumber", ("0042",)),
        (f"{ENTERPRISE.lower()}:EmployeeNumber", ("0042",)),
        ("urn:example:other:User:employeeNumber", ()),
        ("employeeNumber", ()),
        ("emails", ()),
        ("userName.value", ()),
    ],
)
def test_values_are_found_by_path(path: str, values: tuple[str, ...]) -> None:
    assert values_at(USER, path) == values


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("userName", "alice", True),
        ("userName", "alic", False),
        ("externalId", "E-1", True),
        ("externalId", "e-1", False),
        ("emails.value", "B@example.com", True),
        (f"{ENTERPRISE}:employeeNumber", "42", False),
    ],
)
def test_values_are_compared_as_the_schema_says(path: str, value: str, expected: bool) -> None:
    assert matches(USER, path, value) is expected


def test_names_that_only_case_folding_makes_equal_are_two_people() -> None:
    assert not matches({"userName": "straße"}, "userName", "strasse")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"active": False}, True),
        ({"active": "False"}, True),
        ({"active": "false "}, True),
        ({"Active": False}, True),
        ({"active": True}, False),
        ({"active": "True"}, False),
        ({"active": None}, False),
        ({"active": ""}, False),
        ({"active": 0}, False),
        ({}, False),
    ],
)
def test_only_a_plain_no_means_suspended(document: dict[str, Any], expected: bool) -> None:
    assert is_suspended(document) is expected


def test_a_document_for_put_keeps_all_but_what_the_target_sets() -> None:
    read = {"id": "1", "Active": True, "x-own": [1], "meta": {"version": "v"}, "groups": [{"value": "g"}]}

    assert writable(read, {"active": False}) == {"id": "1", "x-own": [1], "active": False}


@pytest.mark.parametrize(
    ("meta", "version"),
    [({"version": 'W/"1"'}, 'W/"1"'), ({"version": ""}, None), ({"version": "a\nb"}, None), ({}, None), (None, None)],
)
def test_the_version_is_taken_where_a_header_can_hold_it(meta: Any, version: str | None) -> None:
    assert version_of({"meta": meta}) == version


def test_an_absent_attribute_is_none() -> None:
    assert value_of({"userName": "x"}, "active") is None
