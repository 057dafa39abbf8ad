"""When a stage is released: schedules across changes of the clocks, windows, and freezes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimbridge.domain.schedule import Freeze, Schedule, end_of_freeze, release_at

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
HAVANA = ZoneInfo("America/Havana")
BEIRUT = ZoneInfo("Asia/Beirut")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ZONES = (BERLIN, NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"), HAVANA, LORD_HOWE)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(expression: str, due: str, zone: ZoneInfo = BERLIN) -> datetime:
    return Schedule.parse(expression, zone).first_at_or_after(utc(due))


# Schedules.


@pytest.mark.parametrize(
    ("expression", "due", "expected"),
    [
        ("0 22 * * 1-5", "2026-11-27T20:00", "2026-11-27T21:00"),  # a Friday
        ("0 22 * * 1-5", "2026-11-27T21:00", "2026-11-27T21:00"),  # an instant equal to due counts
        ("0 22 * * 1-5", "2026-11-27T21:00:00.000001", "2026-11-30T21:00"),
        ("0 22 * * 1-5", "2026-11-27T21:00:01", "2026-11-30T21:00"),
        ("*/15 * * * *", "2026-11-27T21:01", "2026-11-27T21:15"),
        ("30 6 1 * *", "2026-12-01T05:31", "2027-01-01T05:30"),
        ("0 0 29 2 *", "2026-11-29T00:00", "2028-02-28T23:00"),  # leap day
        ("0 0 29 2 *", "2097-01-01T00:00", "2104-02-28T23:00"),  # 2100 has none
        ("0 12 L * *", "2027-02-01T00:00", "2027-02-28T11:00"),
        ("0 12 * * mon#1", "2026-12-01T00:00", "2026-12-07T11:00"),
        ("0 12 * * sun", "2026-11-29T12:00", "2026-12-06T11:00"),
        ("0 12 * * 7", "2026-11-29T12:00", "2026-12-06T11:00"),
    ],
)
def test_a_schedule_answers_with_its_first_instant_at_or_after_due(expression: str, due: str, expected: str) -> None:
    assert first(expression, due) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "expression", "due", "expected"),
    [
        # Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
        (BERLIN, "30 2 * * *", "2026-03-29T00:00", "2026-03-29T01:00"),
        (BERLIN, "30 2 * * *", "2026-03-29T01:00", "2026-03-29T01:00"),
        (BERLIN, "30 2 * * *", "2026-03-29T01:01", "2026-03-30T00:30"),
        (BERLIN, "0 22 * * *", "2026-03-28T21:01", "2026-03-29T20:00"),
        (BERLIN, "0 * * * *", "2026-03-29T00:01", "2026-03-29T01:00"),
        # Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
        (BERLIN, "30 2 * * *", "2026-10-25T00:00", "2026-10-25T00:30"),
        (BERLIN, "30 2 * * *", "2026-10-25T00:31", "2026-10-26T01:30"),
        (BERLIN, "30 2 * * *", "2026-10-25T01:10", "2026-10-26T01:30"),  # the second 02:10; the first 02:30 is over
        (BERLIN, "30 * * * *", "2026-10-25T00:31", "2026-10-25T01:30"),
        # New York, 2026-03-08: 02:00 becomes 03:00 at 07:00 UTC; 2026-11-01: 02:00 becomes 01:00 at 06:00 UTC.
        (NEW_YORK, "15 2 * * *", "2026-03-08T06:00", "2026-03-08T07:00"),
        (NEW_YORK, "0 22 * * *", "2026-03-08T03:01", "2026-03-09T02:00"),
        (NEW_YORK, "30 1 * * *", "2026-11-01T05:00", "2026-11-01T05:30"),
        (NEW_YORK, "30 1 * * *", "2026-11-01T06:10", "2026-11-02T06:30"),
        # Havana, 2026-03-08, a Sunday: 00:00 becomes 01:00 at 05:00 UTC. With a "*", what is jumped over is left out.
        (HAVANA, "0 0 * * *", "2026-03-08T00:00", "2026-03-08T05:00"),
        (HAVANA, "* 0 * * 0", "2026-03-08T00:00", "2026-03-15T04:00"),
        # Beirut, 2026-03-29, a Sunday: 00:00 becomes 01:00 at 22:00 UTC.
        (BEIRUT, "* 1-3 * * 0", "2026-03-28T21:41", "2026-03-28T22:00"),
        # Lord Howe, 2026-04-05: 02:00 becomes 01:30 at 15:00 UTC; 2026-10-04: 02:00 becomes 02:30 at 15:30 UTC.
        (LORD_HOWE, "45 * * * *", "2026-04-04T14:46", "2026-04-04T15:15"),
        (LORD_HOWE, "* 2 * * *", "2026-04-04T15:00", "2026-04-04T15:30"),
        (LORD_HOWE, "45 1 * * *", "2026-04-04T15:00", "2026-04-05T15:15"),
        (LORD_HOWE, "45 * * * *", "2026-10-03T15:16", "2026-10-03T15:45"),
        (LORD_HOWE, "15 2 * * *", "2026-10-03T15:00", "2026-10-03T15:30"),
    ],
)
def test_a_schedule_follows_the_clocks_of_its_zone(zone: ZoneInfo, expression: str, due: str, expected: str) -> None:
    found = first(expression, due, zone)

    assert found == utc(expected)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "needs five fields and has 0"),
        ("@daily", "needs five fields and has 1"),
        ("0 0 22 * * 1-5", "needs five fields and has 6"),
        ("60 * * * *", 'the minute "60" is wrong; write 0 to 59'),
        ("*/0 * * * *", 'the minute "*/0" is wrong'),
        ("0 24 * * *", 'the hour "24" is wrong; write 0 to 23'),
        ("0 0 32 * *", 'the day of month "32" is wrong; write 1 to 31'),
        ("0 0 1 foo *", 'the month "foo" is wrong; write 1 to 12, or JAN to DEC'),
        ("0 0 * * fri-sun", 'the day of week "fri-sun" is wrong'),
        ("0 0 30 2 *", "never occurs"),
        ("0 0 31 2,4,6 *", "never occurs"),
        ("0 0 30-31 2 *", "never occurs: no month that it names has such a day$"),
        ("0 0 */20 * mon#2", "never occurs"),
        (",".join(["0"] * 400) + " 0 * * *", "is longer than 500 characters"),
    ],
)
def test_what_is_no_schedule_is_refused_in_plain_words(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("*", r"\*")):
        Schedule.parse(expression, BERLIN)


def test_an_expression_may_be_as_long_as_is_said() -> None:
    expression = "10," + ",".join(["0"] * 245) + " 0 * * *"

    assert len(Schedule.parse(expression, BERLIN).expression) == 500
    with pytest.raises(ValueError, match="longer than 500"):
        Schedule.parse(f"0,{expression}", BERLIN)


@given(st.text(alphabet="0123456789*/,-#LWMONFEB ²", max_size=30))
def test_a_schedule_is_read_or_refused(text: str) -> None:
    try:
        schedule = Schedule.parse(text, BERLIN)
    except ValueError:
        return

    assert schedule.first_at_or_after(utc("2026-11-29")) >= utc("2026-11-29")


numbers = st.one_of(st.just("*"), st.integers(0, 23).map(str), st.sampled_from(["0,20", "*/7", "1-3"]))
zones = st.sampled_from(ZONES)
schedules = st.builds(
    lambda minute, hour, day, zone: Schedule.parse(f"{minute} {hour} * * {day}", zone),
    numbers,
    st.one_of(numbers, st.sampled_from(["0", "1", "2", "3"])),
    st.sampled_from(["*", "1-5", "0", "6"]),
    zones,
)
# Around the changes of the clocks more often than not.
CHANGES = [utc(f"{day}T00:00") for day in ("2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25")]
CHANGES.append(utc("2026-11-01T00:00"))
moments = st.one_of(
    st.builds(lambda change, minutes: change + minutes * MINUTE, st.sampled_from(CHANGES), st.integers(-600, 2400)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)


@given(schedules, moments, st.floats(0, 1))
@settings(max_examples=300)
def test_no_instant_is_skipped(schedule: Schedule, due: datetime, share: float) -> None:
    at = schedule.first_at_or_after(due)

    assert at >= due
    assert schedule.first_at_or_after(due + (at - due) * share) == at


@given(st.integers(0, 59), st.integers(0, 23), st.sampled_from([BERLIN, NEW_YORK]), moments)
def test_a_daily_instant_is_there_once_a_day(minute: int, hour: int, zone: ZoneInfo, due: datetime) -> None:
    schedule = Schedule.parse(f"{minute} {hour} * * *", zone)

    at = [schedule.first_at_or_after(due)]
    for _ in range(3):
        at.append(schedule.first_at_or_after(at[-1] + MINUTE))

    days = [instant.astimezone(zone).date() for instant in at]
    assert days == [days[0] + n * DAY for n in range(4)]


# Freezes.


def test_a_date_freezes_its_whole_day() -> None:
    freeze = Freeze.between(date(2026, 12, 20), date(2027, 1, 3), BERLIN, "holidays")

    assert not freeze.covers(utc("2026-12-19T22:59:59"))
    assert freeze.covers(utc("2026-12-19T23:00"))
    assert freeze.covers(utc("2027-01-03T22:59:59"))
    assert not freeze.covers(utc("2027-01-03T23:00"))


def test_a_time_is_read_in_the_zone_unless_it_has_an_offset() -> None:
    freeze = Freeze.between(datetime(2026, 7, 1, 18), utc("2026-07-02T06:00"), BERLIN, "release")  # noqa: DTZ001

    assert freeze == Freeze(utc("2026-07-01T16:00"), utc("2026-07-02T06:00"), "release")
    assert freeze.start.tzinfo is freeze.end.tzinfo is UTC


def test_a_time_that_is_there_twice_freezes_longer() -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001

    assert Freeze.between(twice, date(2026, 10, 26), BERLIN, "x").start == utc("2026-10-25T00:30")
    assert Freeze.between(date(2026, 10, 24), twice, BERLIN, "x").end == utc("2026-10-25T01:30")


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (date(2026, 12, 2), date(2026, 12, 1), "ends before it has begun"),
        (utc("2026-12-02"), utc("2026-12-02"), "ends before it has begun"),
        (date(2026, 12, 2), date.max, "is too long for the calendar"),
    ],
)
def test_a_freeze_has_a_length(start: date, end: date, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Freeze.between(start, end, BERLIN, "x")


def freeze_of(start: str, end: str) -> Freeze:
    return Freeze(utc(start), utc(end), "x")


def test_freezes_that_overlap_or_touch_are_one() -> None:
    freezes = [
        freeze_of("2026-12-03", "2026-12-04"),
        freeze_of("2026-12-01", "2026-12-02T12:00"),
        freeze_of("2026-12-02", "2026-12-03"),
        freeze_of("2026-12-04T00:01", "2026-12-05"),
    ]

    assert end_of_freeze(freezes, utc("2026-12-01T05:00")) == utc("2026-12-04")
    assert end_of_freeze(freezes, utc("2026-12-04")) is None
    assert end_of_freeze(freezes, utc("2026-11-30")) is None


# Release.

NIGHTLY = Schedule.parse("0 22 * * 1-5", BERLIN)
FRIDAY_NIGHT = utc("2026-11-27T21:00")
MONDAY_MORNING = utc("2026-11-30T07:00")
MONDAY_NIGHT = utc("2026-11-30T21:00")


def test_without_a_schedule_due_is_the_moment() -> None:
    assert release_at(FRIDAY_NIGHT, now=MONDAY_MORNING, window=HOUR) == FRIDAY_NIGHT


def test_a_sweeper_down_for_a_weekend_releases_on_monday_morning() -> None:
    due = FRIDAY_NIGHT - HOUR

    assert release_at(due, schedule=NIGHTLY, now=MONDAY_MORNING) == FRIDAY_NIGHT


def test_with_a_window_it_is_the_next_instants_turn() -> None:
    due = FRIDAY_NIGHT - HOUR

    def at(now: datetime) -> datetime:
        return release_at(due, schedule=NIGHTLY, window=8 * HOUR, now=now)

    assert at(due) == FRIDAY_NIGHT
    assert at(FRIDAY_NIGHT + 8 * HOUR) == FRIDAY_NIGHT
    assert at(FRIDAY_NIGHT + 8 * HOUR + MINUTE) == MONDAY_NIGHT
    assert at(MONDAY_MORNING) == MONDAY_NIGHT


def test_a_freeze_postpones_to_its_end_and_then_to_the_schedule() -> None:
    freezes = [freeze_of("2026-11-27T12:00", "2026-11-30T12:00")]

    def at(*, schedule: Schedule | None, now: datetime) -> datetime:
        return release_at(FRIDAY_NIGHT, schedule=schedule, freezes=freezes, irreversible=True, now=now)

    assert at(schedule=NIGHTLY, now=FRIDAY_NIGHT) == MONDAY_NIGHT
    assert at(schedule=None, now=FRIDAY_NIGHT) == utc("2026-11-30T12:00")
    # Nobody looked while it was frozen: the schedule is kept all the same.
    assert at(schedule=NIGHTLY, now=utc("2026-11-30T13:00")) == MONDAY_NIGHT


def test_a_freeze_that_has_begun_meanwhile_postpones_what_is_late() -> None:
    freezes = [freeze_of("2026-11-28", "2026-12-01")]

    at = release_at(FRIDAY_NIGHT, freezes=freezes, irreversible=True, now=MONDAY_MORNING)

    assert at == utc("2026-12-01")


def test_a_freeze_that_has_come_and_gone_while_nobody_looked_postpones_to_the_schedule() -> None:
    freezes = [freeze_of("2026-11-28", "2026-11-29")]

    at = release_at(FRIDAY_NIGHT, schedule=NIGHTLY, freezes=freezes, irreversible=True, now=MONDAY_MORNING)

    assert at == MONDAY_NIGHT


def test_a_freeze_that_ends_when_work_is_due_hides_none_that_came_after_it() -> None:
    freezes = [freeze_of("2026-11-27T12:00", "2026-11-27T21:00"), freeze_of("2026-11-28", "2026-11-29")]

    assert release_at(FRIDAY_NIGHT, freezes=freezes, irreversible=True, now=MONDAY_MORNING) == utc("2026-11-29")


def test_a_freeze_that_is_over_or_to_come_is_no_matter() -> None:
    freezes = [freeze_of("2026-11-26", "2026-11-27"), freeze_of("2026-12-20", "2027-01-03")]

    assert release_at(FRIDAY_NIGHT, freezes=freezes, irreversible=True, now=FRIDAY_NIGHT) == FRIDAY_NIGHT


def test_a_freeze_is_no_matter_of_what_can_be_undone() -> None:
    freezes = [freeze_of("2026-11-01", "2026-12-30")]

    assert release_at(FRIDAY_NIGHT, schedule=NIGHTLY, freezes=freezes, now=FRIDAY_NIGHT) == FRIDAY_NIGHT


spans = st.integers(1, 5000).map(lambda minutes: minutes * MINUTE)
frozen = st.lists(st.builds(lambda start, span: Freeze(start, start + span, "x"), moments, spans), max_size=4)


@given(st.none() | schedules, st.none() | spans, frozen, moments, spans, st.floats(0, 1))
@settings(max_examples=300)
def test_what_is_promised_holds_when_asked_again(
    schedule: Schedule | None,
    window: timedelta | None,
    freezes: list[Freeze],
    due: datetime,
    late: timedelta,
    share: float,
) -> None:
    now = due + late

    at = release_at(due, schedule=schedule, window=window, freezes=freezes, irreversible=True, now=now)

    assert at >= due
    assert schedule is None or schedule.first_at_or_after(at) == at
    assert schedule is None or window is None or now <= at + window
    assert end_of_freeze(freezes, at) is None
    assert end_of_freeze(freezes, max(at, now)) is None
    later = now + max(at - now, timedelta()) * share
    again = release_at(due, schedule=schedule, window=window, freezes=freezes, irreversible=True, now=later)
    assert again == at
