"""Who and what is never touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.rule import Ruleset
from tests.domain.test_filter import an_identity

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TICK = timedelta(microseconds=1)
ADA = an_identity("Break Glass", "Ärzte", userType="Employee")


def of(spared: Spared, subject: str = "", target: str = "", match: IdentityFilter | None = None) -> Exclusion:
    return Exclusion(reason=f"{spared} {subject}", spared=spared, subject=subject, target=target, match=match)


EVERY_KIND = [
    of(Spared.MATCH, match=IdentityFilter('userType eq "Employee"')),
    of(Spared.IDENTITY, "identity"),
    of(Spared.MEMBERS, "Break Glass"),
    of(Spared.TARGET, "crm"),
    of(Spared.ACCOUNT, "ada", "crm"),
    of(Spared.GROUP, "Admins", "crm"),
]


def said_by(rules: Ruleset, now: datetime = NOW) -> list[object]:
    return [
        rules.why_excluded(ADA, None, now),
        rules.why_target_excluded("crm", now),
        rules.why_account_excluded("crm", ["ada"], now),
        rules.spared_groups("crm", now),
        rules.why_group_excluded("crm", "ADMINS", now),
    ]


NOTHING: list[object] = [None, None, None, frozenset(), None]


@pytest.mark.parametrize(
    ("exclusion", "answers"),
    [
        (EVERY_KIND[0], ["match ", None, None, frozenset(), None]),
        (EVERY_KIND[1], ["identity identity", None, None, frozenset(), None]),
        (EVERY_KIND[2], ["members Break Glass", None, None, frozenset(), None]),
        (EVERY_KIND[3], [None, "target crm", None, frozenset(), None]),
        (EVERY_KIND[4], [None, None, "account ada", frozenset(), None]),
        (EVERY_KIND[5], [None, None, None, frozenset({"admins"}), "group Admins"]),
    ],
    ids=list(Spared),
)
def test_an_exclusion_spares_what_it_is_of_and_nothing_else(exclusion: Exclusion, answers: list[object]) -> None:
    assert said_by(Ruleset((), (exclusion,))) == answers
    assert exclusion.spares(ADA, NOW) is (answers[0] is not None)


@pytest.mark.parametrize(
    "exclusion",
    [
        of(Spared.MATCH, match=IdentityFilter('userType eq "Service"')),
        of(Spared.MATCH),
        of(Spared.IDENTITY, "another"),
        of(Spared.MEMBERS, "Staff"),
        of(Spared.TARGET, "dir"),
        of(Spared.ACCOUNT, "bob", "crm"),
        of(Spared.ACCOUNT, "ada", "dir"),
        of(Spared.GROUP, "Admins", "dir"),
    ],
)
def test_an_exclusion_of_somebody_or_something_else_spares_nothing(exclusion: Exclusion) -> None:
    assert said_by(Ruleset((), (exclusion,))) == NOTHING


@pytest.mark.parametrize("exclusion", EVERY_KIND, ids=list(Spared))
def test_an_exclusion_ends_at_its_date_to_the_moment(exclusion: Exclusion) -> None:
    ending = replace(exclusion, until=NOW)

    assert said_by(Ruleset((), (ending,)), NOW - TICK) != NOTHING
    assert said_by(Ruleset((), (ending,)), NOW) == NOTHING


@pytest.mark.parametrize("exclusion", EVERY_KIND, ids=list(Spared))
def test_exclusions_made_at_run_time_spare_as_those_of_the_configuration(exclusion: Exclusion) -> None:
    rules = Ruleset(())

    assert [
        rules.why_excluded(ADA, None, NOW, [exclusion]),
        rules.why_target_excluded("crm", NOW, [exclusion]),
        rules.why_account_excluded("crm", ["ada"], NOW, [exclusion]),
        rules.spared_groups("crm", NOW, [exclusion]),
        rules.why_group_excluded("crm", "Admins", NOW, [exclusion]),
    ] == said_by(Ruleset((), (exclusion,)))


def test_a_group_is_meant_however_its_name_is_written() -> None:
    assert of(Spared.MEMBERS, "ÄRZTE").spares(ADA, NOW)
    assert of(Spared.GROUP, "ÄRZTE").group_at("crm", NOW) == "ärzte"


def test_an_account_is_meant_by_any_of_its_names_however_they_are_written() -> None:
    rules = Ruleset((), (of(Spared.ACCOUNT, "ADA@example.com", "crm"),))

    assert rules.why_account_excluded("crm", iter(["id-7", "Ada@Example.com"]), NOW) == "account ADA@example.com"


def test_without_a_target_an_account_and_a_group_are_spared_at_every_one() -> None:
    rules = Ruleset((), (of(Spared.ACCOUNT, "ada"), of(Spared.GROUP, "Admins")))

    assert rules.why_account_excluded("dir", ["ada"], NOW) == "account ada"
    assert rules.spared_groups("dir", NOW) == {"admins"}


def test_the_names_of_an_account_are_asked_for_every_exclusion() -> None:
    rules = Ruleset((), (of(Spared.ACCOUNT, "bob"), of(Spared.ACCOUNT, "ada")))

    assert rules.why_account_excluded("crm", iter(["ada"]), NOW) == "account ada"
