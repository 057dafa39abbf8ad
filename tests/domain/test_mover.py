"""Who moves: what somebody was, what they are since, and which changes are worth a look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.identity import Identity
from scimbridge.domain.mover import Movers
from scimbridge.domain.rule import Rule, Stage
from scimbridge.domain.shift import Shift
from scimbridge.domain.trigger import Trigger
from tests.domain.test_filter import ENTERPRISE, an_identity

NURSE, DOCTOR = 'title eq "Nurse"', 'title eq "Doctor"'
WAS_NURSE = an_identity(title="Nurse")
IS_DOCTOR = an_identity(title="Doctor")
IN_WARD = 'groups.display eq "Ward"'
IN_OFFICE = 'groups.display eq "Office"'


def a_rule(
    was: str = NURSE, now: str = DOCTOR, *, name: str = "movers", when: Trigger = Trigger.CHANGED, match: str = ""
) -> Rule:
    return Rule(
        name=name,
        when=frozenset({when}),
        stages=(Stage(after=timedelta(), actions=(Action.REMOVE_FROM_GROUPS,)),),
        match=IdentityFilter(match) if match else None,
        was=IdentityFilter(was),
        now=IdentityFilter(now),
    )


def a_shift(was: str = NURSE, now: str = DOCTOR) -> Shift:
    return Shift(IdentityFilter(was), IdentityFilter(now))


def named(rule: Rule | None) -> str | None:
    return rule.name if rule else None


# What a change is.


@pytest.mark.parametrize(
    ("before", "after", "happens"),
    [
        (WAS_NURSE, IS_DOCTOR, True),
        (WAS_NURSE, WAS_NURSE, False),
        (IS_DOCTOR, IS_DOCTOR, False),
        (IS_DOCTOR, WAS_NURSE, False),
        # Neither a nurse before, nor a doctor afterwards: somebody else's move.
        (an_identity(title="Cook"), IS_DOCTOR, False),
        (WAS_NURSE, an_identity(title="Cook"), False),
    ],
)
def test_a_mover_was_one_thing_and_is_another(before: Identity, after: Identity, happens: bool) -> None:
    assert a_shift().happens(before, after) is happens


def test_whoever_is_still_what_they_were_has_not_moved() -> None:
    both = an_identity(title="Nurse", userType="Manager")

    assert not a_shift(now='userType eq "Manager"').has_happened(both)
    assert not a_shift(now='userType eq "Manager"').happens(WAS_NURSE, both)


def test_a_group_that_was_left_a_moment_ago_tells_what_somebody_was() -> None:
    between = replace(an_identity("Ward"), left=("Ward",))
    arrived = replace(an_identity("Ward", "Office"), left=("Ward",))

    assert a_shift(IN_WARD, IN_OFFICE).happens(between, arrived)
    assert not a_shift(IN_WARD, IN_OFFICE).happens(an_identity(), an_identity("Office"))


def test_a_group_that_was_left_tells_nothing_of_what_somebody_is() -> None:
    left = replace(an_identity("Office"), left=("Office",))

    assert not a_shift(IN_WARD, IN_OFFICE).has_happened(left)


def test_without_the_groups_that_it_has_left_an_identity_is_as_it_is() -> None:
    identity = replace(an_identity("Staff", "Ward", "Office"), left=("Ward",))

    assert identity.as_it_is() == replace(identity, groups=("Staff", "Office"), left=())
    assert identity.as_it_is().as_it_is() == identity.as_it_is()


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"title": "Nurse"}, {}, ["title"]),
        ({"title": "Nurse"}, {"title": ""}, ["title"]),
        ({"title": "Nurse"}, {"title": None}, ["title"]),
        ({"TITLE": "Nurse"}, {"TITLE": []}, ["title"]),
        ({"title": "Nurse"}, {"title": "Doctor"}, []),
        ({}, {}, []),
        ({}, {"title": "Doctor"}, []),
        ({"title": False}, {}, ["title"]),
        ({"title": "Nurse"}, {"title": False}, []),
        ({"nickName": "Ada"}, {}, []),
        ({"name": {"familyName": "L"}}, {"name": {}}, ["name.familyname"]),
        ({"name": {"familyName": "L"}}, {"name": "L"}, ["name.familyname"]),
        ({"emails": [{"type": "home"}, {"value": "a@x.example"}]}, {"emails": [{"type": "home"}]}, ["emails.value"]),
        ({"emails": [{"value": "a@x.example"}]}, {"emails": [{}, {"value": "b@x.example"}]}, []),
        ({"emails": [{"value": "a@x.example"}]}, {"emails": "a@x.example"}, ["emails.value"]),
        ({ENTERPRISE: {"department": "Math"}}, {ENTERPRISE: {}}, ["department"]),
        ({ENTERPRISE: {"manager": {"value": "7"}}}, {ENTERPRISE: {"manager": {"value": {}}}}, ["manager.value"]),
    ],
)
def test_a_value_that_is_gone_is_named_because_it_is_no_fact(
    before: dict[str, Any], after: dict[str, Any], lost: list[str]
) -> None:
    asked = f"name.familyName pr or emails.value pr or {ENTERPRISE}:department pr or {ENTERPRISE}:manager.value pr"
    shift = a_shift(NURSE, f"title pr or {asked} or {IN_WARD}")

    identity = an_identity("Ward")

    assert shift.lost_values(replace(identity, document=before), replace(identity, document=after)) == lost


def test_values_that_are_gone_are_named_in_order() -> None:
    shift = a_shift("userType pr and title pr", "nickName pr")

    lost = shift.lost_values(an_identity(userType="x", title="y", nickName="z"), an_identity())

    assert lost == ["nickname", "title", "usertype"]


# Which changes are worth a look.


def test_there_are_movers_where_a_rule_is_for_them() -> None:
    assert Movers([a_rule()])
    assert not Movers([a_rule(when=Trigger.DELETED), replace(a_rule(), was=None), replace(a_rule(), now=None)])


@pytest.mark.parametrize(
    ("was", "now", "group", "asks"),
    [
        (IN_WARD, IN_OFFICE, "WARD", True),
        (IN_WARD, IN_OFFICE, "Office", True),
        (IN_WARD, IN_OFFICE, "Kitchen", False),
        (IN_WARD, DOCTOR, "Ward", True),
        (NURSE, DOCTOR, "Ward", False),
        ('groups.display sw "W"', DOCTOR, "Kitchen", True),
        (NURSE, "groups pr", "Kitchen", True),
    ],
)
def test_who_comes_into_a_group_is_asked_where_a_rule_asks_about_it(was: str, now: str, group: str, asks: bool) -> None:
    assert Movers([a_rule(was, now)]).ask_about_group(group) is asks


@pytest.mark.parametrize(
    ("before", "after", "concerns"),
    [
        ({"title": "Nurse"}, {"title": "Doctor"}, True),
        ({"Title": "Nurse"}, {"Title": "Doctor"}, True),
        ({"title": "Nurse"}, {}, True),
        ({}, {"title": "Nurse"}, True),
        ({"title": "Nurse"}, {"title": "Nurse"}, False),
        ({"nickName": "A"}, {"nickName": "B"}, False),
        ({"name": {"familyName": "A"}}, {"name": {"familyName": "B"}}, True),
    ],
)
def test_a_change_is_looked_at_where_a_rule_asks_about_what_has_changed(
    before: dict[str, Any], after: dict[str, Any], concerns: bool
) -> None:
    movers = Movers([a_rule(now=f"{DOCTOR} or name.familyName pr")])
    identity = an_identity()

    assert movers.may_concern(replace(identity, document=before), replace(identity, document=after)) is concerns


@pytest.mark.parametrize(("now", "concerns"), [("active eq true", True), (DOCTOR, False)])
def test_whether_somebody_is_active_is_looked_at_where_a_rule_asks_about_it(now: str, concerns: bool) -> None:
    movers = Movers([a_rule(now=now)])

    assert movers.may_concern(WAS_NURSE, replace(WAS_NURSE, active=False)) is concerns
    assert not movers.may_concern(WAS_NURSE, WAS_NURSE)


def test_without_rules_for_movers_nothing_is_looked_at() -> None:
    movers = Movers([a_rule(when=Trigger.DELETED)])

    assert not movers.may_concern(WAS_NURSE, IS_DOCTOR)
    assert not movers.ask_about_group("Ward")
    assert movers.first_match(WAS_NURSE, IS_DOCTOR) is None


def test_the_first_rule_whose_change_it_is_and_that_is_for_the_person_counts() -> None:
    movers = Movers(
        [
            a_rule(now='title eq "Cook"', name="cooks"),
            a_rule(match='userType eq "Contractor"', name="contractors"),
            a_rule(name="first"),
            a_rule(name="second"),
        ]
    )

    assert named(movers.first_match(WAS_NURSE, IS_DOCTOR)) == "first"
    assert named(movers.first_match(WAS_NURSE, an_identity(title="Doctor", userType="Contractor"))) == "contractors"
    assert named(movers.first_match(an_identity(title="Nurse", userType="Contractor"), IS_DOCTOR)) == "first"
    assert movers.first_match(IS_DOCTOR, WAS_NURSE) is None
