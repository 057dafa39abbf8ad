"""What the processes share about targets at run time."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from scimbridge.errors import NotFoundError
from scimbridge.store.schema import targets

_LOCK = select(targets).where(targets.c.name == bindparam("key")).with_for_update()


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
        .values(paused_at=None, paused_by=None, pause_reason=None)
    )
    return resumed.rowcount > 0


def all_targets(tx: Connection) -> dict[str, RowMapping]:
    """Return the rows of all targets by name."""
    return {row["name"]: row for row in tx.execute(select(targets)).mappings()}


def reserve_call(
    tx: Connection, name: str, interval: timedelta, now: datetime, *, within: timedelta
) -> datetime | None:
    """Reserve the next slot of a target's rate limit, over all processes.

    Returns:
        When the slot is; ``None``, and nothing reserved, where it is further off than ``within``.
    """
    slot: datetime = max(lock(tx, name)["next_call_at"] or now, now)
    if slot - now > within:
        return None
    tx.execute(update(targets).where(targets.c.name == name).values(next_call_at=slot + interval))
    return slot
