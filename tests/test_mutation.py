"""What ``make mutate`` is about is there."""

from __future__ import annotations

from configparser import ConfigParser

import pytest

from tests.mutation import ROOT, SUBJECTS, configuration, figures_of, noticing_for


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


def test_what_no_test_came_by_counts_as_not_noticed() -> None:
    figures = figures_of({"killed": 90, "timeout": 5, "survived": 3, "no_tests": 2, "total": 100})

    assert (figures.killed, figures.survived, figures.untested, figures.percent) == (95, 3, 2, 95.0)
