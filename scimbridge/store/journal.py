"""What happened: history, facts and inbound requests. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, or_, select

from scimbridge.domain.ids import before_ids, new_id, new_nonce
from scimbridge.domain.resource import Received
from scimbridge.domain.seal import digest_of_new
from scimbridge.domain.task import Task
from scimbridge.domain.trigger import BRIDGE as _BRIDGE
from scimbridge.domain.trigger import Fact
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import DONE, facts, history, identities, requests

BRIDGE = _BRIDGE
"""The actor of what the bridge does by itself."""

UNSEEN = "planned unseen"
"""The event that says: what a target can do was not known when this was planned there."""


_INSERT_HISTORY = Prepared(insert(history), [column.name for column in history.c if column.name != "id"])
_INSERT_FACT = Prepared(insert(facts), facts.c.keys())
_INSERT_REQUEST = Prepared(insert(requests), [column.name for column in requests.c if column.name != "number"])


def record(
    tx: Connection,
    event: str,
    now: datetime,
    *,
    reason: str,
    actor: str = BRIDGE,
    identity_id: str | None = None,
    case_id: str | None = None,
    task: Task | None = None,
    target: str | None = None,
    details: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry to the history.

    Args:
        tx: The transaction in which the thing happens.
        event: What happened, as one word or two: ``case opened``.
        now: When (UTC).
        reason: Why, as one sentence without personal data.
        actor: Who did it: an operator, a source, or the bridge.
        identity_id: Whom it is about.
        case_id: Which case it belongs to.
        task: Fills in the ids that a task knows.
        target: The target concerned.
        details: Plain data without personal values.
        personal: Values that can be erased later without breaking the entry's digest.
    """
    entry: dict[str, Any] = {
        "at": now,
        "event": event,
        "actor": actor,
        "reason": reason,
        "identity_id": task.identity_id if task else identity_id,
        "case_id": task.case_id if task else case_id,
        "task_id": task.id if task else None,
        "target": task.target if task else target,
        "details": details or {},
    }
    # The nonce keeps somebody who has the digest from guessing an erased value.
    kept = {"nonce": new_nonce(), **personal} if personal else None
    _INSERT_HISTORY.add(tx, {**entry, "personal": kept, "digest": digest_of_new(entry, kept)})


def record_fact(tx: Connection, fact: Fact, case_id: str | None, verdict: str) -> None:
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
    _INSERT_FACT.add(tx, row)


def record_request(
    tx: Connection,
    received: Received,
    now: datetime,
    *,
    status: int,
    applied: str,
    request_id: str | None = None,
    resource_id: str | None = None,
) -> None:
    """Keep a request as received, as understood and as applied.

    Args:
        tx: The transaction that applies it.
        received: As received and as understood.
        now: When (UTC).
        status: How it was answered (HTTP).
        applied: What it has led to.
        request_id: The id under which a fact names it, if one does.
        resource_id: The User or Group concerned; else the one in the path.
    """
    row = {
        "id": request_id or new_id(now),
        "source": received.source,
        "at": now,
        "method": received.method,
        "path": received.path,
        "status": status,
        "received": received.body,
        "understood": received.understood,
        "applied": applied,
        "resource_id": resource_id or received.resource_id,
    }
    _INSERT_REQUEST.add(tx, row)


def entries_of_case(tx: Connection, case_id: str) -> Sequence[RowMapping]:
    """Return the history of a case, oldest first."""
    return tx.execute(select(history).where(history.c.case_id == case_id).order_by(history.c.id)).mappings().all()


def was_planned_unseen(tx: Connection, case_id: str, target: str) -> bool:
    """Whether something of a case was planned at a target while nobody could tell what it can do."""
    mine = history.c.case_id == case_id, history.c.target == target, history.c.event == UNSEEN
    return tx.execute(select(history.c.id).where(*mine).limit(1)).first() is not None


def requests_about(tx: Connection, resource_id: str, since: datetime, limit: int) -> Sequence[RowMapping]:
    """Return what sources sent about a User or Group since a time, oldest first."""
    query = select(requests).where(requests.c.resource_id == resource_id, requests.c.at >= since)
    return tx.execute(query.order_by(requests.c.at, requests.c.number).limit(limit)).mappings().all()


def entries_after(tx: Connection, entry_id: int, limit: int = 200) -> Sequence[RowMapping]:
    """Return the history entries with a higher id, oldest first."""
    query = select(history).where(history.c.id > entry_id).order_by(history.c.id).limit(limit)
    return tx.execute(query).mappings().all()


def newest_id(tx: Connection) -> int:
    """Return the id of the newest entry; 0 where there is none."""
    return int(tx.execute(select(func.coalesce(func.max(history.c.id), 0))).scalar_one())


def count_done(tx: Connection, target: str, since: datetime) -> int:
    """Return how many tasks at a target were done since a time; reads those."""
    query = select(func.count()).select_from(history).where(DONE, history.c.target == target, history.c.at >= since)
    return int(tx.execute(query).scalar_one())


def left_alone_of(tx: Connection, identity_id: str, limit: int) -> Sequence[RowMapping]:
    """Return the facts about an identity that led to nothing, the newest first."""
    query = select(facts).where(facts.c.identity_id == identity_id, facts.c.case_id.is_(None))
    return tx.execute(query.order_by(facts.c.at.desc(), facts.c.id.desc()).limit(limit)).mappings().all()


def count_facts(tx: Connection, since: datetime) -> int:
    """Return how many facts came after a time."""
    return int(tx.execute(select(func.count()).select_from(facts).where(*_came_after(since))).scalar_one())


def newest_facts_since(tx: Connection, since: datetime, most: int) -> datetime:
    """Return a time since which at most so many facts came: the given one, or a later one."""
    query = select(facts.c.at).where(*_came_after(since)).order_by(facts.c.id.desc()).offset(most).limit(1)
    found: datetime | None = tx.execute(query).scalar()
    return since if found is None else max(since, found + timedelta(microseconds=1))


def facts_since(tx: Connection, since: datetime, limit: int, *, after: str = "") -> Sequence[RowMapping]:
    """Return the facts that came after a time, oldest first.

    Args:
        tx: Any transaction.
        since: The time (UTC).
        limit: No more than so many.
        after: The id of a fact; only those that follow it.
    """
    query = select(facts).where(*_came_after(since), facts.c.id > after)
    return tx.execute(query.order_by(facts.c.id).limit(limit)).mappings().all()


def facts_without_case(
    tx: Connection, since: datetime, limit: int, *, after: str | None = None
) -> Sequence[RowMapping]:
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


def _came_after(since: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # By the ids, which have an index and are made of the time, but for what is shorter than a millisecond.
    return facts.c.id > before_ids(since), facts.c.at > since
