"""Which moment an end date is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scimbridge.domain.lifecycle import LIFECYCLE, NO_END, End, end_of, end_path, read_end
from scimbridge.domain.source import DEFAULT_PROFILE, SourceProfile

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "zone", "moment"),
    [
        ("2026-06-30", "Europe/Berlin", "2026-06-30T22:00"),
        ("2026-12-31", "Europe/Berlin", "2026-12-31T23:00"),
        ("2026-12-31", "UTC", "2027-01-01T00:00"),
        ("2026-12-31", "Pacific/Auckland", "2026-12-31T11:00"),
        # The days on which the clocks are changed have 23 and 25 hours.
        ("2026-03-28", "Europe/Berlin", "2026-03-28T23:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T22:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-25T23:00"),
        # There is no midnight on 24 April 2026 in Cairo: the clocks go from 24:00 to 01:00.
        ("2026-04-23", "Africa/Cairo", "2026-04-23T22:00"),
        # In Cairo, the last hour of 29 October 2026 is there twice.
        ("2026-10-29", "Africa/Cairo", "2026-10-29T22:00"),
        ("2028-02-29", "UTC", "2028-03-01T00:00"),
        ("2026-06-30T12:00:00Z", "Europe/Berlin", "2026-06-30T12:00"),
        ("2026-06-30t12:00:00.1234567z", "Europe/Berlin", "2026-06-30T12:00:00.123456"),
        ("2026-06-30 12:00+02:00", "UTC", "2026-06-30T10:00"),
        ("2026-06-30T12:00:00+0200", "UTC", "2026-06-30T10:00"),
        ("2026-06-30T12:00", "Europe/Berlin", "2026-06-30T10:00"),
        # 02:30 is there twice, and not at all: the later reading.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T01:30"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30"),
        (" 2026-06-30 ", "UTC", "2026-07-01T00:00"),
    ],
)
def test_a_value_is_a_moment(said: str, zone: str, moment: str) -> None:
    end = read_end(said, ZoneInfo(zone))

    assert end == End(said=said, at=at(moment))
    assert end.at is not None
    assert end.at.tzinfo is UTC


@pytest.mark.parametrize(
    "said",
    ["0001-01-01", "0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "1970-01-01", "9999-12-31", "9999-12-31T23:59:59Z"],
)
def test_what_systems_write_for_never_is_no_end_that_comes(said: str) -> None:
    end = read_end(said, BERLIN)

    assert end.at is None or end.at > at("9999-01-01")
    assert (end.said, end.is_odd) == (said, False)


def test_the_third_of_january_1970_is_the_first_day_that_can_be_an_end() -> None:
    assert read_end("1970-01-02T23:59:59.999999Z", BERLIN).at is None
    assert read_end("1970-01-03T00:00:00Z", BERLIN).at == at("1970-01-03T00:00")


@pytest.mark.parametrize(
    "said",
    [
        *("soon", "31.12.2026", "2026-13-01", "2026-02-30", "20261231", "2026-W01-1", "2026", "12/31/2026"),
        *("2026-12-31T25:00Z", "2026-12-31T10:00:00+99:00", "   ", "\uff12026-12-31"),
        *(20261231, True, ["2026-12-31"], {"value": "2026-12-31"}),
    ],
)
def test_what_is_no_date_is_odd(said: Any) -> None:
    end = read_end(said, BERLIN)

    assert end == End(said=said, is_odd=True)


def test_an_empty_text_is_no_end() -> None:
    assert read_end("", BERLIN) == End(said="")


def test_the_end_is_read_from_our_own_extension() -> None:
    document = {"userName": "ada", LIFECYCLE: {"endDate": "2026-06-30"}}

    assert end_of(document, DEFAULT_PROFILE).at == at("2026-07-01T00:00")


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("urn:example:hr:2.0:User:lastDay", {"urn:example:hr:2.0:User": {"lastDay": "2026-06-30"}}),
        ("nickName", {"nickName": "2026-06-30"}),
        ("name.honorificSuffix", {"name": {"honorificSuffix": "2026-06-30"}}),
    ],
)
def test_the_end_is_read_from_the_sources_path_in_its_time_zone(path: str, document: dict[str, Any]) -> None:
    profile = SourceProfile(end_date=path, timezone=BERLIN)

    assert end_of(document, profile).at == at("2026-06-30T22:00")


@pytest.mark.parametrize("document", [{}, {LIFECYCLE: {}}, {LIFECYCLE: {"endDate": None}}, {LIFECYCLE: "2026-06-30"}])
def test_without_the_attribute_there_is_no_end(document: dict[str, Any]) -> None:
    assert end_of(document, DEFAULT_PROFILE) is NO_END


@pytest.mark.parametrize("text", ["", "emails[type eq 'work'].value", "urn:example:", "a.b.c", "1day", "a b"])
def test_what_is_no_path_of_one_attribute_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'^write the path of one attribute, like "urn:…:2.0:User:endDate"$'):
        end_path(text)
