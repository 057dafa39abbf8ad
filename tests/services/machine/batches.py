"""Files of leavers: nobody is asked twice by one, and where a line cannot be done, none is unless that was wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scimbridge.domain.leavers import read_leavers
from scimbridge.domain.request import Asked, Report
from scimbridge.domain.trigger import Trigger
from scimbridge.store import facts
from tests.services.bench import SOURCE
from tests.services.machine.model import a_name, a_truth
from tests.services.machine.reasons import LONG_AGO, MOST, ReasonRules, a_span

HEADER = "userName,externalId,source,reason,date"
NOBODY = "zoe"
NO_DATE = "next week"

Said = tuple[str, str, str, timedelta | str | None]
"""Who is meant, how that is said, why, and when."""


def _some_lines(names: Sequence[str]) -> st.SearchStrategy[list[Said]]:
    who = st.sampled_from((*names, *names, *names, NOBODY))
    how = st.sampled_from(("source", "source", "userName", "externalId"))
    why = st.sampled_from(("a letter", "a letter", "a letter", ""))
    return st.lists(st.tuples(who, how, why, st.none() | a_span | st.just(NO_DATE)), min_size=1, max_size=3)


some_lines = st.runner().flatmap(lambda play: _some_lines(play.names))


@dataclass(frozen=True)
class Line:
    """A line of a file, as somebody writes it."""

    name: str
    how: str
    reason: str
    date: str

    def __str__(self) -> str:
        user_name, external_id = ("", f"{self.name}-1") if self.how == "externalId" else (self.name, "")
        return ",".join([user_name, external_id, SOURCE if self.how == "source" else "", self.reason, self.date])


class BatchRules(ReasonRules):
    @rule(said=some_lines, partial=a_truth)
    def request_with_a_file(self, said: list[Said], partial: bool) -> None:
        lines = [Line(name, how, why, _written(when, self.clock.now)) for name, how, why, when in said]
        before = self._asked_so_far()
        content = "\n".join([HEADER, *map(str, lines)]).encode()
        leavers = read_leavers(content).leavers
        report = self.bench.requesting.request(leavers, Asked(by="ann"), self.clock(), partial=partial)
        self._hold_against_the_lines(lines, report)
        assert report.is_done is (partial or not report.failed), "a file with a mistake is done where that was wanted"
        assert report.is_done or self._asked_so_far() == before, "a file with a mistake has done something"
        for finding in report.findings if report.is_done else ():
            self.was_asked(finding)
        self._learn()

    @rule(name=a_name, is_there_twice=a_truth, reads=st.integers(3, 5))
    def a_date_comes_while_two_sweepers_look(self, name: str, is_there_twice: bool, reads: int) -> None:
        self.clear_the_way(name)
        self.request_with_a_file([(name, "source", "a letter", timedelta(hours=1))] * (1 + is_there_twice), True)
        self.advance(timedelta(hours=1))
        self.two_sweepers_look(reads)

    def _hold_against_the_lines(self, lines: Sequence[Line], report: Report) -> None:
        dates: dict[str, str] = {}
        waiting = {row["identity_id"] for row in self.bench.requesting.standing()}
        for line, finding in zip(lines, report.findings, strict=True):
            expected = self._is_good(line, dates, waiting)
            assert expected in (None, finding.outcome.is_good), f"{line}: {finding.outcome}, {finding.why}"
        new = [finding.identity_id for finding in report.findings if finding.outcome.is_new]
        assert len(new) == len(set(new)), "asked twice by one file"

    def _is_good(self, line: Line, dates: dict[str, str], waiting: set[str]) -> bool | None:
        """Return whether what a line asks for is done; ``None`` where that depends on an earlier request's date."""
        who = self._who(line)
        if who is None or not line.reason:
            return False
        if who in dates:
            return dates[who] == line.date
        dates[who] = line.date
        if line.date == NO_DATE or line.name in self.exclusions:
            return False
        return None if line.date and who in waiting else True

    def _who(self, line: Line) -> str | None:
        """Return the id of the one whom a line means; it must not be several people, or nobody."""
        known = self.present(line.name) if line.name != NOBODY else None
        if known is None or (line.how == "userName" and line.name in self.twins):
            return None
        return known.id if line.how != "externalId" or self.numbers[known.id] == 1 else None

    def _asked_so_far(self) -> tuple[int, list[str]]:
        with self.database.read() as tx:
            asked = sum(row["trigger"] == Trigger.REQUESTED for row in facts.since(tx, LONG_AGO, MOST))
            return asked, [row["id"] for row in self.bench.requesting.standing()]


def _written(when: timedelta | str | None, now: datetime) -> str:
    match when:
        case None:
            return ""
        case str():
            return when
        case _:
            return f"{now + when:%Y-%m-%dT%H:%M:%S}"
