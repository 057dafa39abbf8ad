"""What ``make mutate`` is about is there, and the list of what cannot be noticed is about code that is there."""

from __future__ import annotations

from configparser import ConfigParser
from math import inf

import pytest

from tests.mutation import ROOT, SUBJECTS, Figures, again, by_module, configuration, figures_of, noticing_for
from tests.survivors import Change, Kind, change_of, lines_of, listed, unused
from tests.trying import likely_first

CLAIM = Change("scimbridge.services.claiming.Claiming.claim", "if due < now:", "if due <= now:")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_changed_and_the_tests_that_should_notice_are_there(subject: str) -> None:
    assert list(ROOT.glob(subject))
    assert all((ROOT / tests).exists() for tests in SUBJECTS[subject])


def test_a_module_of_a_folder_has_its_folders_tests() -> None:
    assert noticing_for(["scimbridge/domain/plan.py"]) == ["tests/domain"]
    assert noticing_for(["scimbridge/services/claiming.py", "scimbridge/domain/task.py"]) == [
        "tests/services",
        "tests/domain",
    ]
    assert noticing_for(["scimbridge/scim/patch.py"]) == ["tests/domain", "tests/services"]


def test_the_configuration_says_what_to_change_and_which_tests_to_run() -> None:
    parser = ConfigParser()
    parser.read_string(configuration(["scimbridge/domain/plan.py"], ["tests/domain", "tests/services"]))

    assert parser["mutmut"]["only_mutate"].split() == ["scimbridge/domain/plan.py"]
    assert parser["mutmut"]["pytest_add_cli_args_test_selection"].split() == ["tests/domain", "tests/services"]


def test_what_no_test_came_by_counts_as_not_noticed_and_what_is_listed_is_counted_apart() -> None:
    statuses = {"a": "killed", "b": "timeout", "c": "survived", "d": "no tests", "e": "survived", "f": "killed"}

    figures = figures_of(statuses, listed={"e"})

    assert figures == Figures(killed=3, listed=1, survived=1, untested=1)
    assert (figures.percent, figures.percent_of_noticeable) == (50, 60)


def test_what_is_listed_and_noticed_all_the_same_counts_as_noticed() -> None:
    assert figures_of({"a": "killed"}, listed={"a"}) == Figures(killed=1)


def test_figures_are_given_module_by_module() -> None:
    statuses = {"domain.plan.x_plan__mutmut_1": "killed", "domain.task.xǁTaskǁstart__mutmut_2": "survived"}

    assert {module: list(names) for module, names in by_module(statuses).items()} == {
        "domain.plan": ["domain.plan.x_plan__mutmut_1"],
        "domain.task": ["domain.task.xǁTaskǁstart__mutmut_2"],
    }


def test_what_nobody_noticed_is_tried_again_and_what_was_noticed_is_not() -> None:
    codes = {"killed": 1, "too slow": 36, "survived": 0, "untested": 33, "new": None}

    assert again(codes) == {"killed": 1, "too slow": 36, "survived": None, "untested": None, "new": None}


def test_what_noticed_changes_of_the_same_function_is_asked_first_then_what_noticed_others_then_the_shortest() -> None:
    took = {"long": 3.0, "short": 1.0, "elsewhere": 2.0, "often": 2.0, "once": 1.0}
    noticed = ["claim\toften", "claim\tonce", "claim\toften", *["settle\telsewhere"] * 9, "settle\tnot asked"]

    order = ["often", "once", "elsewhere", "short", "long"]
    assert likely_first("claim", took, took, noticed, seconds=inf) == order
    assert likely_first("claim", took, took, noticed, seconds=3.5) == order[:3]


@pytest.mark.parametrize(
    ("mutant", "function"),
    [
        ("scimbridge.domain.plan.x_plan__mutmut_7", "scimbridge.domain.plan.plan"),
        ("scimbridge.domain.plan.x__plan_stage__mutmut_7", "scimbridge.domain.plan._plan_stage"),
        ("scimbridge.domain.plan.xǁAmendmentǁ__bool____mutmut_7", "scimbridge.domain.plan.Amendment.__bool__"),
    ],
)
def test_a_change_names_its_function_and_its_lines(mutant: str, function: str) -> None:
    diff = "--- a.py\n+++ a.py\n@@ -1,4 +1,3 @@\n def f(\n-    a,\n-    b,\n+    None,\n )"

    assert change_of(mutant, diff) == Change(function, "a,\nb,", "None,")


def test_the_list_says_which_changes_cannot_be_noticed_and_why() -> None:
    text = f"""
        [[kinds]]
        reason = "A due date is never now."
        changes = [
          {CLAIM}
          {Change(CLAIM.function, 'log.info("claimed")')}
        ]
    """

    assert listed(text) == [
        Kind("A due date is never now.", (CLAIM, Change(CLAIM.function, 'log.info("claimed")', None)))
    ]


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        (CLAIM, True),
        (Change(CLAIM.function, CLAIM.was), True),
        (Change(CLAIM.function, CLAIM.was, "if due > now:"), False),
        (Change(CLAIM.function, "if due:", CLAIM.now), False),
        (Change("scimbridge.services.claiming.claim", CLAIM.was, CLAIM.now), False),
    ],
)
def test_an_entry_is_about_one_line_and_one_change_of_it_or_any(entry: Change, covers: bool) -> None:
    assert entry.covers(CLAIM) is covers


def test_an_entry_that_nothing_needs_is_named_if_its_module_was_tried() -> None:
    noticed = Change("scimbridge.services.claiming.Claiming.claim", "return None", 'return ""')
    elsewhere = Change("scimbridge.services.settling.settle", "return None", 'return ""')

    entries = [CLAIM, noticed, elsewhere]

    assert unused(entries, [CLAIM], ["scimbridge.services.claiming"]) == [noticed]


@pytest.mark.parametrize("kind", listed(), ids=lambda kind: kind.reason)
def test_what_is_listed_is_still_there(kind: Kind) -> None:
    gone = [
        change for change in kind.changes if not set(change.was.splitlines()) <= set(lines_of(change.function, ROOT))
    ]

    assert not gone, f"run make mutate for {gone[0].function}, and mend tests/survivors.toml"


@pytest.mark.parametrize("function", ["scimbridge.domain.plan.never", "scimbridge.domain.never.plan"])
def test_a_function_that_is_gone_is_found_out(function: str) -> None:
    with pytest.raises(LookupError, match="never"):
        lines_of(function, ROOT)
