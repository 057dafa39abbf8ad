"""Facts, as they came and as they are replayed.

Most facts open a case, which is then all that is kept of them: it has what they said. The others have a row of their
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import CompoundSelect, Connection, RowMapping, func, insert, null, or_, select, union_all

from scimbridge.domain.ids import before_ids, new_id
from scimbridge.domain.trigger import Fact
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import cases, facts, identities

_INSERT = Prepared(insert(facts), facts.c.keys())
_ROWS = select(facts.c.id, facts.c.identity_id, facts.c.trigger, facts.c.at, facts.c.targets, facts.c.case_id)
_OPENINGS = select(
    cases.c.id, cases.c.identity_id, cases.c.fact_trigger, cases.c.trigger_at, null(), cases.c.id.label("case_id")
).where(cases.c.fact_trigger.is_not(None))


def is_kept_in_case(fact: Fact) -> bool:
    """Whether the case that a fact opens says all that the fact does: that it is about all targets."""
    return fact.targets is None


def record(tx: Connection, fact: Fact, case_id: str | None, verdict: str) -> None:
    """Keep a fact, and what was made of it. Facts that no rule matches are kept too."""
    row = {
        "id": new_id(fact.at),
        "identity_id": fact.identity_id,
        "source": fact.source,
        "trigger": fact.trigger,
        "at": fact.at,
        "request_id": fact.request_id,
        "case_id": case_id,
        "verdict": verdict,
        "targets": list(fact.targets) if fact.targets is not None else None,
    }
    _INSERT.add(tx, row)


def left_alone_of(tx: Connection, identity_id: str, limit: int) -> Sequence[RowMapping]:
    """Return the facts about an identity that led to nothing, the newest first."""
    query = select(facts).where(facts.c.identity_id == identity_id, facts.c.case_id.is_(None))
    return tx.execute(query.order_by(facts.c.at.desc(), facts.c.id.desc()).limit(limit)).mappings().all()


def count(tx: Connection, since: datetime) -> int:
    """Return how many facts came after a time."""
    return int(tx.execute(select(func.count()).select_from(_came_after(since).subquery())).scalar_one())


def newest_since(tx: Connection, since: datetime, most: int) -> datetime:
    """Return a time since which at most so many facts came: the given one, or a later one."""
    found = _came_after(since)
    row = tx.execute(found.order_by(found.selected_columns.id.desc()).offset(most).limit(1)).mappings().first()
    return since if row is None else max(since, row["at"] + timedelta(microseconds=1))


def since(tx: Connection, time: datetime, limit: int, *, after: str = "") -> Sequence[RowMapping]:
    """Return the facts that came after a time, oldest first.

    Each has ``id``, ``identity_id``, ``trigger``, ``at``, ``targets`` and ``case_id``.

    Args:
        tx: Any transaction.
        time: The time (UTC).
        limit: No more than so many.
        after: The id of a fact; only those that follow it.
    """
    found = _came_after(time, after)
    return tx.execute(found.order_by(found.selected_columns.id).limit(limit)).mappings().all()


def without_case(tx: Connection, since: datetime, limit: int, *, after: str | None = None) -> Sequence[RowMapping]:
    """Return facts that led to nothing, with the identity's userName, newest first.

    Args:
        tx: Any transaction.
        since: The time (UTC).
        limit: No more than so many.
        after: The last fact of the page before.
    """
    query = (
        select(facts, identities.c.user_name)
        .join(identities, identities.c.id == facts.c.identity_id)
        .where(facts.c.at >= since, facts.c.case_id.is_(None))
        .order_by(facts.c.at.desc(), facts.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        last = select(facts.c.at).where(facts.c.id == after).scalar_subquery()
        query = query.where(facts.c.at <= last, or_(facts.c.at < last, facts.c.id < after))
    return tx.execute(query).mappings().all()


def _came_after(time: datetime, after: str = "") -> CompoundSelect[tuple[str, str, str, datetime, object]]:
    # By the ids of facts and of cases, which have an index and are made of the time, but for what is shorter than a
    # millisecond.
    first = max(before_ids(time), after)
    return union_all(
        _ROWS.where(facts.c.id > first, facts.c.at > time),
        _OPENINGS.where(cases.c.id > first, cases.c.trigger_at > time),
    )
