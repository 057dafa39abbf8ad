"""What is known of vendors, as data, and what comes of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from connectors.scim.dialect import Dialect, dialect, names
from scimbridge.sdk import Action, ConnectorError, Done, Person
from scimbridge.sdk.testing import confirmed
from tests.connectors.scim_double import Service
from tests.connectors.scim_vendor import connector
from tests.doubles.scim import Application, vendors


def test_the_standard_lacks_nothing() -> None:
    assert names()[0] == "standard"
    assert dialect("standard") == Dialect(title="RFC 7644", documentation=("https://www.rfc-editor.org/rfc/rfc7644",))


@pytest.mark.parametrize("name", names())
def test_what_a_vendor_lacks_is_not_offered_and_has_no_undo(name: str) -> None:
    subject = Service().connector(dialect=name, groups="off")

    assert not set(subject.capabilities) & set(dialect(name).lacks)
    assert {can.undo for can in subject.capabilities.values()} - {None} <= set(subject.capabilities)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dialect": "figma", "roles": True}, "leave it out: a role is the seat"),
        ({"dialect": "gitlab", "groups": "on"}, "leave it out: the interface has users alone"),
        ({"dialect": "slack", "stamp_attribute": "nickName"}, "write one of title, userType: a mark"),
        (
            {"dialect": "atlassian", "match": {"emails.value": "emails.value"}},
            "by userName, externalId alone, and not by emails.value",
        ),
    ],
)
def test_a_setting_that_a_vendor_has_no_use_for_is_refused_with_the_reason(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Service().connector(**{"groups": "off", **settings})


def test_who_is_searched_by_fewer_attributes_is_asked_for_no_others() -> None:
    assert Service().connector(dialect="snowflake").config.match == {"userName": "userName"}
    assert set(Service().connector(dialect="figma").config.match) == {"userName", "externalId"}


def gone_wrong(name: str, action: Action, **settings: Any) -> str:
    """Return what comes of an action at a vendor's application whose dialect is not spoken."""
    app = Application(vendors()[name])
    account_id = app.add_user("alice", roles=[{"value": "user"}])
    subject = connector(app, "standard", **settings)
    try:
        subject.perform(action, subject.read(account_id), confirmed)
        subject.read(account_id)
    except (ConnectorError, httpx.HTTPError) as error:
        return type(error).__name__
    user = app.users[account_id]
    return f"active {user['active']}, roles {len(user['roles'])}"


@pytest.mark.parametrize(
    ("name", "action", "settings", "outcome"),
    [
        ("salesforce", Action.SUSPEND, {}, "RefusedError"),
        ("salesforce", Action.DELETE, {}, "active False, roles 1"),
        ("slack", Action.DELETE, {}, "active False, roles 1"),
        ("gitlab", Action.DELETE, {}, "active False, roles 1"),
        ("databricks", Action.DELETE, {}, "active False, roles 1"),
        ("canva", Action.DELETE, {}, "RefusedError"),
        ("notion", Action.SUSPEND, {}, "AccountNotFoundError"),
        ("pagerduty", Action.SUSPEND, {}, "AccountNotFoundError"),
        ("gitlab-group", Action.SUSPEND, {}, "AccountNotFoundError"),
        ("github-organization", Action.SUSPEND, {}, "AccountNotFoundError"),
        ("github-enterprise", Action.REMOVE_FROM_GROUPS, {"roles": True}, "active True, roles 1"),
        ("zoom", Action.STAMP, {"stamp_attribute": "title"}, "RejectedError"),
    ],
)
def test_what_a_dialect_spares_is_a_harm(name: str, action: Action, settings: dict[str, Any], outcome: str) -> None:
    assert gone_wrong(name, action, **settings) == outcome


def test_salesforce_is_told_within_values() -> None:
    service = Service(sales={"1", "2"})
    service.nests = True
    subject = service.connector(update="auto", dialect="salesforce")
    original = subject.read("1")

    suspended = subject.perform(Action.SUSPEND, original, confirmed)
    out = subject.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = subject.read("1")
    between = {name: set(members) for name, members in service.groups.items()}
    back = subject.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert suspended == Done(changed=True, after={"method": "PATCH", "status": 204})
    assert out == back == Done(changed=True, after={"how many": 1})
    assert left.suspended
    assert between == {"sales": {"2"}}
    assert service.groups == {"sales": {"1", "2"}}
    assert subject.check().startswith("Salesforce with 1 users and 1 groups, updated by PATCH")


def test_a_documented_filter_is_believed_where_nobody_is_shown() -> None:
    service = Service(sales={"1"}, staff={"2"})
    service.shows_members = False
    subject = service.connector(dialect="aws-identity-center")

    assert [each.id for each in subject.read("1").groups or ()] == ["sales"]
    assert service.asked == ["GET /Users/1", "GET /Groups"]


@pytest.mark.parametrize(("name", "is_told"), [("standard", True), ("canaille", False)])
def test_how_many_to_send_is_told_unless_it_is_an_error(name: str, is_told: bool) -> None:
    service = Service(sales={"1"})
    subject = service.connector(dialect=name, groups="off" if name == "canaille" else "on")

    subject.check()
    subject.find(Person({"userName": ("alice",)}))

    assert service.queries
    assert {"count" in query for query in service.queries} == {is_told}


def test_an_attribute_is_asked_for_by_the_name_that_filters_have_for_it() -> None:
    app = Application(vendors()["notion"])
    account_id = app.add_user("alice@example.com")
    app.add_user("bob@example.com")

    found = connector(app, "notion").find(Person({"userName": ("alice@example.com",)}))

    assert found is not None
    assert found.id == account_id
    assert app.requests == ["GET /Users"], "the list is not looked through"


def test_members_may_be_taken_out_by_a_list() -> None:
    leaving = Dialect(title="x", documentation=("https://example.com",), leaving_by="list").leaving("1", "2")

    assert leaving == [{"op": "remove", "path": "members", "value": [{"value": "1"}, {"value": "2"}]}]


@pytest.mark.parametrize(
    "mistake",
    [
        {"documentation": []},
        {"documentation": ["hearsay"]},
        {"lacks": {"fly": "no wings"}},
        {"members_filter": "x"},
        {"without": {"wings": "none"}},
        {"odd": 1},
    ],
)
def test_a_file_with_a_mistake_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dialect.model_validate({"title": "x", "documentation": ["https://example.com"], **mistake})
