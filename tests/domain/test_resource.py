"""What several changes of a group's members come to, and what a request is about."""

from __future__ import annotations

import pytest

from scimbridge.domain.resource import MemberChange, MemberIds, MemberPlan, MemberVerb, Received
from scimbridge.domain.source import DEFAULT_PROFILE, NameCase, Profiles, SourceProfile

ADD, REMOVE, REPLACE = MemberVerb.ADD, MemberVerb.REMOVE, MemberVerb.REPLACE


@pytest.mark.parametrize(
    ("changes", "add", "remove", "is_whole", "named"),
    [
        ([], "", "", False, ""),
        ([(ADD, "ab")], "ab", "", False, "ab"),
        ([(REMOVE, "ab")], "", "ab", False, ""),
        ([(REPLACE, "ab")], "ab", "", True, "ab"),
        ([(REPLACE, "")], "", "", True, ""),
        # The last word about a member counts; whoever was to come in has to exist all the same.
        ([(ADD, "ab"), (REMOVE, "bc")], "a", "bc", False, "ab"),
        ([(REMOVE, "ab"), (ADD, "bc")], "bc", "a", False, "bc"),
        ([(ADD, "a"), (ADD, "b"), (REMOVE, "c"), (REMOVE, "d")], "ab", "cd", False, "ab"),
        ([(ADD, "ab"), (REPLACE, "c")], "c", "", True, "abc"),
        ([(REMOVE, "ab"), (REPLACE, "c")], "c", "", True, "c"),
        ([(REPLACE, "ab"), (REMOVE, "b"), (ADD, "c")], "ac", "b", True, "abc"),
        ([(REPLACE, "a"), (REPLACE, "b")], "b", "", True, "ab"),
    ],
)
def test_changes_of_members_are_folded_into_one(
    changes: list[tuple[MemberVerb, str]], add: str, remove: str, is_whole: bool, named: str
) -> None:
    plan = MemberPlan.of(MemberChange.of(verb, ids) for verb, ids in changes)

    assert plan == MemberPlan(add=frozenset(add), remove=frozenset(remove), is_whole=is_whole, named=frozenset(named))


def test_folding_leaves_the_changes_as_they_were() -> None:
    replace, remove = MemberChange.of(REPLACE, "ab"), MemberChange.of(REMOVE, "b")

    MemberPlan.of([replace, remove])

    assert replace.ids == {"a", "b"}


def test_members_are_users_and_nested_groups() -> None:
    members = MemberIds(users=frozenset("abc"), nested=frozenset("xy"))

    assert (len(members), members.all) == (5, frozenset("abcxy"))
    assert (len(MemberIds(users=frozenset("ab"))), MemberIds(users=frozenset("ab")).all) == (2, frozenset("ab"))
    assert members.without(frozenset("bxz")) == MemberIds(users=frozenset("ac"), nested=frozenset("y"))


def test_taking_members_in_is_adding_them() -> None:
    assert MemberChange.adding(iter("ab")) == MemberChange.of(ADD, iter("ab"))


@pytest.mark.parametrize(
    ("path", "found"), [("/Users/7", "7"), ("/Users", None), ("/Users/", None), ("/Groups/a/b", "a/b")]
)
def test_a_request_is_about_the_resource_in_its_path(path: str, found: str | None) -> None:
    assert Received(source="okta", method="PATCH", path=path, body={}, understood="").resource_id == found


def test_a_source_without_a_profile_of_its_own_has_the_defaults() -> None:
    exact = SourceProfile(user_name_case=NameCase.EXACT)

    assert Profiles({"okta": exact}).of("okta") is exact
    assert Profiles({"okta": exact}).of("entra") is DEFAULT_PROFILE
