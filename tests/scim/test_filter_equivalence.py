"""Whatever filter and order is asked for, both databases answer as scim2-models does about what a client sees.

Where scim2-models and we differ, no filter of that kind is made here; each has a test of its own:

- It takes ``1`` and ``"yes"`` for booleans, and numbers for dateTimes. We refuse them: RFC 7644 §3.4.2.2 compares
  with a literal of the attribute's type.
- It finds nothing where a complex attribute is compared, something is greater than null, a substring of a
  dateTime is looked for, or an attribute is unknown; we refuse such a filter with ``invalidFilter`` (RFC 7644 §3.12).
- It answers ``password eq``. We refuse it.
- An empty list is another thing than no value to it, and the same to us (RFC 7643 §2.5).
- A userName is compared by PRECIS here (RFC 7644 §5); it does so only when told to, as it is below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter, ScimPolicy, SearchRequest, default_comparison_key
from sqlalchemy import Connection, insert

from scimbridge.domain.model import GROUP, TOLERANT, USER
from scimbridge.domain.names import any_case_key
from scimbridge.domain.resource import MemberKind, StoredGroup
from scimbridge.domain.sort import Sort
from scimbridge.scim.documents import user_document
from scimbridge.scim.projection import Projection
from scimbridge.scim.reading import Reading
from scimbridge.scim.rendering import Rendering
from scimbridge.store import groups, identities, schema
from scimbridge.store.database import Database
from scimbridge.store.listing import Listing, Part, Question
from scimbridge.store.members import add_members

pytestmark = pytest.mark.drawn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Kept, for scim2-models forgets classes that nobody holds, and may do so while it makes one.
USER_FILTER, GROUP_FILTER = ScimFilter[USER], ScimFilter[GROUP]
BASE = "http://bridge.example.com/scim/v2"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

# Few values, so that some are equal; with all that is special in LIKE, in JSON paths and in case mapping.
WORDS = st.sampled_from(
    ["a", "A", "ab", "AB", "b%", "b_", "é", "É", "straße", "x.y", 'q"q', "\\", "\uff21b", "", "漢", "😀"]
)
NAMES = st.text("aAbBéÉ漢\uff21", min_size=1, max_size=3)
TYPES = st.sampled_from(["work", "home", "other"])
EMAIL: Any = st.fixed_dictionaries(
    {"value": WORDS}, optional={"type": TYPES, "display": WORDS, "primary": st.booleans()}
)
ADDRESS = st.fixed_dictionaries({"locality": WORDS}, optional={"type": TYPES, "postalCode": WORDS})


def _has_one_primary(emails: list[dict[str, Any]]) -> bool:
    return sum(each.get("primary") is True for each in emails) < 2


USERS: Any = st.fixed_dictionaries(
    {"userName": NAMES, "active": st.booleans()},
    optional={
        "externalId": WORDS,
        "title": WORDS,
        "nickName": WORDS,
        "name": st.fixed_dictionaries({}, optional={"familyName": WORDS, "givenName": WORDS}),
        "emails": st.lists(EMAIL, max_size=3).filter(_has_one_primary),
        "addresses": st.lists(ADDRESS, max_size=2),
        ENTERPRISE: st.fixed_dictionaries(
            {"department": WORDS}, optional={"costCenter": WORDS, "manager": st.fixed_dictionaries({"value": NAMES})}
        ),
    },
)

STRINGS = [
    "id", "userName", "externalId", "title", "nickName", "name.familyName", "name.givenName", "emails", "emails.value",
    "emails.type", "emails.display", "addresses.locality", "addresses.postalCode", f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:costCenter", f"{ENTERPRISE}:manager.value", "groups.value", "groups.display", "groups.type",
    "groups.$ref", "meta.resourceType", "meta.location", "meta.version", "schemas",
    "urn:ietf:params:scim:schemas:core:2.0:User:title",
]  # fmt: skip
FLAGS = ["active", "emails.primary"]
MOMENTS = ["meta.created", "meta.lastModified"]
WHOLES = ["name", "emails", "addresses", "groups", f"{ENTERPRISE}:manager", "phoneNumbers", "meta"]
GROUP_STRINGS = [
    "id", "displayName", "externalId", "members", "members.value", "members.display", "members.type", "members.$ref",
    "meta.location", "schemas",
]  # fmt: skip
PARTS = {"emails": ["value", "type", "display"], "addresses": ["locality", "type"], "groups": ["value", "display"]}
LITERALS = st.one_of(
    WORDS,
    NAMES,
    st.sampled_from(["work", "WORK", "direct", "User", "Team a", "team", 'W/"v1"', BASE, f"{BASE}/Users", ENTERPRISE]),
)


@st.composite
def paths(draw: st.DrawFn, among: list[str]) -> str:
    path = draw(st.sampled_from(among))
    # Names of attributes and URNs of schemas have no case (RFC 7643 §2.1).
    return draw(st.sampled_from([path, path.upper(), path.swapcase()]))


@st.composite
def string_terms(draw: st.DrawFn, among: list[str]) -> str:
    operator = draw(st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "Co"]))
    return f"{draw(paths(among))} {operator} {ScimFilter.quote(draw(LITERALS))}"


@st.composite
def other_terms(draw: st.DrawFn, among: list[str]) -> str:
    moment = (NOON + timedelta(minutes=draw(st.integers(-1, 5)))).isoformat()
    order = draw(st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]))
    return draw(
        st.sampled_from(
            [
                f"{draw(paths(among))} pr",
                f"{draw(paths(among))} {draw(st.sampled_from(['eq', 'ne']))} null",
                f'{draw(paths(MOMENTS))} {order} "{moment}"',
            ]
        )
    )


@st.composite
def flag_terms(draw: st.DrawFn) -> str:
    value = draw(st.sampled_from(["true", "false", '"True"', '"false"']))
    return f"{draw(paths(FLAGS))} {draw(st.sampled_from(['eq', 'ne']))} {value}"


@st.composite
def value_paths(draw: st.DrawFn) -> str:
    head = draw(st.sampled_from(list(PARTS)))
    terms = st.one_of(string_terms(PARTS[head]), st.sampled_from([f"{part} pr" for part in PARTS[head]]))
    if head == "emails":
        terms = st.one_of(terms, st.sampled_from(["primary eq true", "primary ne true", "not (primary pr)"]))
    return f"{head}[{draw(combined(terms))}]"


@st.composite
def combined(draw: st.DrawFn, terms: st.SearchStrategy[str], depth: int = 2) -> str:
    how = draw(st.sampled_from(["{}", "{}", "({})", "not ({})", "{} and {}", "{} or {}"]))
    inner = terms if depth == 0 else combined(terms, depth - 1)
    return how.format(*(draw(inner) for _ in range(how.count("{}"))))


USER_FILTERS = combined(
    st.one_of(string_terms(STRINGS), other_terms([*STRINGS, *FLAGS, *WHOLES]), flag_terms(), value_paths())
)
GROUP_FILTERS = combined(st.one_of(string_terms(GROUP_STRINGS), other_terms([*GROUP_STRINGS])))


def comparison_key(binding: Any, value: str) -> str:
    return any_case_key(value) if binding.urn.endswith(":userName") else default_comparison_key(binding, value)


POLICY = ScimPolicy(
    unknown=TOLERANT.unknown, remove_value_as_filter=TOLERANT.remove_value_as_filter, comparison_key=comparison_key
)


class UndoError(Exception):
    """Ends a transaction without a trace."""


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    try:
        with database.write() as tx:
            yield tx
            raise UndoError
    except UndoError:
        pass


def stored(tx: Connection, people: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Store Users and two Groups; return what a client is shown of them, as models, by id."""
    tx.execute(insert(schema.sources).values(name="okta", created_at=NOON))
    ids = []
    for number, person in enumerate(people):
        user = identities.insert_user(tx, "okta", user_document(person, Reading()), NOON + timedelta(minutes=number))
        ids.append(user.identity.id)
    for name, members in (("Team A", ids[:2]), ("tEAM B", ids[1:])):
        document = {"schemas": [str(GROUP.__schema__)], "displayName": name, "externalId": name}
        group = groups.insert_group(tx, "okta", document, NOON)
        add_members(tx, "okta", group.id, members)
    rendering = Rendering(BASE)
    users = [rendering.user(user) for user in identities.users_by_id(tx, ids).values()]
    group_ids = found(tx, MemberKind.GROUP)
    teams = groups.groups_by_id(tx, group_ids, with_members=True).values()
    return _models(USER, users), _models(GROUP, [_written(rendering, each) for each in teams])


def _written(rendering: Rendering, group: StoredGroup) -> Any:
    # What members are called is returned to who asks for it.
    everything = Projection.of({"attributes": "displayName,externalId,meta,members"})
    return orjson.loads(b"".join(rendering.written(group, everything)))


def _models(model: Any, documents: list[dict[str, Any]]) -> list[Any]:
    without_empty = [{name: value for name, value in each.items() if value != []} for each in documents]
    in_order = sorted(without_empty, key=lambda document: str(document["id"]))
    return [model.model_validate(document, scim_policy=TOLERANT) for document in in_order]


def found(tx: Connection, kind: MemberKind, text: str | None = None, sort: Sort | None = None) -> list[str]:
    question = Question(source="okta", kinds=(kind,), filter=text, sort=sort, base=BASE)
    return [each.position.id for each in Listing(tx, question).part(Part(limit=50)).found]


OFTEN = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def _key(user: Any) -> str:
    return any_case_key(user["userName"])


PEOPLE = st.lists(USERS, min_size=1, max_size=4, unique_by=_key)


@OFTEN
@given(people=PEOPLE, text=USER_FILTERS)
def test_users_are_filtered_as_scim2_models_does(database: Database, people: list[dict[str, Any]], text: str) -> None:
    with undone(database) as tx, POLICY:
        users, _ = stored(tx, people)

        expected = [user.id for user in users if USER_FILTER(text).match(user)]

        assert (text, found(tx, MemberKind.USER, text)) == (text, expected)


@OFTEN
@given(people=PEOPLE, text=GROUP_FILTERS)
def test_groups_are_filtered_as_scim2_models_does(database: Database, people: list[dict[str, Any]], text: str) -> None:
    with undone(database) as tx, POLICY:
        _, teams = stored(tx, people)

        expected = [team.id for team in teams if GROUP_FILTER(text).match(team)]

        assert (text, found(tx, MemberKind.GROUP, text)) == (text, expected)


@OFTEN
@given(people=PEOPLE, by=paths([*STRINGS, *FLAGS, *MOMENTS]), descending=st.booleans())
def test_users_are_sorted_as_scim2_models_does(
    database: Database, people: list[dict[str, Any]], by: str, descending: bool
) -> None:
    with undone(database) as tx, POLICY:
        users, _ = stored(tx, people)
        order = "descending" if descending else "ascending"
        request = SearchRequest[USER].model_validate({"sortBy": by, "sortOrder": order})

        # Those that are the same are in the order of their ids, backwards where the whole order is.
        expected = [user.id for user in request.sort(users[::-1] if descending else users)]

        assert found(tx, MemberKind.USER, sort=Sort(by, descending=descending)) == expected


@pytest.mark.parametrize(
    "text", ["active eq 1", "title gt null", "active gt null", 'active eq "yes"', "meta.created gt 5", 'name eq "x"']
)
def test_what_scim2_models_takes_loosely_is_refused(database: Database, text: str) -> None:
    from scim2_models import InvalidFilterException

    with database.read() as tx, pytest.raises(InvalidFilterException):
        found(tx, MemberKind.USER, text)
