"""Rows of snapshots: native accounts as they were before the bridge touched them, and as it left them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from scimbridge.domain.action import Action
from scimbridge.domain.ids import new_id
from scimbridge.sdk.group import state_of
from scimbridge.sdk.native import NativeState
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import accounts, snapshots, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that may have changed the account, and whose end is not known.

    Attributes:
        before: What it read before it began.
    """

    action: Action
    before: NativeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is kept of a native account.

    Attributes:
        original: As it was before the bridge first touched it.
        left: As it would be if nobody but the bridge had changed it since.
        begun: What has begun and not come to its end.
    """

    original: NativeState
    left: NativeState
    begun: Begun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A snapshot, standing or not.

    Attributes:
        state: The account or group as it was before the bridge first touched it.
        at: When it was taken (UTC).
    """

    target: str
    state: NativeState
    at: datetime


_STANDING = Prepared(
    select(snapshots.c.state, snapshots.c.left_state, snapshots.c.begun).where(
        snapshots.c.target == bindparam("at"),
        snapshots.c.native_id == bindparam("native"),
        snapshots.c.released_at.is_(None),
    )
)


def take(tx: Connection, target: str, state: NativeState, now: datetime, begun: Action | None = None) -> None:
    """Keep the state of a native account that is about to be touched for the first time.

    Only where no snapshot stands; a unique index sees to it that the first one wins.
    """
    tx.execute(
        insert(snapshots).values(
            id=new_id(now),
            target=target,
            native_id=state.id,
            state=state.to_json(),
            taken_at=now,
            begun=_plain(Begun(action=begun, before=state)) if begun is not None else None,
        )
    )


def standing(tx: Connection, target: str, native_id: str) -> Snapshot | None:
    """Return what is kept of a native account, unless all was given back since."""
    row = _STANDING.first(tx, {"at": target, "native": native_id})
    if row is None:
        return None
    original = state_of(row["state"])
    begun = row["begun"]
    return Snapshot(
        original=original,
        left=state_of(row["left_state"]) if row["left_state"] else original,
        begun=Begun(action=Action(begun["action"]), before=state_of(begun["before"])) if begun else None,
    )


def taken_at(tx: Connection, account_id: str) -> datetime | None:
    """Return when the standing snapshot of an account was taken; ``None`` where none stands."""
    query = (
        select(snapshots.c.taken_at)
        .join(accounts, and_(accounts.c.target == snapshots.c.target, accounts.c.native_id == snapshots.c.native_id))
        .where(accounts.c.id == account_id, snapshots.c.released_at.is_(None))
    )
    found: datetime | None = tx.execute(query).scalar()
    return found


def of_case(tx: Connection, case_id: str) -> list[Taken]:
    """Return the newest snapshot of each account that a case is about, as far as there is one."""
    query = (
        select(snapshots.c.target, snapshots.c.state, snapshots.c.taken_at)
        .join(accounts, and_(accounts.c.target == snapshots.c.target, accounts.c.native_id == snapshots.c.native_id))
        .where(accounts.c.id.in_(select(tasks.c.account_id).where(tasks.c.case_id == case_id)))
        .order_by(snapshots.c.target, snapshots.c.taken_at)
    )
    newest: dict[tuple[str, str], Taken] = {}
    for row in tx.execute(query):
        state = state_of(row.state)
        newest[row.target, state.id] = Taken(target=row.target, state=state, at=row.taken_at)
    return list(newest.values())


def note(tx: Connection, target: str, native_id: str, left: NativeState, begun: Begun | None = None) -> None:
    """Keep how the bridge left an account, and what it begins now."""
    tx.execute(
        update(snapshots)
        .where(snapshots.c.target == target, snapshots.c.native_id == native_id, snapshots.c.released_at.is_(None))
        .values(left_state=left.to_json(), begun=_plain(begun))
    )


def add(tx: Connection, target: str, original: NativeState) -> None:
    """Keep what came to a native account since its snapshot was taken, and is about to be taken, too."""
    tx.execute(
        update(snapshots)
        .where(snapshots.c.target == target, snapshots.c.native_id == original.id, snapshots.c.released_at.is_(None))
        .values(state=original.to_json())
    )


def release(tx: Connection, target: str, native_id: str, now: datetime) -> None:
    """Everything was given back, or the account is let go; the next case takes a new snapshot."""
    tx.execute(
        update(snapshots)
        .where(snapshots.c.target == target, snapshots.c.native_id == native_id, snapshots.c.released_at.is_(None))
        .values(released_at=now)
    )


def reinstate(tx: Connection, target: str, native_id: str) -> None:
    """Let the snapshot that was released last stand again, unless another one stands."""
    if standing(tx, target, native_id) is not None:
        return
    last = (
        select(snapshots.c.id)
        .where(snapshots.c.target == target, snapshots.c.native_id == native_id)
        .order_by(snapshots.c.released_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    tx.execute(update(snapshots).where(snapshots.c.id == last).values(released_at=None))


def _plain(begun: Begun | None) -> dict[str, object] | None:
    return {"action": begun.action, "before": begun.before.to_json()} if begun is not None else None
