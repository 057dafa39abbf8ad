"""Acting on many: all cases that a query finds, or that are named, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain import approval
from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.intent import CaseAction, Intent, Obstacle
from scimbridge.domain.situation import CaseQuery
from scimbridge.errors import ConcurrentUpdateError, RuleError
from scimbridge.services.expediting import Expediting
from scimbridge.services.giving_back import GivingBack
from scimbridge.services.holding import Holding
from scimbridge.services.operating import Operating
from scimbridge.services.summing_up import CaseSummary, sum_up
from scimbridge.store import case_search, obstacles
from scimbridge.store.database import Database

SHOWN = 10

AT_ONCE = 1000
"""Cases that one request acts on: each is a transaction of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Cases to which an action is not done.

    Attributes:
        first: The newest ones.
    """

    why: str
    count: int
    first: list[CaseSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be done.

    Attributes:
        query: To what it is done: cases that come after the preview are not in it.
        ids: The cases that it is done to, the newest first; at most ``AT_ONCE`` unless everybody was asked for.
        first: The newest ones.
        left_out: What the query finds too, and what keeps the action from it.
        unknown: Ids that no case has.
        final: How many of them would be let do something that cannot be undone.
    """

    intent: Intent
    query: CaseQuery
    count: int
    ids: tuple[str, ...]
    first: list[CaseSummary]
    left_out: list[LeftOut]
    unknown: list[str]
    final: int

    @property
    def digest(self) -> str:
        """A digest of what is done and to which cases; where either is another, so is the digest."""
        until = self.intent.until
        what = {
            "action": self.intent.action,
            "stage": self.intent.stage,
            "until": until.isoformat() if until is not None else None,
            "cases": sorted(self.ids),
        }
        return approval.digest(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of one case.

    Attributes:
        is_done: Whether something was done.
        said: What, or why not.
        made: The id of what came of it: a hold, or the case that gives back.
    """

    case_id: str
    is_done: bool
    said: str
    made: str | None = None


class Acting:
    """Does to many what the other services do to one; what they refuse is told, and the next one is done.

    It is safe to stop half-way and to begin anew: what was done already is found no more, or refused.
    """

    def __init__(
        self,
        database: Database,
        operating: Operating,
        expediting: Expediting,
        holding: Holding,
        giving_back: GivingBack,
    ) -> None:
        self._database = database
        self._operating = operating
        self._expediting = expediting
        self._holding = holding
        self._giving_back = giving_back

    def preview(self, intent: Intent, query: CaseQuery, now: datetime, *, everybody: bool = False) -> Preview:
        """Return to which cases something would be done, up to now, and to which not. Touches nothing.

        Without ids and without a state, a query means the open cases that take access away, as far as the action is
        for such ones only.

        Args:
            intent: What.
            query: To which cases.
            now: When (UTC).
            everybody: Whether it is to be done to all of them, and not to the newest ``AT_ONCE``.
        """
        until = min(query.until, now) if query.until is not None else now
        query = replace(_narrowed(query, intent), until=until)
        free = obstacles.free(intent, now)
        most = None if everybody else AT_ONCE
        with self._database.read() as tx:
            ids = query.ids or ()
            known = case_search.existing(tx, ids) if ids else set()
            is_expedited = intent.action is CaseAction.EXPEDITE
            found = case_search.find(tx, query, now, limit=most, also=free)
            return Preview(
                intent=intent,
                query=query,
                count=len(found) if most is None or len(found) < most else case_search.count(tx, query, now, free),
                ids=tuple(case.id for case, _ in found),
                first=sum_up(tx, found[:SHOWN], now),
                left_out=list(_left_out(tx, intent, query, now)),
                unknown=[one for one in ids if one not in known],
                final=case_search.count(tx, query, now, obstacles.final(intent, now)) if is_expedited else 0,
            )

    def act(self, preview: Preview, *, reason: str, by: str, now: datetime) -> Iterator[Acted]:
        """Do it to the cases that were previewed, to no others, and yield what became of each case once it is done.

        A case that ends meanwhile, or that the query does not find any more, is left out.

        Args:
            preview: What, and to which cases.
            reason: Why, for the history.
            by: Who.
            now: When (UTC).
        """
        free = obstacles.free(preview.intent, now)
        for case_id in sorted(preview.ids):
            with self._database.read() as tx:
                is_found = case_search.count(tx, replace(preview.query, ids=(case_id,)), now, free)
            if is_found:
                yield self._try(preview.intent, case_id, reason=reason, by=by, now=now)

    def _try(self, intent: Intent, case_id: str, *, reason: str, by: str, now: datetime) -> Acted:
        try:
            return self._act(intent, case_id, reason=reason, by=by, now=now)
        except (RuleError, ConcurrentUpdateError) as error:
            return Acted(case_id=case_id, is_done=False, said=str(error))

    def _act(self, intent: Intent, case_id: str, *, reason: str, by: str, now: datetime) -> Acted:
        match intent.action:
            case CaseAction.CANCEL:
                self._operating.cancel(case_id, reason=reason, by=by, now=now)
                return Acted(case_id=case_id, is_done=True, said="canceled")
            case CaseAction.EXPEDITE:
                came = self._expediting.expedite(
                    case_id, number=intent.stage, task_id=None, reason=reason, by=by, now=now
                )
                said = "; ".join((f"{len(came.tasks)} due now", *came.still)) if came.tasks else Obstacle.NOT_PLANNED
                return Acted(case_id=case_id, is_done=bool(came.tasks), said=said)
            case CaseAction.HOLD:
                placed = self._holding.place(Scope.CASE, case_id, reason=reason, by=by, now=now, until=intent.until)
                late = f"; too late for {len(placed.too_late_for)}" if placed.too_late_for else ""
                return Acted(case_id=case_id, is_done=True, said=f"held{late}", made=placed.hold.id)
            case CaseAction.RELEASE:
                lifted = self._holding.lift_of_case(case_id, reason=reason, by=by, now=now)
                return Acted(case_id=case_id, is_done=bool(lifted), said="released" if lifted else Obstacle.NOT_HELD)
            case CaseAction.RETRY:
                retried = self._operating.retry(case_id, by=by, now=now, reason=reason)
                said = f"{len(retried)} tried again" if retried else Obstacle.NOTHING_FAILED
                return Acted(case_id=case_id, is_done=bool(retried), said=said)
            case CaseAction.RESTORE:
                given = self._giving_back.restore(case_id, reason=reason, by=by, now=now)
                return Acted(case_id=case_id, is_done=True, said="gives back", made=given.case.id)


def _narrowed(query: CaseQuery, intent: Intent) -> CaseQuery:
    """Return what is meant where nobody names cases: who looks for somebody's work does not mean what has ended."""
    if query.ids is not None:
        return query
    if Obstacle.ENDED in intent.obstacles and query.state is None:
        query = replace(query, state=CaseState.OPEN)
    return replace(query, kind_is_leave=query.kind_is_leave or Obstacle.GIVES_BACK in intent.obstacles)


def _left_out(tx: Connection, intent: Intent, query: CaseQuery, now: datetime) -> Iterator[LeftOut]:
    for obstacle, condition in obstacles.kept(intent, now):
        count = case_search.count(tx, query, now, condition)
        if count:
            found = case_search.find(tx, query, now, limit=SHOWN, also=condition)
            yield LeftOut(why=obstacle.value, count=count, first=sum_up(tx, found, now))
