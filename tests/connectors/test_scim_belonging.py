"""Groups, roles and entitlements at services that understand less than the standard has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from connectors.scim import ScimConnector
from scimbridge.sdk import (
    AccountState,
    Action,
    Done,
    Entitlement,
    NeedsPerson,
    ObservingError,
    RejectedError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.scim_double import Service

MARKS = {Action.STAMP, Action.UNSTAMP, Action.DISCONNECT}


@pytest.mark.parametrize("filters", ["yes", "ignored", "empty", "refused"])
def test_groups_are_known_however_much_of_a_filter_the_service_understands(filters: str) -> None:
    service = Service(sales={"1", "2"}, staff={"1"}, other={"2"})
    service.filters = filters

    found = service.connector(privileged_groups=["staff"]).read("1").groups

    assert found == (Entitlement("sales", "sales"), Entitlement("staff", "staff", is_privileged=True))


def test_whether_the_service_filters_is_asked_once() -> None:
    service = Service(sales={"1"})
    subject = service.connector()

    subject.read("1")
    before = len(service.asked)
    subject.read("1")

    assert service.asked[before:] == ["GET /Users/1", "GET /Groups"]


@pytest.mark.parametrize("filters", ["ignored", "empty", "refused"])
def test_without_filters_an_account_is_believed_about_its_own_groups(filters: str) -> None:
    service = Service(sales={"2"})
    service.filters = filters
    service.user["groups"] = [
        {"value": "g1", "display": "Sales", "type": "direct"},
        {"value": "g2", "display": "Everybody", "type": "indirect"},
        {"value": "g3"},
    ]

    assert service.connector().read("1").groups == (Entitlement("g1", "Sales"), Entitlement("g3", "g3"))


@pytest.mark.parametrize("filters", ["ignored", "empty"])
@pytest.mark.parametrize("trouble", ["nobody is shown", "no groups"])
def test_where_groups_are_not_told_an_account_can_be_suspended_and_not_taken_out(trouble: str, filters: str) -> None:
    service = Service(sales={"1"})
    service.filters = filters
    service.shows_members = trouble != "nobody is shown"
    service.has_groups = trouble != "no groups"
    subject = service.connector()

    account = subject.read("1")
    assert account.groups is None
    assert subject.perform(Action.SUSPEND, account, confirmed).changed  # type: ignore[union-attr]
    with pytest.raises(RejectedError, match=r"shows nobody|has no /Groups"):
        subject.perform(Action.REMOVE_FROM_GROUPS, account, confirmed)


def test_a_group_that_refuses_stops_no_other_and_is_named() -> None:
    service = Service(a={"1"}, b={"1"}, c={"1"})
    service.refuses = {"b"}
    subject = service.connector()

    outcome = subject.perform(Action.REMOVE_FROM_GROUPS, subject.read("1"), confirmed)

    assert isinstance(outcome, NeedsPerson)
    assert "alice" in outcome.instructions
    assert "b: changing a group: the target answered 403" in outcome.instructions
    assert service.groups == {"a": set(), "b": {"1"}, "c": set()}


def test_a_group_that_went_away_is_left_and_cannot_be_joined() -> None:
    service = Service(a={"1"}, b={"1"})
    subject = service.connector()
    original = subject.read("1")
    del service.groups["b"]

    out = subject.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = subject.read("1")
    back = subject.perform(Action.ADD_TO_GROUPS, replace(left, original=original, left=left), confirmed)

    assert out == Done(changed=True, after={"how many": 1})
    assert back == Done(changed=True, after={"how many": 1}, lost=("the group b is gone",))
    assert service.groups == {"a": {"1"}}


def test_who_only_observes_takes_nobody_out() -> None:
    service = Service(a={"1"})
    subject = service.connector(RecordingPermit(refuse_writes=ObservingError("observing")))

    with pytest.raises(ObservingError):
        subject.perform(Action.REMOVE_FROM_GROUPS, subject.read("1"), confirmed)


def test_a_whole_group_is_never_put() -> None:
    service = Service(a={"1"})
    subject = service.connector(update="put")

    out = subject.perform(Action.REMOVE_FROM_GROUPS, subject.read("1"), confirmed)

    assert isinstance(out, NeedsPerson)
    assert "PUT of a whole group" in out.instructions
    assert not any(each.startswith("PUT") for each in service.asked)


@pytest.mark.parametrize("update", ["patch", "put"])
def test_roles_and_entitlements_come_back_as_they_were(update: str) -> None:
    service = Service()
    role = {"display": "Administrator", "primary": True, "type": "builtin", "value": "admin"}
    service.user |= {"roles": [role, {"value": "user"}], "entitlements": [{"value": "seat", "type": "paid"}]}
    before = json.loads(json.dumps(service.user))
    subject = service.connector(update=update, roles=True, entitlements=True, groups="off")
    original = subject.read("1")

    subject.perform(Action.REMOVE_FROM_GROUPS, replace(original, only=frozenset({"administrator"})), confirmed)
    subject.perform(Action.RELEASE_LICENSES, original, confirmed)
    left = subject.read("1")
    gone = dict(service.user)
    after = left.with_original(original, left)
    given = [subject.perform(each, after, confirmed) for each in (Action.ADD_TO_GROUPS, Action.ASSIGN_LICENSES)]

    assert gone["roles"] == [{"value": "user"}]
    assert gone["entitlements"] == []
    assert given == [Done(changed=True, after={"how many": 1})] * 2
    assert sorted(map(json.dumps, service.user["roles"])) == sorted(map(json.dumps, before["roles"]))
    assert service.user["entitlements"] == before["entitlements"]
    assert AccountState.from_json(original.to_json()) == original


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        (
            {},
            MARKS | {Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS, Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES},
        ),
        ({"groups": "on"}, MARKS | {Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES}),
        ({"roles": True, "entitlements": True}, MARKS),
        ({"roles": True, "entitlements": True, "stamp_attribute": "title"}, set()),
    ],
)
def test_what_a_target_can_do_follows_its_settings(settings: dict[str, Any], left_out: set[Action]) -> None:
    subject = Service().connector(**{"groups": "off", **settings})

    assert set(ScimConnector.capabilities) - set(subject.capabilities) == left_out
    assert subject.read("1").groups == (() if settings.get("groups") == "on" or settings.get("roles") else None)
