"""Filters, pages and projections that somebody wrote to do harm."""

from __future__ import annotations

import pytest

from tests.scim.conftest import a_user
from tests.scim.hostility import Attacker

NESTED = {
    "not": "not (" * 1500 + 'userName eq "a"' + ")" * 1500,
    "brackets": "emails[" * 1100 + 'value eq "a"' + "]" * 400,
    "brackets within brackets": 'emails[emails[value eq "a"]]',
    "parentheses that never close": "(" * 8000,
    "parentheses that were never opened": 'userName eq "a"' + ")" * 8000,
}
HUGE = {
    "a thousand comparisons": " or ".join(['userName eq "a"'] * 400),
    "one value of a megabyte": f'userName eq "{"a" * 60_000}"',
    "one name of 60 kB": f'{"a" * 60_000} eq "a"',
    "a path of 30 000 parts": ".".join(["a"] * 30_000) + ' eq "a"',
}
EXPENSIVE = {
    "parentheses": "(" * 3000 + 'userName eq "a"' + ")" * 3000,
    "spaces": "userName" + " " * 8000 + 'eq "a"',
    "spaces and no operator": "userName" + " " * 8000,
    "quotation marks": 'userName eq "' + '\\"' * 4000 + '"',
    "an open quotation mark": 'userName eq "' + "a" * 8000,
    "backslashes": 'userName eq "' + "\\" * 8000 + '"',
    "half an escape": 'userName eq "' + "\\u0" * 2600 + '"',
    "almost a date": 'meta.created gt "' + "1" * 8000 + '"',
    "almost a number": "userName eq " + "1" * 8000,
    "a number with a long exponent": "userName eq 1e" + "9" * 8000,
    "almost a URN": "urn:" + "a:" * 4000 + ' eq "a"',
    "repetitions": 'userName co "' + "a" * 4000 + "!" * 4000 + '"',
    "alternating words": "not and or " * 700,
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_a_nested_filter_is_refused(attacker: Attacker, text: str) -> None:
    attacker.refused("GET", "/Users", query={"filter": text}, status=400, scim_type="invalidFilter")


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_a_huge_filter_is_refused(attacker: Attacker, text: str) -> None:
    attacker.refused("GET", "/Users", query={"filter": text}, status=400, scim_type="invalidFilter")


@pytest.mark.parametrize("text", EXPENSIVE.values(), ids=EXPENSIVE)
def test_a_filter_that_would_keep_a_regular_expression_busy_is_answered_at_once(attacker: Attacker, text: str) -> None:
    answer = attacker.send("GET", "/Users", query={"filter": text}).answer

    assert answer.status in {200, 400}
    assert answer.json().get("totalResults", 0) == 0


@pytest.mark.parametrize("text", ['userName eq "\\u0000"', 'userName co "\\ud800"', 'userName sw "\0"'])
def test_a_filter_with_a_character_that_nothing_can_contain_is_refused(attacker: Attacker, text: str) -> None:
    attacker.refused("GET", "/Users", query={"filter": text}, status=400, scim_type="invalidFilter")


@pytest.mark.parametrize(
    "text", ["userName eq NaN", "userName eq Infinity", "userName gt -Infinity", "active eq 1e400"]
)
def test_a_filter_with_what_is_no_value_is_refused(attacker: Attacker, text: str) -> None:
    attacker.refused("GET", "/Users", query={"filter": text}, status=400, scim_type="invalidFilter")


@pytest.mark.parametrize(
    "text", ['password eq "a"', "password pr", 'password sw "a" or userName pr', "not (password pr)"]
)
def test_a_password_cannot_be_guessed_by_filters(attacker: Attacker, text: str) -> None:
    attacker.refused("GET", "/Users", query={"filter": text}, status=400, scim_type="invalidFilter")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName co "%"', {"50%_off"}),
        ('userName co "_"', {"50%_off"}),
        ('userName sw "%"', set()),
        ('userName ew "%"', set()),
        ('userName co "\\\\"', {"back\\slash"}),
        ('title co "%"', {"50%_off"}),
        ('title co "*"', {"back\\slash"}),
        ('title sw "["', set()),
    ],
)
def test_wildcards_of_sql_are_letters_like_any_other(attacker: Attacker, text: str, names: set[str]) -> None:
    a_user(attacker.client, "50%_off", title="100%")
    a_user(attacker.client, "back\\slash", title="a*b")
    a_user(attacker.client, "plain", title="plain")

    found = attacker.client.get("Users", params={"filter": text}).json()["Resources"]

    assert {user["userName"] for user in found} == names


@pytest.mark.parametrize(
    "text",
    [
        "userName eq \"a' OR '1'='1\"",
        'userName eq "a"; DROP TABLE identities',
        'userName co "\' UNION SELECT digest FROM tokens --"',
        'title eq "$.x\') OR 1=1 --"',
        "1 eq 1",
        "true",
    ],
)
def test_sql_in_a_filter_finds_nobody(attacker: Attacker, text: str) -> None:
    a_user(attacker.client)

    answer = attacker.send("GET", "/Users", query={"filter": text}).answer

    assert answer.status in {200, 400}
    assert answer.json().get("totalResults", 0) == 0
    assert attacker.client.get("Users").json()["totalResults"] == 1


# -- pages and projections ----------------------------------------------------


@pytest.mark.parametrize("name", ["startIndex", "count"])
@pytest.mark.parametrize("value", ["NaN", "1e9", "0x10", "٣", "1.5", "9" * 5000, "1;DROP", "true", "1,2", "--1"])
def test_a_page_that_is_no_number_is_refused(attacker: Attacker, name: str, value: str) -> None:
    attacker.refused("GET", "/Users", query={name: value}, status=400, scim_type="invalidValue")


@pytest.mark.parametrize("query", [{"startIndex": 10**15}, {"count": 10**15}, {"startIndex": -(10**15), "count": 10}])
def test_a_page_beyond_all_bounds_is_a_page(attacker: Attacker, query: dict[str, int]) -> None:
    a_user(attacker.client)

    answer = attacker.send("GET", "/Users", query=query).answer

    assert answer.status == 200
    assert answer.json()["totalResults"] == 1
    assert answer.json()["itemsPerPage"] == len(answer.json()["Resources"])


NAMES = {
    "repeated": ",".join(["userName"] * 6000),
    "deep": ".".join(["a"] * 30_000),
    "many": ",".join(f"emails.{number}" for number in range(6000)),
    "urns": "urn:" * 15_000,
    "commas": "," * 60_000,
    "odd": "name.givenName.x.y.z,\0,\ud7ff,..,.,:",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("name", ["attributes", "excludedAttributes"])
def test_a_projection_of_60_kb_is_answered(attacker: Attacker, name: str, text: str) -> None:
    a_user(attacker.client, emails=[{"value": "ada@example.com"}])

    answer = attacker.send("GET", "/Users", query={name: text}).answer

    assert answer.status in {200, 400}


def test_a_query_of_64_kb_is_answered(attacker: Attacker) -> None:
    answer = attacker.send("GET", "/Users", query={"x" * 100: "y" * 64_000}).answer

    assert answer.status == 200


@pytest.mark.parametrize("name", ["filter", "startIndex", "count", "attributes", "sortBy"])
def test_a_parameter_given_twice_does_no_harm(attacker: Attacker, name: str) -> None:
    a_user(attacker.client)
    query = [(name, 'userName eq "nobody"')] * 500 + [(name, "1")]

    answer = attacker.send("GET", "/Users", query=query).answer

    assert answer.status in {200, 400}
