"""What operators look at: open cases, the story of one, and what waits at each target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from scimbridge.domain.case import CaseState
from scimbridge.domain.inquiry import Inquiry
from scimbridge.domain.letting_go import attempts_at_once
from scimbridge.domain.pace import time_between
from scimbridge.domain.situation import CaseQuery, Wanted
from scimbridge.errors import NotFoundError
from scimbridge.services.fleet import Fleet, Target
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import (
    accounts,
    case_search,
    facts,
    inquiries,
    journal,
    returns,
    snapshots,
    target_work,
    targets,
    tasks,
)
from scimbridge.store.database import Database
from scimbridge.store.schema import cases as case_table
from scimbridge.store.snapshots import Taken

MOST_RUNNABLE = 1000
"""Accounts with work that are counted at a target; that there are more is all that anybody needs to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """What goes on at a target.

    Attributes:
        runnable: Accounts with work that may start now (capped at 1000).
        oldest_due_at: When the one of them was due that has been waiting for the longest.
        live: Attempts under way.
        needs_person: Tasks that wait for somebody to decide.
        pause: Who paused it and why, where it is paused.
        paused_at: Since when.
        mode: As configured.
        armed_until: Until when it acts although it is configured to observe.
        at_once: How many attempts it takes right now; fewer than ``concurrency`` while a backlog is let go.
        pace: The share of its rate that is used at most right now, 1 unless it has asked for fewer calls.
        apart: The time between two calls that this makes; none where nothing limits them.
    """

    name: str
    kind: str
    mode: str
    armed_until: datetime | None
    armed_by: str | None
    concurrency: int
    at_once: int
    pace: float
    apart: timedelta
    runnable: int
    oldest_due_at: datetime | None
    live: int
    needs_person: int
    pause: str | None
    paused_at: datetime | None
    unusable: str = ""

    @property
    def stopped(self) -> str | None:
        """Why nothing is sent to it, if nothing is."""
        return f"cannot be used: {self.unusable}" if self.unusable else self.pause


class Overview:
    """Reads; changes nothing."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    def list_cases(
        self, query: CaseQuery, now: datetime, *, limit: int = 100, after: str | None = None
    ) -> list[CaseSummary]:
        """Return the cases that fit, the newest first. It costs by what is shown.

        Args:
            query: Which cases.
            now: When (UTC).
            limit: At most so many.
            after: The last case of the page before.

        Raises:
            NotFoundError: There is no case of the id ``after``.
        """
        with self._database.read() as tx:
            return sum_up(tx, case_search.find(tx, query, now, limit=limit, after=after), now)

    def count_cases(self, query: CaseQuery, now: datetime, *, most: int) -> int:
        """Return how many cases fit; ``most`` stands for that many or more."""
        with self._database.read() as tx:
            return case_search.count_up_to(tx, query, now, most)

    def case_named(self, said: str) -> str:
        """Return the id of the case that somebody names by its id, or of the newest one of a userName.

        Raises:
            NotFoundError: It is neither.
        """
        with self._database.read() as tx:
            found = case_search.named(tx, said)
        if found is None:
            raise NotFoundError("case", said)
        return found

    def snapshots(self, case_id: str) -> list[Taken]:
        """Return what is kept of a case's accounts as they were before the bridge touched them."""
        with self._database.read() as tx:
            return snapshots.of_case(tx, case_id)

    def targets(self, now: datetime) -> list[TargetStatus]:
        """Return what goes on at every configured target."""
        with self._database.read() as tx:
            return list(target_statuses(tx, self._fleet, now).values())

    def left_alone(self, since: datetime, limit: int = 100, *, after: str | None = None) -> Sequence[RowMapping]:
        """Return the facts since a time that opened no case, and why; with the identity's userName. Newest first.

        ``after`` is the last fact of the page before.
        """
        with self._database.read() as tx:
            return facts.without_case(tx, since, limit, after=after)

    def inquiries(self, limit: int = 100) -> list[Inquiry]:
        """Return the inquiries that nobody has answered, oldest first."""
        with self._database.read() as tx:
            return inquiries.standing(tx, limit)

    def returning(self) -> int:
        """Return how many accounts are still to be given back to people who came back together with many others."""
        with self._database.read() as tx:
            return returns.count(tx)

    def candidates(self, task_id: str) -> Sequence[dict[str, str]]:
        """Return the accounts to choose among for a task: each with ``id`` and ``name``.

        Raises:
            NotFoundError: There is no such task.
        """
        with self._database.read() as tx:
            return accounts.account_by_id(tx, tasks.task_by_id(tx, task_id).account_id).candidates or ()

    def open_case_count(self) -> int:
        """Return how many cases are open."""
        with self._database.read() as tx:
            query = select(func.count()).select_from(case_table).where(case_table.c.state == CaseState.OPEN)
            return int(tx.execute(query).scalar_one())

    def situation_counts(self, now: datetime) -> dict[Wanted, int]:
        """Return how many open cases are like each; one may be like several. Reads the open ones."""
        with self._database.read() as tx:
            return {each: case_search.count(tx, CaseQuery(situation=each), now) for each in Wanted}

    def history_after(self, entry_id: int, limit: int = 200) -> Sequence[RowMapping]:
        """Return history entries with a higher id, oldest first."""
        with self._database.read() as tx:
            return journal.entries_after(tx, entry_id, limit)

    def newest_entry(self) -> int:
        """Return the id of the newest entry of the history; 0 where there is none."""
        with self._database.read() as tx:
            return journal.newest_id(tx)

    def is_alive(self) -> bool:
        """Ask the store the simplest question.

        Raises:
            StoreError: It does not answer.
        """
        with self._database.read() as tx:
            return bool(tx.execute(select(1)).scalar_one())


def target_statuses(tx: Connection, asked: Iterable[Target], now: datetime) -> dict[str, TargetStatus]:
    """Return what goes on at some targets, by name; in as many statements as for one."""
    fleet = list(asked)
    names = [target.name for target in fleet]
    rows = targets.all_targets(tx)
    runnable = target_work.runnable(tx, names, now, MOST_RUNNABLE)
    oldest, live, asking = target_work.oldest(tx, names, now), target_work.live(tx), target_work.asking(tx)

    def status(target: Target, row: Mapping[Any, Any]) -> TargetStatus:
        pace = targets.pace_of(row).share_at(now)
        is_armed = row.get("armed_until") is not None and row["armed_until"] > now
        return TargetStatus(
            name=target.name,
            kind=target.kind,
            mode=target.mode,
            armed_until=row["armed_until"] if is_armed else None,
            armed_by=row["armed_by"] if is_armed else None,
            concurrency=target.concurrency,
            at_once=attempts_at_once(target.concurrency, row.get("resumed_at"), now),
            pace=pace,
            apart=time_between(target.interval, pace),
            runnable=runnable.get(target.name, 0),
            oldest_due_at=oldest.get(target.name),
            live=live.get(target.name, 0),
            needs_person=asking.get(target.name, 0),
            pause=f"paused by {row['paused_by']}: {row['pause_reason']}" if row.get("paused_at") is not None else None,
            paused_at=row.get("paused_at"),
            unusable=target.unusable,
        )

    return {target.name: status(target, rows.get(target.name, {})) for target in fleet}
