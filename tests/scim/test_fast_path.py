"""The fast path: whatever it answers, the handlers would have answered the same."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import PatchOp

from scimbridge.domain.model import TOLERANT, USER
from scimbridge.scim import fast
from scimbridge.scim.dialect import CORE_USER, ENTERPRISE, PATCH_OP
from scimbridge.scim.fast import understood
from tests.scim.conftest import Service, a_user, on_any_store

FULL = {
    "name": {"givenName": "Ada", "familyName": "Example"},
    "title": "Engineer",
    "emails": [{"value": "ada@example.com", "type": "work", "primary": True}],
    ENTERPRISE: {"department": "Research", "manager": {"value": "42"}},
}

SHAPES: dict[str, list[dict[str, Any]]] = {
    "entra": [{"op": "Replace", "path": "active", "value": "False"}],
    "entra, flag compliant": [{"op": "replace", "path": "active", "value": False}],
    "okta": [{"op": "replace", "value": {"active": False}}],
    "sailpoint": [{"op": "add", "value": {"active": False}}],
    "with the urn": [{"op": "replace", "path": f"{CORE_USER}:active", "value": True}],
    "entra, several attributes": [
        {"op": "Replace", "path": "displayName", "value": "Ada L."},
        {"op": "Add", "path": "name.familyName", "value": "Lovelace"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
    ],
    "entra, dotted keys": [{"op": "Add", "value": {"name.givenName": "A.", f"{ENTERPRISE}:division": "EU"}}],
}

PASSED_ON: dict[str, list[dict[str, Any]]] = {
    "no boolean": [{"op": "replace", "path": "active", "value": 0}],
    "a remove": [{"op": "remove", "path": "title"}],
    "a null": [{"op": "replace", "path": "title", "value": None}],
    "an empty string": [{"op": "replace", "path": "title", "value": ""}],
    "another attribute": [{"op": "replace", "path": "externalId", "value": "x"}],
    "a value path": [{"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@example.com"}],
    "another member": [{"op": "replace", "path": "active", "value": True, "name": "x"}],
    "nothing": [],
    "an empty value": [{"op": "replace", "value": {}}],
    "an object": [{"op": "replace", "path": "name", "value": {"givenName": "A."}}],
    "what cannot be stored": [{"op": "replace", "path": "title", "value": "a\0b"}],
    "active twice": [{"op": "replace", "value": {"active": True, f"{CORE_USER}:active": False}}],
    "one known, one not": [{"op": "replace", "value": {"active": False, "id": "7"}}],
}


def message(operations: list[dict[str, Any]]) -> bytes:
    return json.dumps({"schemas": [PATCH_OP], "Operations": operations}).encode()


@pytest.mark.parametrize("shape", SHAPES)
def test_what_identity_providers_send_most_takes_the_fast_path(shape: str) -> None:
    assert understood(message(SHAPES[shape])) is not None


@pytest.mark.parametrize("shape", PASSED_ON)
def test_everything_else_is_passed_on(shape: str) -> None:
    assert understood(message(PASSED_ON[shape])) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"Operations":[],"Operations":[]}', b'{"a":1,"Operations":[{}]}'])
def test_what_is_no_patch_message_is_passed_on(raw: bytes) -> None:
    assert understood(raw) is None


def test_a_message_that_comes_again_means_the_same() -> None:
    first, second = (understood(message(SHAPES["okta"])) for _ in range(2))

    assert first == second


def test_what_says_something_about_a_person_is_not_remembered() -> None:
    for number in range(3):
        understood(message([{"op": "replace", "path": "displayName", "value": f"Ada {number}"}]))

    assert b"Ada" not in b"".join(fast._frequent)


def test_messages_that_are_remembered_are_few() -> None:
    for number in range(2 * fast._MOST_FREQUENT):
        understood(b" " * number + message(SHAPES["okta"]))

    assert len(fast._frequent) <= fast._MOST_FREQUENT
    assert max(len(raw) for raw in fast._frequent) <= fast._LONGEST_FREQUENT


@pytest.mark.parametrize("shape", [*SHAPES, *PASSED_ON])
def test_both_paths_answer_alike(service: Service, client: httpx.Client, shape: str) -> None:
    operations = SHAPES.get(shape) or PASSED_ON.get(shape, [])

    assert_alike(service, client, operations)


def test_both_paths_do_without_schemas(service: Service, client: httpx.Client) -> None:
    assert_alike(service, client, SHAPES["entra"], schemas=None)


@pytest.mark.parametrize("operations", [SHAPES["okta"], [{"op": "replace", "path": "title", "value": "Engineer"}]])
def test_what_is_so_already_is_left(client: httpx.Client, operations: list[dict[str, Any]]) -> None:
    ada = str(client.post("Users", json={"userName": "ada", **FULL}).json()["id"])

    first = client.patch(f"Users/{ada}", content=message(operations), headers=JSON)
    second = client.patch(f"Users/{ada}", content=message(operations), headers=JSON)

    assert second.json()["meta"] == first.json()["meta"]


_PATHS = ("active", "displayName", "title", "nickName", "userType", "name.givenName", "NAME.formatted")
_URNS = (f"{CORE_USER}:active", f"{CORE_USER}:name.familyName", f"{ENTERPRISE}:costCenter", f"{ENTERPRISE}:Department")
_paths = st.sampled_from((*_PATHS, *_URNS))
_values = st.one_of(
    st.booleans(),
    st.sampled_from(["true", "False", "TRUE", "", " ", "Ünï", "0", 'a "quoted" \\ text']),
    st.text(max_size=12),
    st.none(),
    st.integers(-1, 2),
)
_verbs = st.sampled_from(["add", "Add", "replace", "REPLACE"])
_operation = st.one_of(
    st.fixed_dictionaries({"op": _verbs, "path": _paths, "value": _values}),
    st.fixed_dictionaries({"op": _verbs, "value": st.dictionaries(_paths, _values, max_size=3)}),
)


@on_any_store
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(_operation, min_size=1, max_size=4))
def test_generated_messages_are_answered_alike(service: Service, operations: list[dict[str, Any]]) -> None:
    assert_alike(service, service.client(), operations)


@settings(max_examples=200)
@given(operations=st.lists(_operation, min_size=1, max_size=4))
def test_the_fast_path_makes_of_a_document_what_scim2_models_makes_of_it(operations: list[dict[str, Any]]) -> None:
    found = understood(message(operations))
    if found is None:
        return
    stored = {"schemas": [CORE_USER, ENTERPRISE], "userName": "ada", "active": True, **FULL}
    plain = [_as_the_rfc_has_it(operation) for operation in operations]
    user = USER.model_validate(stored, scim_policy=TOLERANT)

    PatchOp[USER].model_validate(
        {"schemas": [PATCH_OP], "Operations": [each for group in plain for each in group]}, scim_policy=TOLERANT
    ).patch(user, scim_policy=TOLERANT)

    theirs = user.model_dump(scim_policy=TOLERANT)
    ours = USER.model_validate(found[1].apply(stored), scim_policy=TOLERANT).model_dump(scim_policy=TOLERANT)
    assert ours == theirs


def _as_the_rfc_has_it(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return operations with a path each, and booleans that are some."""
    pairs = [(operation["path"], operation["value"])] if "path" in operation else operation["value"].items()
    return [{"op": operation["op"].lower(), "path": path, "value": _plain(path, value)} for path, value in pairs]


def _plain(path: str, value: Any) -> Any:
    return value.lower() == "true" if path.lower().endswith("active") and isinstance(value, str) else value


JSON = {"Content-Type": "application/scim+json"}


def assert_alike(
    service: Service,
    client: httpx.Client,
    operations: list[dict[str, Any]],
    schemas: list[str] | None = [PATCH_OP],  # noqa: B006
) -> None:
    """Send the same to two equal Users: to one as it is, to the other with a header that only handlers know."""
    number = len(service.requests())
    ours, theirs = (a_user(client, f"ada{number}{path}", **FULL) for path in ("fast", "slow"))
    body = json.dumps({"Operations": operations} | ({} if schemas is None else {"schemas": schemas}))
    before = len(service.requests())

    fast = client.patch(f"Users/{ours}", content=body, headers=JSON)
    slow = client.patch(f"Users/{theirs}", content=body, headers={**JSON, "If-Match": "*"})

    assert (fast.status_code, _comparable(fast)) == (slow.status_code, _comparable(slow))
    assert {name: fast.headers.get(name) for name in ("content-type", "etag")} == {
        name: slow.headers.get(name) for name in ("content-type", "etag")
    }
    kept = [
        {name: row[name] for name in ("source", "method", "status", "received", "understood", "applied")}
        for row in service.requests()[before:]
    ]
    assert len(kept) == 2
    assert kept[0] == kept[1]
    assert _stored(client, ours) == _stored(client, theirs)


def _comparable(response: httpx.Response) -> dict[str, Any]:
    body = dict(response.json())
    for name in ("id", "userName"):
        body.pop(name, None)
    meta = body.pop("meta", {})
    return {**body, "version": meta.get("version"), "is_new": meta.get("created") == meta.get("lastModified")}


def _stored(client: httpx.Client, user_id: str) -> dict[str, Any]:
    return _comparable(client.get(f"Users/{user_id}"))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_writer_shows_the_same_quirks_on_both_paths(
    service: Service, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = a_user(service.client("token-of-okta"))
    other_id = a_user(service.client("token-of-entra"))
    body = message(SHAPES[shape])
    noted: dict[str, set[str]] = {}
    monkeypatch.setattr(service.quirks, "note", lambda source, names, _now: noted.update({source: set(names)}))

    service.client("token-of-okta").patch(f"Users/{user_id}", content=body, headers=JSON)
    service.client("token-of-entra").patch(f"Users/{other_id}?x=1", content=body, headers=JSON)

    assert noted.get("okta", set()) == noted["entra"]
