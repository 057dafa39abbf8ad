"""Groups, roles and entitlements at services that understand less than the standard has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from connectors.scim import ScimConnector
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    AmbiguousAccountError,
    Done,
    Entitlement,
    NeedsPerson,
    ObservingError,
    RejectedError,
)
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.connectors.scim_double import Service
from tests.connectors.scim_vendor import connector
from tests.doubles.scim import Application, vendors

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


@pytest.mark.parametrize(("somebody_tells", "groups"), [(False, (Entitlement("sales", "sales"),)), (True, ())])
def test_an_empty_list_of_groups_is_believed_once_anybody_has_another(
    somebody_tells: bool, groups: tuple[Entitlement, ...]
) -> None:
    service = Service(sales={"1"})
    service.filters = "refused"
    service.user["groups"] = []
    service.others = [{"id": "2", "userName": "bob", "groups": [{"value": "sales"}] if somebody_tells else []}]

    assert service.connector().read("1").groups == groups


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


def in_many(*names: str, habits: dict[str, Any] | None = None) -> tuple[Application, str, ScimConnector]:
    """Return an application, somebody who is in these groups there, and a connector."""
    app = Application(vendors()["standard"].model_copy(update=habits or {}))
    account_id = app.add_user("alice")
    for name in names:
        app.add_group(name, account_id, app.add_user("colleague"))
    return app, account_id, connector(app, "standard", groups="on")


def test_many_groups_are_left_and_joined_by_one_request_where_the_service_takes_several_at_once() -> None:
    app, account_id, subject = in_many("a", "b", "c", "d", habits={"bulk": 3})
    original = subject.read(account_id)

    out = subject.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = subject.read(account_id)
    back = subject.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert out == back == Done(changed=True, after={"how many": 4})
    assert not left.groups
    assert app.groups_of(account_id) == ["a", "b", "c", "d"]
    assert app.requests.count("POST /Bulk") == 4
    assert app.writes == 4


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(501),
        lambda _: httpx.Response(413),
        lambda _: httpx.Response(200, json={}),
        lambda _: httpx.Response(200, json={"Operations": [{"status": "403", "location": "/Groups/g-2"}, {}, 1]}),
    ],
    ids=["not there", "too large", "no answer", "refused"],
)
def test_what_a_bulk_request_does_not_do_is_done_one_by_one(
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    app, account_id, subject = in_many("a", "b", "c")
    account = subject.read(account_id)
    app.answer_next = [None, answer]  # what is announced, and the bulk request

    out = subject.perform(Action.REMOVE_FROM_GROUPS, account, confirmed)

    assert out == Done(changed=True, after={"how many": 3})
    assert app.groups_of(account_id) == []
    assert sum(each.startswith("PATCH /Groups/") for each in app.requests) == 3


def test_parts_of_a_bulk_request_are_told_apart_by_their_place_too() -> None:
    app, account_id, subject = in_many("a", "b", "c")
    account = subject.read(account_id)
    told = [{"location": f"https://app.example.com/Groups/{each}", "status": "200"} for each in app.groups]
    app.answer_next = [None, lambda _: httpx.Response(200, json={"Operations": told})]

    assert subject.perform(Action.REMOVE_FROM_GROUPS, account, confirmed) == Done(changed=True, after={"how many": 3})
    assert app.writes == 1


def test_a_group_that_goes_away_during_a_bulk_request_is_told_as_ever() -> None:
    app, account_id, subject = in_many("a", "b", "c")
    original = subject.read(account_id)
    subject.perform(Action.REMOVE_FROM_GROUPS, original, confirmed)
    left = subject.read(account_id)
    del app.groups[next(iter(app.groups))]

    back = subject.perform(Action.ADD_TO_GROUPS, left.with_original(original, left), confirmed)

    assert back == Done(changed=True, after={"how many": 2}, lost=("the group a is gone",))


def test_members_that_are_never_shown_are_unknown_and_nobody_acts_on_that() -> None:
    app = Application(vendors()["aws-identity-center"])
    group_id = app.add_group("staff", app.add_user("alice"))
    subject = connector(app, "standard", groups="on")

    group = subject.read_group(group_id)

    assert group.members is None
    assert subject.perform(Action.EMPTY_GROUP, group, confirmed) == Done(changed=False)
    assert not app.writes


def test_a_group_that_cannot_be_patched_is_emptied_and_refilled_by_hand() -> None:
    app, account_id, _ = in_many("a")
    subject = connector(app, "standard", groups="on", update="put")
    full = subject.read_group(next(iter(app.groups)))
    empty = replace(full, members=(), original=full)

    asked = [
        subject.perform(action, state, confirmed)
        for action, state in ((Action.EMPTY_GROUP, full), (Action.REFILL_GROUP, empty))
    ]

    assert all(isinstance(each, NeedsPerson) for each in asked)
    assert app.groups_of(account_id) == ["a"]


def test_groups_of_one_name_are_never_guessed_among() -> None:
    app, _, subject = in_many("a")
    app.groups["g-twin"] = {"id": "g-twin", "displayName": "A", "members": []}

    with pytest.raises(AmbiguousAccountError) as caught:
        subject.find_group("a")

    assert len(caught.value.candidates) == 2


def test_a_member_who_is_refused_stops_no_other() -> None:
    app, _, subject = in_many("a")
    group_id = next(iter(app.groups))
    app.groups[group_id]["members"].append(inner := app.add_group("inner"))
    original = subject.read_group(group_id)
    subject.perform(Action.EMPTY_GROUP, original, confirmed)
    left = subject.read_group(group_id)

    back = subject.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert isinstance(back, Done)
    assert [each.partition(":")[0] for each in back.lost] == [inner]
    assert len(app.groups[group_id]["members"]) == 2


@pytest.mark.parametrize("other", ["refused", "empty", "everything"])
def test_a_group_is_found_by_its_name_whatever_the_service_makes_of_the_filter(other: str) -> None:
    app, _, subject = in_many("Sales", "Staff", habits={"group_filters": (), "other_filters": other})

    found = subject.find_group("sales")

    assert found is not None
    assert app.groups[found.id]["displayName"] == "Sales"
    assert subject.find_group("sale") is None


def test_an_answer_about_another_group_is_refused() -> None:
    app, _, subject = in_many("a")
    app.answer_next = [lambda _: httpx.Response(200, json={"id": "g-other", "displayName": "b"})]

    with pytest.raises(RejectedError, match="something else than that group"):
        subject.read_group("g-1")


def test_who_is_in_more_groups_than_a_page_has_is_taken_out_of_all_also_where_pages_have_no_numbers() -> None:
    app = Application(vendors()["aws-identity-center"])
    account_id = app.add_user("alice")
    for number in range(150):
        app.add_group(f"group{number}", account_id)
    subject = connector(app, "aws-identity-center", groups="on")

    out = subject.perform(Action.REMOVE_FROM_GROUPS, subject.read(account_id), confirmed)

    assert out == Done(changed=True, after={"how many": 150})
    assert app.groups_of(account_id) == []


def test_who_is_gone_is_not_put_back_where_the_service_would_take_anybody() -> None:
    app, account_id, subject = in_many("a", habits={"knows_members": False})
    group_id = next(iter(app.groups))
    original = subject.read_group(group_id)
    subject.perform(Action.EMPTY_GROUP, original, confirmed)
    left = subject.read_group(group_id)
    del app.users[account_id]

    back = subject.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

    assert back == Done(changed=True, after={"how many": 1}, lost=("alice is gone",))
    assert account_id not in app.groups[group_id]["members"]


def test_a_group_that_is_gone_is_not_refilled() -> None:
    app, _, subject = in_many("a")
    original = subject.read_group(next(iter(app.groups)))
    left = replace(original, members=())
    app.groups.clear()

    with pytest.raises(AccountNotFoundError):
        subject.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)


OF_GROUPS = {Action.EMPTY_GROUP, Action.REFILL_GROUP, Action.DELETE_GROUP}
OF_GROUPS_MARKED = {Action.STAMP_GROUP, Action.UNSTAMP_GROUP}


@pytest.mark.parametrize(
    ("settings", "left_out"),
    [
        (
            {},
            OF_GROUPS
            | OF_GROUPS_MARKED
            | MARKS
            | {Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS, Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES},
        ),
        ({"groups": "on"}, OF_GROUPS_MARKED | MARKS | {Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES}),
        ({"roles": True, "entitlements": True}, OF_GROUPS | OF_GROUPS_MARKED | MARKS),
        ({"groups": "on", "group_stamp_attribute": "about"}, MARKS | {Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES}),
        (
            {"roles": True, "entitlements": True, "stamp_attribute": "title"},
            OF_GROUPS | OF_GROUPS_MARKED,
        ),
    ],
)
def test_what_a_target_can_do_follows_its_settings(settings: dict[str, Any], left_out: set[Action]) -> None:
    subject = Service().connector(**{"groups": "off", **settings})

    assert set(ScimConnector.capabilities) - set(subject.capabilities) == left_out
    assert subject.read("1").groups == (() if settings.get("groups") == "on" or settings.get("roles") else None)
