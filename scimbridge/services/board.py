"""The board of leavers: how many cases stand in each column, and the first ones of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from scimbridge.domain.situation import Column
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import board
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """One column.

    Attributes:
        count: How many cases stand there.
        is_part: There may be more: so many move that not all were looked at.
        first: Those with the least time left; what is done: the newest.
    """

    column: Column
    count: int
    is_part: bool
    first: Sequence[CaseSummary]


class Board:
    """Reads; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, now: datetime) -> Mapping[Column, int]:
        """Return how many cases stand in each column, exactly; it costs by how many move."""
        with self._database.read() as tx:
            return board.counts(tx, now)

    def read(self, now: datetime, *, shown: int) -> list[BoardColumn]:
        """Return the columns, each with so many cases at most. It costs by what is shown."""
        with self._database.read() as tx:
            seen = board.glance(tx, now, shown)
            everybody = [one for glance in seen.values() for one in glance.first]
            summaries = {summary.case.id: summary for summary in sum_up(tx, everybody, now)}
        return [
            BoardColumn(
                column=column,
                count=seen[column].count,
                is_part=seen[column].is_part,
                first=[summaries[case.id] for case, _ in seen[column].first],
            )
            for column in Column
        ]
