"""What is known of vendors, as data, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors import scim
from connectors.scim import ScimConnector
from connectors.scim.dialect import Dialect, dialect, names
from scimbridge.sdk import Action, Done, Person
from scimbridge.sdk.testing import confirmed
from tests.connectors.scim_double import Service

ALL: dict[str, Any] = {"groups": "on", "roles": True, "entitlements": True, "stamp_attribute": "title"}


def test_the_standard_lacks_nothing() -> None:
    assert names()[0] == "standard"
    assert dialect("standard") == Dialect(title="RFC 7644", documentation=("https://www.rfc-editor.org/rfc/rfc7644",))


@pytest.mark.parametrize("name", names())
def test_what_a_vendor_lacks_is_not_offered_and_has_no_undo(name: str) -> None:
    subject = Service().connector(dialect=name, **ALL)

    assert set(ScimConnector.capabilities) - set(subject.capabilities) == set(dialect(name).lacks)
    assert {can.undo for can in subject.capabilities.values()} - {None} <= set(subject.capabilities)


@pytest.mark.parametrize("name", names()[1:])
def test_the_page_says_what_is_known_of_a_vendor_and_from_where(name: str) -> None:
    page = (Path(scim.__file__).parent / "README.md").read_text(encoding="utf-8")
    known = dialect(name)

    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]

    assert known.title in row
    assert all(f"]({address})" in row for address in known.documentation)
    assert all(f"`{action}`" in row and why in row for action, why in known.lacks.items())
    assert all(quirk in row for quirk in known.quirks)


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
    subject = service.connector(dialect=name)

    subject.check()
    subject.find(Person({"userName": ("alice",)}))

    assert service.queries
    assert {"count" in query for query in service.queries} == {is_told}


def test_members_may_be_taken_out_by_a_list() -> None:
    leaving = Dialect(title="x", documentation=("https://example.com",), members="value").leaving("1", '"1"')

    assert leaving == {"op": "remove", "path": "members", "value": [{"value": "1"}]}


@pytest.mark.parametrize(
    "mistake",
    [
        {"documentation": []},
        {"documentation": ["hearsay"]},
        {"lacks": {"fly": "no wings"}},
        {"members_filter": "x"},
        {"odd": 1},
    ],
)
def test_a_file_with_a_mistake_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dialect.model_validate({"title": "x", "documentation": ["https://example.com"], **mistake})
