"""Records that are old enough to go, and whom nobody may take them from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from scimbridge.domain.case import CaseState
from scimbridge.domain.hold import Scope
from scimbridge.domain.identity import AT_TARGET
from scimbridge.store.id_lists import is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import accounts, attempts, cases, holds, identities, requests, snapshots

_UP_TO = Prepared(
    select(requests.c.number, requests.c.at)
    .where(requests.c.number <= bindparam("number"))
    .order_by(requests.c.number.desc())
    .limit(1)
)

Key = str | int

Place = tuple[datetime, Key]
"""Where a record stands among those of its kind: its time, and its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """A record from before some time.

    Attributes:
        key: By which it is found in its table.
        place: After which the next ones follow.
        about: The identities that it is about.
        source: Who sent it, where it was sent.
        target: Where it was read, where it was read.
    """

    key: Key
    place: Place
    about: frozenset[str]
    source: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record.

    Attributes:
        find: Returns those from before a time, the oldest first, behind a place; up to a number.
        remove: Takes what is personal out of some of them, or all of it. Returns of how many.
    """

    find: Callable[[Connection, datetime, Place | None, int], Sequence[Aged]]
    remove: Callable[[Connection, Collection[Any]], int]


def spared(tx: Connection, found: Sequence[Aged]) -> frozenset[Key]:
    """Return the keys of the records that stay: their people have an open case, or something about them is held."""
    wide = _wide_holds(tx)
    if (Scope.EVERYTHING, "") in wide:
        return frozenset(each.key for each in found)
    people = people_spared(tx, {one for each in found for one in each.about}, wide)
    return frozenset(
        each.key
        for each in found
        if not people.isdisjoint(each.about)
        or (Scope.SOURCE, each.source) in wide
        or (Scope.TARGET, each.target) in wide
    )


def people_spared(
    tx: Connection, ids: Collection[str], wide: Collection[tuple[str, str | None]] = ()
) -> frozenset[str]:
    """Return those of some identities that have an open case, or are held; they, a case of theirs, or their source."""
    if not ids:
        return frozenset()
    sources = [subject for scope, subject in wide if scope == Scope.SOURCE and subject]
    stands = holds.c.lifted_at.is_(None)
    queries = [
        select(cases.c.identity_id).where(
            is_among(tx, cases.c.identity_id, ids), cases.c.state == CaseState.OPEN.value
        ),
        select(holds.c.subject).where(
            stands, holds.c.scope == Scope.IDENTITY.value, is_among(tx, holds.c.subject, ids)
        ),
        select(cases.c.identity_id)
        .join(holds, and_(holds.c.subject == cases.c.id, holds.c.scope == Scope.CASE.value, stands))
        .where(is_among(tx, cases.c.identity_id, ids)),
    ]
    if sources:
        queries.append(
            select(identities.c.id).where(is_among(tx, identities.c.id, ids), identities.c.source.in_(sources))
        )
    return frozenset(key for query in queries for key in tx.execute(query).scalars())


def deleted_people(tx: Connection, before: datetime, after: Place | None, limit: int) -> Sequence[Aged]:
    """Return whom a source deleted before a time, and who was not erased; the first deleted one first."""
    query = (
        select(identities.c.id, identities.c.deleted_at.label("at"), identities.c.source)
        .where(identities.c.erased_at.is_(None), identities.c.deleted_at.is_not(None), identities.c.deleted_at < before)
        .where(identities.c.source.not_like(f"{AT_TARGET}%"))  # a group is nobody
        .order_by(identities.c.deleted_at, identities.c.id)
        .limit(limit)
    )
    rows = tx.execute(_behind(query, identities, "deleted_at", after))
    return [Aged(key=row.id, place=(row.at, row.id), about=frozenset({row.id}), source=row.source) for row in rows]


def has_left_lately(tx: Connection, identity_id: str, since: datetime) -> bool:
    """Whether a case of somebody is open, or has ended since a time."""
    query = select(cases.c.id).where(
        cases.c.identity_id == identity_id, or_(cases.c.state == CaseState.OPEN.value, cases.c.closed_at >= since)
    )
    return tx.execute(query.limit(1)).first() is not None


def _wide_holds(tx: Connection) -> frozenset[tuple[str, str | None]]:
    """Return the holds that stand on more than one person, as scope and subject."""
    query = select(holds.c.scope, holds.c.subject).where(
        holds.c.lifted_at.is_(None),
        holds.c.scope.in_([Scope.EVERYTHING.value, Scope.SOURCE.value, Scope.TARGET.value]),
    )
    return frozenset((row.scope, row.subject) for row in tx.execute(query))


def _old_requests(tx: Connection, before: datetime, after: Place | None, limit: int) -> Sequence[Aged]:
    query = (
        select(requests.c.number, requests.c.at, requests.c.source, requests.c.resource_id)
        .where(requests.c.number > (after[1] if after is not None else 0), requests.c.at < before)
        .where(requests.c.number <= _last_number(tx, before))
        .order_by(requests.c.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [
        Aged(
            key=row.number,
            place=(row.at, row.number),
            about=frozenset({row.resource_id} if row.resource_id else ()),
            source=row.source,
        )
        for row in tx.execute(query)
    ]


def _last_number(tx: Connection, before: datetime) -> int:
    """Return the highest number of a request from before a time.

    Requests are numbered in the order of time, but for moments, and for clocks that were wrong for a while. Should one
    of the few that are looked at be of such a clock, the number is too low; others are looked at when more have come.
    """
    low, high = 0, tx.execute(select(func.max(requests.c.number))).scalar_one() or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = _UP_TO.first(tx, {"number": middle})
        if row is None or row["at"] < before:
            low = middle
        else:
            high = row["number"] - 1
    return low


def _remove_requests(tx: Connection, numbers: Collection[int]) -> int:
    return tx.execute(delete(requests).where(requests.c.number.in_(numbers))).rowcount


def _old_attempts(tx: Connection, before: datetime, after: Place | None, limit: int) -> Sequence[Aged]:
    query = (
        select(attempts.c.id, attempts.c.ended_at.label("at"), attempts.c.target, accounts.c.identity_id)
        .join(accounts, accounts.c.id == attempts.c.account_id)
        .where(
            attempts.c.ended_at.is_not(None),
            or_(attempts.c.state_read.is_not(None), attempts.c.task_id.is_(None)),
            attempts.c.ended_at < before,
        )
        .order_by(attempts.c.ended_at, attempts.c.id)
        .limit(limit)
        .with_for_update(of=attempts, skip_locked=True)
    )
    return [
        Aged(key=row.id, place=(row.at, row.id), about=frozenset({row.identity_id}), target=row.target)
        for row in tx.execute(_behind(query, attempts, "ended_at", after))
    ]


def _empty_attempts(tx: Connection, ids: Collection[str]) -> int:
    """Drop look-ups, and of the others what was read: that a task was tried is part of what can be given back."""
    own = is_among(tx, attempts.c.id, ids), attempts.c.ended_at.is_not(None)
    dropped = tx.execute(delete(attempts).where(*own, attempts.c.task_id.is_(None))).rowcount
    return dropped + tx.execute(update(attempts).where(*own).values(state_read=null())).rowcount


def _old_snapshots(tx: Connection, before: datetime, after: Place | None, limit: int) -> Sequence[Aged]:
    query = (
        select(snapshots.c.id, snapshots.c.released_at.label("at"), snapshots.c.target, snapshots.c.native_id)
        .where(snapshots.c.released_at.is_not(None), snapshots.c.released_at < before)
        .order_by(snapshots.c.released_at, snapshots.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = tx.execute(_behind(query, snapshots, "released_at", after)).all()
    owners = _owners(tx, {(row.target, row.native_id) for row in rows})
    return [
        Aged(
            key=row.id,
            place=(row.at, row.id),
            about=frozenset(owners[row.target, row.native_id]),
            target=row.target,
        )
        for row in rows
    ]


def _owners(tx: Connection, natives: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], set[str]]:
    """Return whose native accounts are, by target and native id; of those that were let go, whose they were."""
    found: dict[tuple[str, str], set[str]] = {}
    for target, native_id in natives:
        theirs = accounts.c.target == target, accounts.c.native_id == native_id
        found[target, native_id] = set(tx.execute(select(accounts.c.identity_id).where(*theirs)).scalars())
    let_go = [native for native, people in found.items() if not people]
    if let_go:
        # Once for all of them: there is no index for it.
        held = tuple_(attempts.c.target, attempts.c.lock_key).in_(let_go)
        query = select(attempts.c.target, attempts.c.lock_key, accounts.c.identity_id).join(accounts).where(held)
        for row in tx.execute(query.distinct()):
            found[row.target, row.lock_key].add(row.identity_id)
    return found


def _remove_snapshots(tx: Connection, ids: Collection[str]) -> int:
    own = is_among(tx, snapshots.c.id, ids), snapshots.c.released_at.is_not(None)
    return tx.execute(delete(snapshots).where(*own)).rowcount


def _behind(query: Select[Any], table: Table, at: str, after: Place | None) -> Select[Any]:
    if after is None:
        return query
    place = tuple_(literal(after[0], table.c[at].type), literal(after[1]))
    return query.where(tuple_(table.c[at], table.c.id) > place)


REQUESTS = Kind(_old_requests, _remove_requests)
ATTEMPTS = Kind(_old_attempts, _empty_attempts)
SNAPSHOTS = Kind(_old_snapshots, _remove_snapshots)
