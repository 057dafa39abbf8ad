"""The text of ``[[rules]]``: out of a file with its comments, written anew, and the line of what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from scimbridge.config import read_rules, rules_within, ruleset
from scimbridge.config.rules_text import Places, digest_of, text_of, written
from scimbridge.config.settings import Settings

RULES = """\
# Whoever leaves; agreed with HR.
[[rules]]
name = "leavers"  # as in reports
when = ["deactivated"]
match = '''
userType eq "Employee"
[not.a.header]
'''

  [[rules.stages]]
  after = "0s"
  do = [
    "suspend",
  ]

  # Later.
  [[rules.stages]]
  after = "7d"
  do = ["stamp"]

    [rules.stages.grace]
    crm = "14d"

[[rules]]
name = "guests"
when = ["deleted"]
stages = [{ after = "0s", do = ["suspend"] }]
"""

FILE = f"""\
data_dir = "data"

# The CRM.
[targets.crm]
connector = "sample"

{RULES}
# Of the guard.
[guard]
percent_floor = 10
"""


def tables_of(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["rules"]
    return found


def test_rules_are_taken_out_of_a_file_with_their_comments_and_no_others() -> None:
    assert text_of(FILE, tables_of(FILE)) == RULES
    assert rules_within(FILE) == RULES
    assert rules_within(RULES) == RULES


@pytest.mark.parametrize("text", ["no toml [", "[guard]\n", ""])
def test_a_text_without_rules_is_left_as_it_is(text: str) -> None:
    assert rules_within(text) == text


def test_what_the_file_alone_does_not_say_is_written_anew_and_means_the_same() -> None:
    tables = tables_of(RULES)
    tables[0]["stages"][0]["after"] = "1h"
    tables[1].update({"exclude": 'a"b\\c\td\u202e\x7f', "restore": "auto", "odd key": True, "number": 2})

    text = text_of(FILE, tables)

    assert text == written(tables)
    assert tables_of(text) == tables
    assert "agreed with HR" not in text


def test_a_digest_is_of_what_rules_say() -> None:
    tables = tables_of(RULES)

    assert digest_of(tables) == digest_of(tables_of(written(tables)))
    assert digest_of(tables) == digest_of([dict(reversed(each.items())) for each in tables])
    assert digest_of(tables) != digest_of(tables[::-1])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("rules[0]", "[[rules]]"),
        ("rules[0].name", 'name = "leavers"  # as in reports'),
        ("rules[0].stages[0].do[0]", "  do = ["),
        ("rules[0].stages[1].do", '  do = ["stamp"]'),
        ("rules[0].stages[1].grace.crm", '    crm = "14d"'),
        ("rules[0].stages[1].deadline", "  [[rules.stages]]"),
        ("rules[1].stages[0].after", 'stages = [{ after = "0s", do = ["suspend"] }]'),
    ],
)
def test_what_is_wrong_is_found_at_its_line_or_at_what_it_is_a_part_of(path: str, line: str) -> None:
    found = Places(RULES).line_of(path)

    assert found is not None
    assert RULES.splitlines()[found - 1] == line


def test_what_stands_nowhere_has_no_line() -> None:
    assert Places(RULES).line_of("guard") is None


def test_a_text_that_is_no_toml_says_at_which_line(load_text: Callable[[str], Settings]) -> None:
    (problem,) = read_rules('[[rules]]\nname = "x\n', load_text("")).problems

    assert problem.line == 2
    assert str(problem).startswith("line 2: rules: is not TOML: ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = " + "[" * 3000, "too much stands within each other"),
        ("rules" + ".a" * 2000 + " = 1", "too much stands within each other"),
        ("x = " + "1" * 5000, "a number has too many digits"),
    ],
)
def test_a_text_that_python_cannot_read_is_wrong_like_any_other(
    load_text: Callable[[str], Settings], text: str, why: str
) -> None:
    (problem,) = read_rules(text, load_text("")).problems

    assert str(problem) == f"rules: cannot be read: {why}"


def test_a_text_is_searched_once_however_much_is_wrong_with_it(
    load_text: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    class Counted(Places):
        def __init__(self, text: str) -> None:
            searched.append(text)
            super().__init__(text)

    monkeypatch.setattr(ruleset, "Places", Counted)

    problems = read_rules('[[rules]]\nname = "x"\n' * 50, load_text("")).problems

    assert (len(problems), len(searched)) == (149, 1)
    assert problems[-1].line == 100
