"""Ids: UUIDs of version 7 (RFC 9562 §5.7)."""

from __future__ import annotations

import os
import re
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scimbridge.domain import ids
from scimbridge.domain.ids import new_id

NOW = datetime(2026, 3, 2, 9, 30, 15, 123000, tzinfo=UTC)
times = st.datetimes(datetime(1991, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(times)
def test_an_id_is_a_uuid_of_version_7(now: datetime) -> None:
    found = uuid.UUID(new_id(now))

    assert (found.version, found.variant) == (7, uuid.RFC_4122)


def test_an_id_carries_its_time_in_milliseconds() -> None:
    milliseconds = uuid.UUID(new_id(NOW)).int >> 80

    assert milliseconds == int(NOW.timestamp() * 1000)


@given(times, st.timedeltas(timedelta(milliseconds=1), timedelta(days=3650)))
def test_ids_are_ordered_by_time(now: datetime, span: timedelta) -> None:
    assert new_id(now) < new_id(now + span)


def test_the_time_zone_does_not_matter() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))

    assert new_id(NOW)[:13] == new_id(elsewhere)[:13]


def test_ids_of_one_moment_are_all_different() -> None:
    found = {new_id(NOW) for _ in range(10_000)}

    assert len(found) == 10_000
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each) for each in found
    )


def test_randomness_is_asked_for_once_for_many_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    random = os.urandom

    def urandom(size: int) -> bytes:
        asked.append(size)
        return random(size)

    monkeypatch.setattr(ids, "_chances", deque())
    monkeypatch.setattr(os, "urandom", urandom)

    for _ in range(128):
        new_id(NOW)

    assert asked == [640, 640]


def test_every_random_digit_makes_another_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_chances", deque())  # none that was made before

    def found(chance: str) -> str:
        monkeypatch.setattr(os, "urandom", lambda size: bytes.fromhex(chance)[:size])
        return new_id(NOW)

    one_is_set = [found("0" * digit + "1" + "0" * (19 - digit)) for digit in range(20)]

    # 74 bits are random; of the 80 that are asked for, one digit is to spare.
    assert len({found("0" * 20), *one_is_set}) == 20


def test_an_id_is_safe_as_an_rq_job_id_and_in_a_url() -> None:
    assert re.fullmatch(r"[a-z0-9-]{36}", new_id(NOW))


def test_processes_that_are_forked_never_make_the_same_ids() -> None:
    new_id(NOW)
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ours, new_id(NOW).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(theirs, 36).decode()[14:] not in {new_id(NOW)[14:] for _ in range(200)}
    os.close(theirs)
    os.close(ours)
