from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.sdk import NEVER, AccountSummary, Moment
from scimbridge.sdk.increments import OVERLAP, HighWater, cursor_of, time_in, values_in

NOW = datetime(2031, 2, 28, 22, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("signed_in_at", "within", "created_at", "expected"),
    [
        (None, 0, NOW - 90 * DAY, None),
        (NEVER, 0, NOW - 90 * DAY, True),
        (NEVER, 0, NOW - 10 * DAY, False),
        (NEVER, 0, None, None),
        (NOW - 40 * DAY, 0, None, True),
        (NOW - 40 * DAY, 14, None, False),
        (NOW - 45 * DAY, 14, None, True),
        (NOW - 30 * DAY, 0, None, False),
        (NOW - DAY, 14, NOW - 90 * DAY, False),
    ],
)
def test_an_account_is_unused_only_where_nothing_speaks_against_it(
    signed_in_at: Moment, within: int, created_at: datetime | None, expected: bool | None
) -> None:
    account = AccountSummary(
        id="1", name="ann", signed_in_at=signed_in_at, signed_in_within=within * DAY, created_at=created_at
    )

    assert account.is_unused_since(NOW - 30 * DAY) is expected


class TestHighWater:
    def test_the_next_list_begins_before_all_that_this_one_may_have_missed(self) -> None:
        seconds = iter([100.0, 130.0])
        water = HighWater(clock=lambda: next(seconds))

        for changed_at in (NOW - DAY, NOW, None, NOW - 2 * DAY):
            water.saw(changed_at)

        assert water.mark == NOW - timedelta(seconds=30) - OVERLAP

    def test_it_never_falls_behind_where_the_list_began(self) -> None:
        water = HighWater(NOW, clock=lambda: 0.0)
        assert water.mark == NOW

        water.saw(NOW + OVERLAP / 2)
        assert water.mark == NOW
        water.saw(NOW + 2 * OVERLAP)
        assert water.mark == NOW + OVERLAP

    def test_a_list_without_any_time_leads_to_no_other(self) -> None:
        assert HighWater().mark is None


def test_a_cursor_is_good_for_its_scope_alone() -> None:
    cursor = cursor_of(["ou=People", {"userName": "uid"}], number="7", changed=NOW.isoformat())

    assert values_in(cursor, ["ou=People", {"userName": "uid"}]) == {"number": "7", "changed": NOW.isoformat()}
    assert time_in(cursor, ["ou=People", {"userName": "uid"}], "changed") == NOW
    assert time_in(cursor, ["ou=People", {"userName": "uid"}], "number") is None
    for scope, text in ((["ou=Old", {}], cursor), ([], None), ([], ""), ([], "[]"), ([], "nonsense"), ([], '"7"')):
        assert values_in(text, scope) is None
        assert time_in(text, scope, "changed") is None
