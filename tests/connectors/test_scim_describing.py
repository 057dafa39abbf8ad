"""What a service says of itself is asked once, kept for a while, and forgotten where it turns out to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from connectors.scim.describing import Description
from scimbridge.sdk import Action, Done, RejectedError
from scimbridge.sdk.testing import confirmed
from tests.connectors.scim_vendor import connector
from tests.doubles.scim import Application, vendors

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def described(told: Mapping[str, Any], clock: list[float] | None = None) -> tuple[Description, Application]:
    """Return the description of an application that tells these things by path, and answers 404 to others."""
    app = Application(vendors()["standard"])

    def answer(request: httpx.Request) -> httpx.Response:
        found = told.get(request.url.path.strip("/"))
        return found if isinstance(found, httpx.Response) else httpx.Response(404 if found is None else 200, json=found)

    app.answer_next = [answer] * 20
    now = clock or [0.0]
    return Description(connector(app, "standard").client, monotonic=lambda: now[0]), app


def attributes(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"Schemas": {"Resources": [{"id": USER, "attributes": list(listed)}, {"id": "urn:other"}]}}


def test_what_is_told_is_believed_for_an_hour() -> None:
    clock = [0.0]
    subject, app = described({"ServiceProviderConfig": {"patch": {"supported": False}}}, clock)

    said = [subject.patches(), subject.patches()]
    before = len(app.requests)
    clock[0] = 3600.0
    subject.patches()

    assert said == [False, False]
    assert (before, len(app.requests)) == (1, 2)


@pytest.mark.parametrize(
    ("told", "can"),
    [
        ({}, (True, False, 0)),
        ({"patch": {"supported": "false"}, "filter": {"supported": True}}, (False, True, 0)),
        ({"bulk": {"supported": True, "maxOperations": 50}}, (True, False, 50)),
        ({"bulk": {"supported": False, "maxOperations": 50}}, (True, False, 0)),
        ({"bulk": {"supported": True}}, (True, False, 0)),
        ({"patch": None, "filter": [], "bulk": "yes"}, (True, False, 0)),
    ],
)
def test_what_is_announced_is_used_and_of_the_rest_only_patch_is_tried(
    told: dict[str, Any], can: tuple[bool, bool, int]
) -> None:
    subject, _ = described({"ServiceProviderConfig": told})

    assert (subject.patches(), subject.filters(), subject.bulk()) == can


@pytest.mark.parametrize("status", [403, 401, 302])
def test_a_service_that_lets_nobody_see_what_it_can_do_has_no_bulk(status: int) -> None:
    subject, _ = described({"ServiceProviderConfig": httpx.Response(status)})

    assert subject.bulk() == 0


@pytest.mark.parametrize(
    ("types", "has"),
    [
        ({"Resources": [{"name": "User"}]}, False),
        ({"Resources": [{"name": "User"}, {"id": "Group"}]}, True),
        ({"Resources": []}, True),
        (None, True),
        (httpx.Response(403), True),
        (httpx.Response(302, headers={"Location": "https://login.example.com"}), True),
        (httpx.Response(200, html="<html>Sign in</html>"), True),
    ],
)
def test_groups_are_missing_only_where_the_service_lists_what_it_has(types: Any, has: bool) -> None:
    subject, _ = described({"ResourceTypes": types})

    assert subject.has_groups() is has


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("title", ""),
        ("TITLE", ""),
        ("nickName", "has no text 'nickName'; it has title, note"),
        ("number", "lets nobody change 'number'"),
        ("origin", "lets nobody change 'origin'"),
        ("emails", "has no text 'emails'"),
        ("age", "has no text 'age'"),
    ],
)
def test_only_texts_that_are_announced_and_can_be_changed_are_written(name: str, said: str) -> None:
    subject, _ = described(
        attributes(
            {"name": "title", "type": "string", "mutability": "readWrite"},
            {"name": "note"},
            {"name": "number", "type": "string", "mutability": "readOnly"},
            {"name": "emails", "type": "complex", "multiValued": True},
            {"name": "age", "type": "integer"},
            {"name": "userName", "type": "string", "mutability": "readOnly", "required": True},
            {"name": "origin", "type": "string", "mutability": "immutable"},
        )
    )

    assert said in subject.refusal_of(name)
    assert bool(subject.refusal_of(name)) is bool(said)
    assert subject.spare() == {"number"}


@pytest.mark.parametrize("schemas", [None, {}, {"Resources": [{"id": USER}]}, {"Resources": "none"}])
def test_where_attributes_are_not_told_all_can_be_tried(schemas: Any) -> None:
    subject, _ = described({"Schemas": schemas})

    assert subject.refusal_of("title") == ""
    assert subject.spare() == frozenset()


def test_a_mark_is_not_sent_where_the_application_announces_no_such_text() -> None:
    app = Application(vendors()["figma"])
    account_id = app.add_user("alice")
    subject = connector(app, "standard", stamp_attribute="nickName")

    with pytest.raises(RejectedError, match=r"no text 'nickName'; it has userName.*; choose another stamp_attribute"):
        subject.perform(Action.STAMP, subject.read(account_id), confirmed)

    assert not app.writes
    assert "; no mark can be written: the application has no text 'nickName'" in subject.check()


def test_what_can_only_be_read_is_not_put() -> None:
    app = Application(vendors()["standard-put"].model_copy(update={"patchable": ("active", "title")}))
    account_id = app.add_user("alice", title="kept", nickName="read only there")
    subject = connector(app, "standard")

    subject.perform(Action.SUSPEND, subject.read(account_id), confirmed)

    assert app.users[account_id] == {
        "id": account_id,
        "userName": "alice",
        "active": False,
        "title": "kept",
        "version": 2,
    }


def test_a_service_that_has_lost_patch_is_asked_again_and_put() -> None:
    app = Application(vendors()["standard"])
    account_id = app.add_user("alice")
    subject = connector(app, "standard")
    account = subject.read(account_id)
    subject.check()
    app.habits = vendors()["standard-put"]

    outcome = subject.perform(Action.SUSPEND, account, confirmed)

    assert outcome == Done(changed=True, after={"method": "PUT", "status": 200})
    assert app.requests.count("GET /ServiceProviderConfig") == 2


def test_check_says_what_is_amiss_with_the_settings() -> None:
    app = Application(vendors()["standard"].model_copy(update={"tells_groups_of_users": False}))
    subject = connector(app, "slack", groups="on")

    app.answer_next = [None, None, None, lambda _: httpx.Response(200, json={"Resources": [{"name": "User"}]})]
    said = subject.check()

    assert "the application says that it has no groups" in said
    assert 'rate_limit = "180/m" keeps to what is allowed there' in said
