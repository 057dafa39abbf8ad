"""Summing cases up: how each is, in a few statements for all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.situation import Situation
from scimbridge.domain.task import FINISHED, TaskState
from scimbridge.store import case_search, holds
from scimbridge.store.case_search import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """One case in a list.

    Attributes:
        situation: What it is doing, computed (``scimbridge.domain.situation``), with which stage waits for
            its approval; or how it ended.
        next_due_at: When its next task is due or wakes up.
        is_held_back: Something could be done now, and a hold keeps it.
        counts: How many tasks are in each state.
    """

    case: Case
    user_name: str
    situation: str
    next_due_at: datetime | None
    is_held_back: bool
    counts: Mapping[TaskState, int]


def sum_up(tx: Connection, found: Sequence[tuple[Case, str]], now: datetime) -> list[CaseSummary]:
    """Return a summary for each case and the userName of its person."""
    by_case: defaultdict[str, list[Work]] = defaultdict(list)
    for work in case_search.work_of(tx, [case.id for case, _ in found], now):
        by_case[work.case_id].append(work)
    standing = holds.standing_on_any(tx, [case for case, _ in found if case.state is CaseState.OPEN])
    summaries = [_summary(case, user_name, by_case[case.id], standing, now) for case, user_name in found]
    return _with_stages(tx, summaries, now)


def _with_stages(tx: Connection, summaries: Sequence[CaseSummary], now: datetime) -> list[CaseSummary]:
    """Say which stage waits for an approval, and how many it has; one statement for all that wait."""
    waiting = [summary.case.id for summary in summaries if summary.situation == Situation.UNAPPROVED]
    found = case_search.unapproved_stages(tx, waiting, now) if waiting else {}
    return [
        replace(summary, situation=f"waits for {found[summary.case.id]}") if summary.case.id in found else summary
        for summary in summaries
    ]


def _summary(case: Case, user_name: str, work: Sequence[Work], standing: Sequence[Hold], now: datetime) -> CaseSummary:
    counts: Counter[TaskState] = Counter()
    for alike in work:
        counts[alike.state] += alike.count
    situation = _situation(case, work, [hold for hold in standing if concerns(hold, case)])
    return CaseSummary(
        case=case,
        user_name=user_name,
        situation=situation,
        next_due_at=min((alike.next_at for alike in work if alike.next_at is not None), default=None),
        is_held_back=situation == Situation.HELD and any(_is_due(alike, now) for alike in work),
        counts=dict(counts),
    )


def _is_due(work: Work, now: datetime) -> bool:
    return work.state is TaskState.READY or (work.next_at is not None and work.next_at <= now)


def concerns(hold: Hold, case: Case) -> bool:
    """Whether a hold is on a case in some way; one on a target may be on some of its tasks."""
    match hold.scope:
        case Scope.EVERYTHING | Scope.TARGET:
            return True
        case Scope.SOURCE:
            return hold.subject == case.source
        case Scope.IDENTITY:
            return hold.subject == case.identity_id
        case Scope.CASE:
            return hold.subject == case.id


def _situation(case: Case, work: Sequence[Work], standing: Sequence[Hold]) -> str:
    if case.state is not CaseState.OPEN:
        return case.state
    states = {alike.state for alike in work}
    if any(alike.asks for alike in work):
        return Situation.NEEDS_PERSON
    left = {alike.target for alike in work if alike.state not in FINISHED}
    if any(hold.stops_work_at(target) for hold in standing for target in left):
        return Situation.HELD
    if states & {TaskState.READY, TaskState.RUNNING}:
        return Situation.WORKING
    if any(alike.unapproved for alike in work):
        return Situation.UNAPPROVED
    return Situation.RETRYING if TaskState.WAITING in states else Situation.WAITING
