"""SCIM filters over identities (RFC 7644 §3.4.2.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scimbridge.domain.filter import GROUPS, IdentityFilter, Path
from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import IdentityId

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def an_identity(
    *groups: str,
    active: bool = True,
    user_name: str = "Ada@example.com",
    extension: dict[str, Any] | None = None,
    **document: Any,
) -> Identity:
    return Identity(
        id=IdentityId("identity"),
        source="okta",
        user_name=user_name,
        external_id=document.get("externalId"),
        active=active,
        deleted_at=None,
        document={"userName": user_name, ENTERPRISE: extension or {}, **document},
        groups=groups,
    )


ADA = an_identity(
    "Break Glass",
    "Staff",
    externalId="00u1",
    userType="Employee",
    title="Engineer",
    name={"familyName": "Lovelace"},
    emails=[{"value": "ada@example.com", "type": "work"}, {"value": "ada@home.example", "type": "home"}],
    extension={"department": "Math", "employeeNumber": "701"},
)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "ada@EXAMPLE.com"',
        'USERNAME Eq "ada@example.com"',
        'userName sw "ada"',
        'userName ew "example.com" and userType eq "Employee"',
        'externalId eq "00u1"',
        "active eq true",
        'userType eq "employee"',
        'not (userType eq "Service")',
        'title pr or userType eq "Service"',
        'name.familyName co "love"',
        'emails.value eq "ada@home.example"',
        'emails[type eq "work" and value ew "example.com"]',
        'groups.display eq "break glass"',
        'groups.display sw "St"',
        'groups[display eq "Staff"]',
        'groups eq "Staff"',
        f'{ENTERPRISE}:department eq "math"',
        f'{ENTERPRISE}:employeeNumber eq "701"',
        'userType ne "Service"',
        'nickName ne "Ada"',
    ],
)
def test_a_filter_matches(text: str) -> None:
    assert IdentityFilter(text).matches(ADA)


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "bob@example.com"',
        'externalId eq "00U1"',
        "active eq false",
        "nickName pr",
        'nickName eq "Ada"',
        'groups.display eq "Admins"',
        'emails[type eq "work" and value ew "home.example"]',
        f'{ENTERPRISE}:department eq "Physics"',
        'userType eq "Employee" and title eq "Manager"',
    ],
)
def test_a_filter_does_not_match(text: str) -> None:
    assert not IdentityFilter(text).matches(ADA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        'userName = "ada"',
        'userName eq "ada',
        'usrName eq "ada"',
        'groups.name eq "Staff"',
        'emails[kind eq "work"]',
        f'{ENTERPRISE}:team eq "Math"',
        'urn:example:no:such:schema:attribute eq "x"',
        'userName eq "ada" and',
    ],
)
def test_a_filter_that_could_never_match_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a filter"):
        IdentityFilter(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('usrName eq "ada"', "Field not found: usrName"),
        ('department eq "Math"', f"Field not found: department; write {ENTERPRISE}:department"),
        (
            'Manager.displayName eq "Bob"',
            f"Field not found: Manager; write {ENTERPRISE}:Manager",
        ),
    ],
)
def test_an_attribute_that_is_not_found_is_named_with_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="is not a filter") as refusal:
        IdentityFilter(text)

    assert str(refusal.value) == f"{text!r} is not a filter: {problem}"


def test_the_columns_of_the_store_count_and_not_what_the_document_says() -> None:
    stale = replace(
        an_identity(user_name="old@example.com", groups=[{"display": "Admins"}]),
        active=False,
        user_name="new@example.com",
        groups=("Staff",),
    )

    assert IdentityFilter("active eq false").matches(stale)
    assert IdentityFilter('userName eq "NEW@example.com"').matches(stale)
    assert IdentityFilter('groups.display eq "Staff"').matches(stale)
    assert not IdentityFilter('groups.display eq "Admins"').matches(stale)


def test_a_document_of_real_life_is_matched_all_the_same() -> None:
    odd = an_identity(
        userType="Employee",
        emails=[{"value": "ada@corp.local"}, {"value": "not an address"}],
        photos=[{"value": "no url"}],
        profileUrl="://",
        somethingElse={"a": 1},
        extension={"manager": {"displayName": "Bob"}},
    )

    assert IdentityFilter('userType eq "Employee"').matches(odd)
    assert IdentityFilter('emails.value eq "ada@corp.local"').matches(odd)


def test_nobody_is_in_a_group_that_is_not_listed() -> None:
    assert not IdentityFilter("groups.display pr").matches(an_identity())


def test_whoever_is_inactive_or_deleted_is_gone() -> None:
    deleted_at = datetime(2026, 3, 2, tzinfo=UTC)

    assert not an_identity().is_gone
    assert an_identity(active=False).is_gone
    assert replace(an_identity(), deleted_at=deleted_at).is_gone


def test_filters_are_the_same_by_their_text() -> None:
    one, same, other = (IdentityFilter(text) for text in ("title pr", "title pr", "userType pr"))

    assert one == same
    assert hash(one) == hash(same) != hash(other)
    assert one != other
    assert one != "title pr"
    assert repr(one) == "IdentityFilter('title pr')"


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ('userType eq "Employee"', {("usertype",)}),
        (
            'not (name.familyName pr) or Title co "x" and active eq true',
            {("name", "familyname"), ("title",), ("active",)},
        ),
        ('emails[type eq "work"]', {("emails",)}),
        (f'{ENTERPRISE}:department eq "Math"', {(ENTERPRISE.lower(), "department")}),
        (f"{ENTERPRISE}:manager.value pr", {(ENTERPRISE.lower(), "manager", "value")}),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userType eq "x"', {("usertype",)}),
        ('groups.display eq "Staff" or groups[value pr] or groups pr', {GROUPS}),
    ],
)
def test_what_a_filter_asks_about_is_known(text: str, attributes: set[Path]) -> None:
    assert IdentityFilter(text).attributes == attributes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("title pr", set()),
        ('groups.display eq "STAFF" or not (groups.display ne "Ärzte") and title pr', {"staff", "ärzte"}),
        ('title pr and groups.display sw "St"', None),
        ("groups pr", None),
        ('groups[display eq "Staff"]', None),
    ],
)
def test_which_groups_matter_to_a_filter_is_known(text: str, names: set[str] | None) -> None:
    assert IdentityFilter(text).group_names == names
