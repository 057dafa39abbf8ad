"""Secrets are taken out of what is kept of a request, wherever they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.scim.call import Call
from scimbridge.scim.redaction import REMOVED, without_secrets

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"userName": "a", "password": "x"}, {"userName": "a", "password": REMOVED}),
        ({"PassWord": "x"}, {"PassWord": REMOVED}),
        ({f"{CORE}:password": "x"}, {f"{CORE}:password": REMOVED}),
        ({"urn:example:ext": {"api_key": "x", "clientSecret": {"a": 1}}},
         {"urn:example:ext": {"api_key": REMOVED, "clientSecret": REMOVED}}),
        ({"op": "add", "path": "password", "value": "x"}, {"op": "add", "path": "password", "value": REMOVED}),
        ({"Path": f"{CORE}:PASSWORD", "Value": "x"}, {"Path": f"{CORE}:PASSWORD", "Value": REMOVED}),
        ({"path": 'passwords[type eq "x"]', "value": "x"}, {"path": 'passwords[type eq "x"]', "value": REMOVED}),
        ({"Operations": [{"op": "replace", "value": {"password": "x", "title": "t"}}]},
         {"Operations": [{"op": "replace", "value": {"password": REMOVED, "title": "t"}}]}),
        ({"path": 'ext[type eq "x"].token', "value": "x"}, {"path": 'ext[type eq "x"].token', "value": REMOVED}),
        ({"path": "title", "value": "x"}, {"path": "title", "value": "x"}),
        ({"tokens": ["x"], "shopping": "y"}, {"tokens": REMOVED, "shopping": "y"}),
    ],
)  # fmt: skip
def test_secrets_are_removed(body: dict[str, Any], kept: dict[str, Any]) -> None:
    assert without_secrets(body) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{ "members": [{"value": "1"}] }', '{ "members": [{"value": "1"}] }'),
        ('{"members": [], "secret": "x"}', {"members": [], "secret": REMOVED}),
    ],
)
def test_a_body_that_is_let_go_of_is_kept_as_its_text_unless_that_has_secrets(text: str, kept: object) -> None:
    call = Call(
        source="idp",
        method="POST",
        path="/Groups",
        resource_id="",
        query={},
        conditions={},
        body=json.loads(text),
        text=text,
        now=datetime(2026, 3, 1, tzinfo=UTC),
    )

    call.let_go()

    assert call.body == {}
    assert call.received.body == kept
