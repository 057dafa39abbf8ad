"""Filters mean the same on both databases, and what RFC 7644 §3.4.2.2 says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scim2_models import InvalidFilterException, ScimFilter
from sqlalchemy import Connection, insert

from scimbridge.domain.model import TOLERANT, USER
from scimbridge.domain.resource import MemberKind
from scimbridge.domain.sort import Sort
from scimbridge.store import groups, identities, members, schema
from scimbridge.store.database import Database
from scimbridge.store.filters import MAX_LENGTH, MAX_TERMS
from scimbridge.store.listing import Listing, Part, Question
from tests.store.test_query_plans import Explained

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA: dict[str, Any] = {
    "schemas": [CORE, ENTERPRISE],
    "userName": "Ada@Example.com",
    "externalId": "Ext-1",
    "active": True,
    "title": "Engineer 100%",
    "userType": "Employee",
    "name": {"givenName": "Ada", "familyName": "Okafor"},
    "emails": [
        {"value": "Ada@Example.com", "type": "work", "primary": True},
        {"value": "ada@home.example", "type": "home"},
    ],
    ENTERPRISE: {"department": "Audit", "employeeNumber": "701", "manager": {"value": "M-1"}},
}
BEN: dict[str, Any] = {
    "schemas": [CORE],
    "userName": "ben@example.com",
    "externalId": "ext-1",
    "active": False,
    "title": "engineer_",
    "emails": [{"value": "ben@example.com", "type": "home"}],
}
CYD: dict[str, Any] = {"schemas": [CORE], "userName": "cyd", "active": True, "nickName": ""}


@pytest.fixture
def people(database: Database) -> Database:
    with database.write() as tx:
        for source in ("okta", "entra"):
            tx.execute(insert(schema.sources).values(name=source, created_at=NOON))
        for number, document in enumerate((ADA, BEN, CYD)):
            identities.insert_user(tx, "okta", document, NOON + timedelta(minutes=number))
        identities.insert_user(tx, "entra", ADA, NOON)
    return database


def found(database: Database, text: str) -> set[str]:
    with database.read() as tx:
        users = identities.users_by_id(tx, ids(tx, MemberKind.USER, text))
    return {user.identity.user_name[:3].lower() for user in users.values()}


def ids(tx: Connection, kind: MemberKind, text: str | None = None) -> list[str]:
    question = Question(source="okta", kinds=(kind,), filter=text, base="http://bridge.example.com/scim/v2")
    return [each.position.id for each in Listing(tx, question).part(Part(limit=10)).found]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "ADA@EXAMPLE.COM"', "ada"),
        ('USERNAME EQ "ada@example.com"', "ada"),
        (f'{CORE}:userName eq "cyd"', "cyd"),
        ('userName sw "B"', "ben"),
        ('userName co "EXAMPLE"', "ada ben"),
        ('userName ew ".com"', "ada ben"),
        ('userName gt "ben@example.com"', "cyd"),
        ('userName le "ben@example.com"', "ada ben"),
        ('externalId eq "ext-1"', "ben"),
        ('externalId co "xt"', "ada ben"),
        ("externalId pr", "ada ben"),
        ('externalId ne "ext-1"', "ada cyd"),
        ("active eq true", "ada cyd"),
        ('active eq "False"', "ben"),
        ("active ne true", "ben"),
        ('title eq "ENGINEER_"', "ben"),
        ('title co "%"', "ada"),
        ('title co "_"', "ben"),
        ('title sw "engineer"', "ada ben"),
        ("title pr", "ada ben"),
        ("not (title pr)", "cyd"),
        ("title eq null", "cyd"),
        ("title ne null", "ada ben"),
        ("nickName pr", ""),
        ('userType ne "Employee"', "ben cyd"),
        ('not (userType eq "Employee")', "ben cyd"),
        ('not (not (userType eq "Employee"))', "ada"),
        ("name pr", "ada"),
        ('name.familyName eq "okafor"', "ada"),
        ('emails eq "ADA@home.example"', "ada"),
        ('emails.value eq "ada@example.com"', "ada"),
        ('emails[value eq "ben@example.com"]', "ben"),
        ('emails[type eq "work" and value eq "ada@example.com"]', "ada"),
        ('emails[type eq "home" and value eq "ada@example.com"]', ""),
        ('emails[type eq "work"].value eq "Ada@example.com"', "ada"),
        ('emails[type eq "home" or value sw "x"]', "ada ben"),
        ('emails[primary eq "True"]', "ada"),
        ("emails[not (primary pr)]", "ada ben"),
        ('emails.type ne "work"', "ben cyd"),
        ("emails pr", "ada ben"),
        ("emails.primary pr", "ada"),
        ("phoneNumbers pr", ""),
        (f'{ENTERPRISE}:department eq "audit"', "ada"),
        (f'{ENTERPRISE}:employeeNumber eq "701"', "ada"),
        (f'{ENTERPRISE}:employeeNumber ne "701"', "ben cyd"),
        (f'{ENTERPRISE}:manager eq "M-1"', "ada"),
        (f'{ENTERPRISE}:manager.value eq "m-1"', ""),
        (f"{ENTERPRISE}:manager pr", "ada"),
        (f'schemas eq "{ENTERPRISE}"', "ada"),
        ('meta.created gt "2026-03-01T12:00:00Z"', "ben cyd"),
        ('meta.created eq "2026-03-01T13:00:00+01:00"', "ada"),
        ('meta.lastModified le "2026-03-01T12:01:00"', "ada ben"),
        ('meta.resourceType eq "User"', "ada ben cyd"),
        ('userName eq "cyd" or userName eq "ben@example.com" and active eq true', "cyd"),
        ('(userName eq "cyd" or userName eq "ben@example.com") and active eq false', "ben"),
        ('userName eq "x\\" or userName pr or userName eq \\""', ""),
        ('id eq "019b76da-a800-7408-965f-772fb833b290"', ""),
    ],
)
def test_a_filter_finds(people: Database, text: str, names: str) -> None:
    assert found(people, text) == set(names.split())


@pytest.mark.parametrize(
    "text", ['userName sw "a"', 'emails[type eq "home"]', 'title ne "engineer_"', "not (title pr)"]
)
def test_sql_and_the_reference_evaluation_agree(people: Database, text: str) -> None:
    reference = ScimFilter[USER](text)
    models = {each["userName"]: USER.model_validate(each, scim_policy=TOLERANT) for each in (ADA, BEN, CYD)}

    expected = {name[:3].lower() for name, model in models.items() if reference.match(model)}

    assert found(people, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "userName eq",
        "and",
        'userName eq "a" nor title pr',
        'nobodyKnows eq "x"',
        'emails[nobodyKnows eq "x"]',
        f'{ENTERPRISE}:nobodyKnows eq "x"',
        'password eq "x"',
        "password pr",
        'userName eq "x" or password sw "x"',
        'name eq "Ada"',
        "active gt true",
        "active eq 1",
        'active eq "yes"',
        "userName eq 5",
        'meta.created gt "tomorrow"',
        "meta.created gt 5",
        'meta.created co "2026"',
        'meta.created lt "0001-01-01T00:00:00+14:00"',
        'title[value eq "x"]',
        'groups.kind eq "x"',
        'emails.value.x eq "x"',
        'x509Certificates.value co "x"',
        'x509Certificates.value eq "no base64!"',
        'urn:ietf:params:scim:schemas:core:2.0:Group:displayName eq "x"',
        'userName eq "\\u0000"',
        'userName eq "\\ud800"',
        "(" * 3000,
        "not (" * 40 + "title pr" + ")" * 40,
        " or ".join(['title eq "x"'] * (MAX_TERMS + 1)),
        'title eq "' + "x" * MAX_LENGTH + '"',
    ],
)
def test_a_filter_that_cannot_be_answered_is_refused(database: Database, text: str) -> None:
    with database.read() as tx, pytest.raises(InvalidFilterException):
        ids(tx, MemberKind.USER, text)


def test_a_filter_of_the_greatest_size_is_answered(people: Database) -> None:
    text = " or ".join(['title eq "x"'] * (MAX_TERMS - 1) + ['userName eq "cyd"'])

    assert found(people, text) == {"cyd"}


def test_users_are_found_by_their_groups(people: Database) -> None:
    with people.write() as tx:
        ada = ids(tx, MemberKind.USER)[0]
        group = groups.insert_group(tx, "okta", {"displayName": "Engineers"}, NOON)
        members.add_members(tx, "okta", group.id, [ada])

    assert found(people, 'groups.display eq "ENGINEERS"') == {"ada"}
    assert found(people, f'groups eq "{group.id}"') == {"ada"}
    assert found(people, 'groups[display sw "eng" and type eq "direct"]') == {"ada"}
    assert found(people, "not (groups pr)") == {"ben", "cyd"}


@pytest.fixture
def teams(people: Database) -> tuple[Database, str]:
    with people.write() as tx:
        ada = ids(tx, MemberKind.USER)[0]
        full = groups.insert_group(tx, "okta", {"displayName": "Full", "externalId": "G-1"}, NOON)
        members.add_members(tx, "okta", full.id, [ada])
        groups.insert_group(tx, "okta", {"displayName": "Empty"}, NOON)
    return people, ada


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('displayName eq "FULL"', "Full"),
        ('displayName co "p"', "Empty"),
        ('externalId eq "G-1"', "Full"),
        ('externalId eq "g-1"', ""),
        ('members eq "{ada}"', "Full"),
        ('members.value eq "{ada}"', "Full"),
        ('members[value eq "{ada}"]', "Full"),
        ('members[value eq "{ada}" and type eq "User"]', "Full"),
        ('members ne "{ada}"', "Empty"),
        ("members pr", "Full"),
        ("not (members pr)", "Empty"),
        ('displayName eq "Full" and members eq "{ada}"', "Full"),
        ('displayName eq "Empty" and members eq "{ada}"', ""),
        ('meta.created ge "2026-03-01T12:00:00Z" and meta.resourceType eq "Group"', "Full Empty"),
    ],
)
def test_groups_are_found(teams: tuple[Database, str], text: str, names: str) -> None:
    database, ada = teams

    with database.read() as tx:
        wanted = ids(tx, MemberKind.GROUP, text.replace("{ada}", ada))
        page = groups.groups_by_id(tx, wanted, with_members=False)

    assert {group.document["displayName"] for group in page.values()} == set(names.split())


@pytest.mark.parametrize(
    "text", ['members.kind eq "x"', "members.display gt 5", 'userName eq "x"', 'members eq "\\u0000"']
)
def test_a_group_filter_that_cannot_be_answered_is_refused(database: Database, text: str) -> None:
    with database.read() as tx, pytest.raises(InvalidFilterException):
        ids(tx, MemberKind.GROUP, text)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ('userName eq "ada@example.com"', "uq_identities_user_name"),
        ('externalId eq "Ext-1"', "ix_identities_external_id"),
        ('emails.value eq "ada@example.com"', "ix_identity_values_value"),
        ('emails[type eq "work" and value eq "ada@example.com"]', "ix_identity_values_value"),
        (f'{ENTERPRISE}:employeeNumber eq "701"', "ix_identity_values_value"),
        ('userName eq "ada@example.com" and active eq true', "uq_identities_user_name"),
        ('externalId eq "Ext-1" and not (title pr)', "ix_identities_external_id"),
        ('meta.lastModified gt "2026-03-01T12:00:00Z"', "ix_identities_modified_at"),
        ('groups.value eq "x"', "memberships"),
        (f'id eq "x" and {ENTERPRISE}:manager eq "y"', "sqlite_autoindex_identities_1"),
    ],
)
# PostgreSQL plans by the size of its tables, and these are tiny.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_look_ups_use_an_index(people: Database, text: str, index: str) -> None:
    with people.read() as tx:
        explained = Explained(tx)
        ids(tx, MemberKind.USER, text)

    assert index in explained.plan
    assert "SCAN identities" not in explained.plan


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ('displayName eq "full"', "uq_groups_display_name"),
        ('externalId eq "G-1"', "ix_groups_external_id"),
        ('members.value eq "x"', "ix_memberships_member_id"),
        ('members[value eq "x" and type eq "User"]', "ix_memberships_member_id"),
        ('id eq "x" and members eq "y"', "sqlite_autoindex_groups_1"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_look_ups_of_groups_use_an_index(people: Database, text: str, index: str) -> None:
    with people.read() as tx:
        explained = Explained(tx)
        ids(tx, MemberKind.GROUP, text)

    assert index in explained.plan
    assert "SCAN groups" not in explained.plan


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("sort_by", "text", "index"),
    [
        (None, None, "ix_identities_listed"),
        ("userName", None, "uq_identities_user_name"),
        ("meta.lastModified", None, "ix_identities_modified_at"),
        ("meta.lastModified", 'meta.lastModified gt "2026-03-01T12:00:00Z"', "ix_identities_modified_at"),
    ],
)
def test_a_page_in_the_usual_orders_sorts_nothing(
    people: Database, sort_by: str | None, text: str | None, index: str, descending: bool
) -> None:
    sort = Sort(sort_by, descending=descending) if sort_by else None
    question = Question(source="okta", kinds=(MemberKind.USER,), filter=text, sort=sort)
    with people.read() as tx:
        explained = Explained(tx)
        listing = Listing(tx, question)
        first = listing.part(Part(limit=1))
        listing.part(Part(limit=1, after=first.found[0].position))

    assert explained.plan.count(index) >= 2
    assert "TEMP B-TREE FOR ORDER BY" not in explained.plan
    assert not any(line.lstrip().startswith("->  Sort") for line in explained.plan.splitlines())


def test_the_total_of_a_list_without_a_filter_counts_no_rows(people: Database) -> None:
    with people.read() as tx:
        explained = Explained(tx)
        total = Listing(tx, Question(source="okta", kinds=(MemberKind.USER,))).total()

    assert total == 3
    assert "resource_counts" in explained.plan
    assert "identities" not in explained.plan
