"""What the processes share about targets at run time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.domain.pace import SPARSEST, Pace, time_between
from scimbridge.errors import NotFoundError
from scimbridge.store.clock import TOLERANCE
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import targets

_ALL_ARMED = Prepared(select(targets.c.name).where(targets.c.armed_until > bindparam("now")))
_LOCK = select(targets).where(targets.c.name == bindparam("key")).with_for_update()
_ARMED = select(targets.c.name).where(targets.c.name == bindparam("key"), targets.c.armed_until > bindparam("now"))


def ensure_targets(tx: Connection, names: list[str]) -> None:
    """Make sure that every configured target has its row."""
    known = set(tx.execute(select(targets.c.name)).scalars())
    for name in names:
        if name in known:
            continue
        # Several processes of an installation may start at the same moment.
        with suppress(IntegrityError), tx.begin_nested():
            tx.execute(insert(targets).values(name=name))


def lock(tx: Connection, name: str) -> RowMapping:
    """Return a target's row, and keep other claims on the target waiting until the transaction ends.

    Raises:
        NotFoundError: There is none of this name.
    """
    row = tx.execute(_LOCK, {"key": name}).mappings().first()
    if row is None:
        raise NotFoundError("target", name)
    return row


def pause(tx: Connection, name: str, *, reason: str, by: str, now: datetime) -> bool:
    """Pause a target. Returns whether it was not paused already."""
    paused = tx.execute(
        update(targets)
        .where(targets.c.name == name, targets.c.paused_at.is_(None))
        .values(paused_at=now, paused_by=by, pause_reason=reason)
    )
    return paused.rowcount > 0


def resume(tx: Connection, name: str) -> bool:
    """Let a target work again. Returns whether it was paused."""
    resumed = tx.execute(
        update(targets)
        .where(targets.c.name == name, targets.c.paused_at.is_not(None))
        .values(paused_at=None, paused_by=None, pause_reason=None, resumed_at=None)
    )
    return resumed.rowcount > 0


def let_go(tx: Connection, name: str, now: datetime) -> None:
    """Note that the backlog of a target is let go from now on."""
    tx.execute(update(targets).where(targets.c.name == name).values(resumed_at=now))


def read_until(tx: Connection, name: str, until: datetime | None) -> None:
    """Note until when a run of reconciliation reads a target in the place of an attempt; ``None`` gives it up."""
    tx.execute(update(targets).where(targets.c.name == name).values(read_until=until))


def arm(tx: Connection, name: str, *, until: datetime, by: str) -> None:
    """Let a target act until a time."""
    tx.execute(update(targets).where(targets.c.name == name).values(armed_until=until, armed_by=by))


def disarm(tx: Connection, name: str, *, over_at: datetime | None = None) -> bool:
    """End a target's arming. Returns whether there was one.

    Args:
        tx: A write transaction.
        name: The target.
        over_at: Only where its time has ended by then; it may have been armed again.
    """
    armed = update(targets).where(targets.c.name == name, targets.c.armed_until.is_not(None))
    if over_at is not None:
        armed = armed.where(targets.c.armed_until <= over_at)
    return tx.execute(armed.values(armed_until=None, armed_by=None)).rowcount > 0


def keep_findings(tx: Connection, name: str, findings: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep what was found when a target was checked."""
    tx.execute(update(targets).where(targets.c.name == name).values(checked_at=now, findings=list(findings)))


def is_armed(tx: Connection, name: str, now: datetime) -> bool:
    """Whether a target acts although it is configured to observe."""
    return tx.execute(_ARMED, {"key": name, "now": now}).first() is not None


def armed_until_before(tx: Connection, now: datetime) -> list[str]:
    """Return the targets whose arming is over, and not noted as such."""
    return list(tx.execute(select(targets.c.name).where(targets.c.armed_until <= now)).scalars())


def all_targets(tx: Connection) -> dict[str, RowMapping]:
    """Return the rows of all targets by name."""
    return {row["name"]: row for row in tx.execute(select(targets)).mappings()}


def armed(tx: Connection, now: datetime) -> frozenset[str]:
    """Return the names of the targets that may act for a time although they observe."""
    return frozenset(_ALL_ARMED.column(tx, {"now": now}))


@dataclass(frozen=True, slots=True)
class Slot:
    """When a call may be made.

    Attributes:
        at: ``None`` where that is too far off, and nothing is reserved.
        share: The share of the target's rate that it has let us use by now.
    """

    at: datetime | None
    share: float


def reserve_call(tx: Connection, name: str, interval: timedelta | None, now: datetime, *, within: timedelta) -> Slot:
    """Reserve the next slot of a target's rate, over all processes; at most ``within`` from now.

    ``interval`` is the time between two calls at the whole rate; ``None`` where only refusals limit it.
    """
    row = lock(tx, name)
    at: datetime = max(row["next_call_at"] or now, now)
    share = pace_of(row).share_at(now)
    if at - now > within + max(interval or SPARSEST, SPARSEST) + TOLERANCE:
        at = now  # nobody reserves so far ahead: a clock was set back
    if at - now > within:
        return Slot(None, share)
    next_call_at = at + time_between(interval, share)
    tx.execute(update(targets).where(targets.c.name == name).values(next_call_at=next_call_at))
    return Slot(at, share)


def slow_down(tx: Connection, name: str, now: datetime, *, rest: timedelta) -> Pace | None:
    """Learn from a refusal: call the target less often, and not at all for the time of ``rest``.

    Returns:
        The new pace; ``None`` where a refusal of a moment ago has taught the same.
    """
    row = lock(tx, name)
    before = pace_of(row)
    after = before.refused(now)
    next_call_at = max(row["next_call_at"] or now, now + rest)
    values = {"next_call_at": next_call_at, "pace": after.share, "refused_at": after.refused_at}
    tx.execute(update(targets).where(targets.c.name == name).values(values))
    return after if after is not before else None


def pace_of(row: Mapping[Any, Any]) -> Pace:
    """Return what a target's row says about its pace."""
    if row.get("refused_at") is None:
        return Pace()
    return Pace(row["pace"], row["refused_at"])
