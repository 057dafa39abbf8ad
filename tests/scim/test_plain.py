"""A User that is read without models is stored as the models would have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimbridge.scim.dialect import CORE_USER, ENTERPRISE
from scimbridge.scim.documents import schemas_of, validated_user
from scimbridge.scim.plain import LONGEST_KEY, plain_user
from scimbridge.scim.reading import Reading

TEXTS = st.sampled_from(["Ada", "ada@example.com", " x ", "work", "de-DE", "ß", "+49 30 1", "0"])
TYPES = st.sampled_from(["work", "home", "mobile", "custom", "Work", "ß"])
ODD = st.sampled_from([None, "", " ", [], {}, 0, 1.5, "true", ["x"], {"value": None}])
BOOLEANS = st.booleans()


def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what nearly always gives what a client should send, and else anything."""
    return st.integers(0, 60).flatmap(lambda number: ODD if number == 37 else strategy)


def some_of(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: mostly(value) for name, value in values.items()})


ENTRIES = st.lists(some_of(value=TEXTS, display=TEXTS, type=TYPES, primary=BOOLEANS), min_size=1, max_size=2)
ADDRESSES = st.lists(
    some_of(
        **dict.fromkeys(("formatted", "streetAddress", "locality", "region", "postalCode", "country"), TEXTS),
        type=TYPES,
        primary=BOOLEANS,
    ),
    min_size=1,
    max_size=2,
)
COMPANY = some_of(
    employeeNumber=TEXTS,
    costCenter=TEXTS,
    organization=TEXTS,
    division=TEXTS,
    department=TEXTS,
    manager=some_of(value=TEXTS, displayName=TEXTS),
)
TEXT_NAMES = (
    "externalId", "displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"
)  # fmt: skip
STRANGE = st.sampled_from([{}, {}, {}, {"shoeSize": "44"}, {"password": "x"}, {"profileUrl": "x"}, {"Title": "x"}])
BODIES = st.builds(
    lambda body, user_name, strange: body | user_name | strange,
    some_of(
        schemas=st.just([CORE_USER]),
        active=BOOLEANS,
        name=some_of(**dict.fromkeys(("formatted", "familyName", "givenName", "middleName", "honorificSuffix"), TEXTS)),
        **dict.fromkeys(("emails", "phoneNumbers", "roles", "entitlements"), ENTRIES),
        addresses=ADDRESSES,
        **{ENTERPRISE: COMPANY},
        **dict.fromkeys(TEXT_NAMES, TEXTS),
    ),
    st.fixed_dictionaries({"userName": TEXTS}),
    STRANGE,
)


@settings(max_examples=200)
@given(body=BODIES)
def test_what_is_read_without_models_is_what_the_models_make_of_it(body: dict[str, Any]) -> None:
    plain = plain_user(body)

    if plain is not None:
        seen = Reading()
        expected = validated_user(body, seen)
        # As text: what is stored has its attributes in the same order.
        assert json.dumps({"schemas": schemas_of(plain), **plain}) == json.dumps(expected)
        assert seen == Reading()


EVERYTHING: dict[str, Any] = {
    "schemas": [CORE_USER, ENTERPRISE],
    "userName": "ada",
    "externalId": "00u1",
    "active": False,
    "displayName": "Ada",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@example.com", "type": "work", "primary": True}, {"value": "ada@example.org"}],
    "phoneNumbers": [{"value": "+49 30 1", "type": "mobile"}],
    "addresses": [{"country": "DE", "type": "work"}],
    "roles": [{"value": "admin"}],
    ENTERPRISE: {"employeeNumber": "1001", "department": "R&D", "manager": {"value": "2819c223"}},
}


def test_what_identity_providers_send_is_read_without_models() -> None:
    document = plain_user(EVERYTHING)

    assert document is not None
    assert {"schemas": schemas_of(document), **document} == validated_user(EVERYTHING, Reading())


@pytest.mark.parametrize(
    "odd",
    [
        {"userName": " "},
        {"userName": "x" * (LONGEST_KEY + 1)},
        {"active": "true"},
        {"title": None},
        {"shoeSize": "44"},
        {"Title": "x"},
        {"groups": []},
        {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
        {"emails": [{"value": "a", "type": "Work"}]},
        {"roles": [{"value": "a", "shoeSize": 44}]},
        {"phoneNumbers": [{"value": "1"}] * 1001},
    ],
    ids=lambda odd: json.dumps(odd)[:40],
)
def test_what_is_not_plain_is_left_to_the_models(odd: dict[str, Any]) -> None:
    assert plain_user(EVERYTHING | odd) is None
