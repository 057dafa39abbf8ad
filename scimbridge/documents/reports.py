"""Where everything stands, and how the last days went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scimbridge.domain.situation import Column
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.services.charting import Ahead, Charts, TimeToRevoke

Document = dict[str, Any]


def report_document(board: Mapping[Column, int], charts: Charts, ahead: Ahead) -> Document:
    """Return the numbers of the board and of the charts."""
    return {
        "cases": {column.value: count for column, count in board.items()},
        "days": len(charts.days),
        "counted_until": iso(charts.counted_until),
        "leavers": charts.leavers,
        "attempts": charts.attempts,
        "throttled": charts.throttled,
        "time_to_revoke": [_time_document(each) for each in charts.times],
        "due": {"tasks": ahead.due.tasks, "irreversible": ahead.due.irreversible},
        "ahead": [
            {"day": day.isoformat(), "tasks": load.tasks, "irreversible": load.irreversible} for day, load in ahead.days
        ],
    }


def _time_document(times: TimeToRevoke) -> Document:
    return {
        "target": times.target,
        "action": times.action,
        "count": times.count,
        "median_seconds": times.median.total_seconds(),
        "p95_seconds": times.most.total_seconds(),
        "deadline_seconds": times.deadline.total_seconds() if times.deadline is not None else None,
        "late": times.late,
        "with_deadline": times.with_deadline,
    }
