"""What happened: history and inbound requests. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select

from scimbridge.domain.ids import new_id, new_nonce
from scimbridge.domain.resource import Received
from scimbridge.domain.seal import digest_of_new
from scimbridge.domain.task import Task
from scimbridge.domain.trigger import BRIDGE as _BRIDGE
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import DONE, history, requests

BRIDGE = _BRIDGE
"""The actor of what the bridge does by itself."""

UNSEEN = "planned unseen"
"""The event that says: what a target can do was not known when this was planned there."""


_INSERT_HISTORY = Prepared(insert(history), [column.name for column in history.c if column.name != "id"])
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
