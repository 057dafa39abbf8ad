"""Rows of the guard: counters, marks of identities within the windows, and how many were active.

Counting is on the path of every request that takes something away. So a counter knows a number that its window
cannot exceed: it grows with each mark, and only once it is above the limit are the marks counted, and no further
than the limit asks for. What it costs grows neither with the identities nor with the marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.flood import Flood
from scimbridge.domain.guard import GuardScope, Limit
from scimbridge.store.batch import Batch, LeftBatchError, batch_of
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import accounts, cases, guard_counters, guard_marks, identities, populations, uncounted
from scimbridge.store.values import Row

_KEY = ("scope", "subject", "guard_class")
_DIALECTS: Mapping[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}


@dataclass(slots=True, kw_only=True)
class Counter:
    """What a limit's counter says. Whoever has it holds its lock until the transaction ends.

    The units of a batch share one, which grows by each of them.

    Attributes:
        epoch: Only marks of this one count.
        at_most: No more identities than that are in the window, the newest one included.
        flood_id: The open flood, where there is one.
        active: How many identities were active when the window began, once that was asked.
    """

    epoch: int
    at_most: int
    flood_id: str | None
    active: int | None = None


def key_of(limit: Limit) -> dict[str, Any]:
    """Return what tells a limit's rows from those of the others."""
    return dict(zip(_KEY, limit.key, strict=True))


def count(tx: Connection, limit: Limit) -> Counter:
    """Lock a limit's counter, and count one more identity."""
    batch = batch_of(tx)
    if batch is not None:
        return _count_in_batch(tx, batch, limit)
    wanted = {**key_of(limit), "more": 1}
    row = _COUNT.first(tx, wanted)
    if row is None:
        _NEW_COUNTER[tx.dialect.name].run(tx, key_of(limit))
        row = _COUNT.first(tx, wanted)
    assert row is not None  # noqa: S101 - counters are never deleted
    return _counter(row)


def known_active(tx: Connection, limit: Limit, now: datetime) -> int | None:
    """Return how many identities were active when a limit's window began; ``None`` where nobody has counted yet."""
    wanted = {"scope": limit.scope, "subject": limit.subject, "since": now - limit.window}
    found: int | None = _ACTIVE.column(tx, wanted)[0]
    return found


def mark(tx: Connection, limit: Limit, epoch: int, case: Case, now: datetime) -> None:
    """Note that a case of an identity counts for a limit; an identity counts once, with its newest time."""
    scope, subject, guard_class = limit.key
    row = {
        "scope": scope,
        "subject": subject,
        "guard_class": guard_class,
        "identity_id": case.identity_id,
        "case_id": case.id,
        "at": now,
        "epoch": epoch,
    }
    _MARK[tx.dialect.name].add(tx, row)


def counted(tx: Connection, limit: Limit, epoch: int, now: datetime, *, at_most: int) -> int:
    """Count the identities within the window, up to a number."""
    wanted = {**key_of(limit), "epoch": epoch, "since": now - limit.window, "most": at_most}
    found: int = _COUNTED.column(tx, wanted)[0]
    return found


def correct(tx: Connection, limit: Limit, number: int) -> None:
    """Tell a counter how many identities are in the window."""
    _CORRECT.run(tx, {**key_of(limit), "number": number})


def set_flood(tx: Connection, limit: Limit, flood_id: str) -> None:
    """Let a counter know that a flood is open."""
    own = (guard_counters.c[name] == value for name, value in key_of(limit).items())
    tx.execute(update(guard_counters).where(*own).values(flood_id=flood_id))


def end_flood(tx: Connection, flood_id: str, *, start_anew: bool) -> None:
    """Let a counter know that a flood is over.

    Args:
        tx: A write transaction; it holds the counter's lock from here on.
        flood_id: The flood.
        start_anew: Nobody who was counted before counts any more.
    """
    anew: dict[str, Any] = {"epoch": guard_counters.c.epoch + 1, "at_most": 0} if start_anew else {}
    tx.execute(update(guard_counters).where(guard_counters.c.flood_id == flood_id).values(flood_id=None, **anew))


def cases_counted(tx: Connection, limit: Limit, epoch: int, now: datetime) -> list[tuple[str, str, bool]]:
    """Return the cases that count within the window and were not canceled: id, identity, and whether it is open."""
    query = (
        select(cases.c.id, cases.c.identity_id, cases.c.state == CaseState.OPEN)
        .join(guard_marks, guard_marks.c.case_id == cases.c.id)
        .where(*_within_window(), cases.c.state != CaseState.CANCELED)
        .order_by(cases.c.id)
    )
    found = tx.execute(query, {**key_of(limit), "epoch": epoch, "since": now - limit.window})
    return [(case_id, identity_id, bool(is_open)) for case_id, identity_id, is_open in found]


def unmark(tx: Connection, flood: Flood, case: Case) -> None:
    """Let a case not count that has taken nothing."""
    tx.execute(
        delete(guard_marks).where(
            guard_marks.c.scope == flood.scope,
            guard_marks.c.subject == flood.subject,
            guard_marks.c.guard_class == flood.guard_class,
            guard_marks.c.identity_id == case.identity_id,
            guard_marks.c.case_id == case.id,
        )
    )


def put_off(tx: Connection, case_id: str, target_names: Iterable[str]) -> None:
    """Note that what a case plans at some targets has not been counted."""
    statement = _DIALECTS[tx.dialect.name].insert(uncounted).on_conflict_do_nothing()
    tx.execute(statement, [{"case_id": case_id, "target": name} for name in target_names])


def take_up(tx: Connection, case_id: str, target: str) -> bool:
    """Note that what a case plans at a target is counted now. Returns whether it was put off until now."""
    wanted = {"case": case_id, "at": target}
    return bool(_PUT_OFF.column(tx, wanted)) and bool(_TAKE_UP.run(tx, wanted))


# -- populations


def sample(tx: Connection, scope: GuardScope, subject: str, at: datetime, active: int) -> None:
    """Keep how many identities are active; the first number of a moment stays."""
    statement = _DIALECTS[tx.dialect.name].insert(populations).on_conflict_do_nothing()
    tx.execute(statement, {"scope": scope, "subject": subject, "at": at, "active": active})


def active_now(tx: Connection, scope: GuardScope, subject: str) -> int:
    """Count the identities that are active: all, of a source, or with an account at a target. Reads all of them."""
    return _count_identities(tx, scope, subject, _IS_ACTIVE)


def active_before(tx: Connection, limit: Limit, now: datetime) -> int:
    """Count the identities that are active or were counted within the window. Reads all of them."""
    marked = exists(
        select(guard_marks.c.identity_id).where(
            *(guard_marks.c[name] == value for name, value in key_of(limit).items()),
            guard_marks.c.identity_id == identities.c.id,
            guard_marks.c.at > now - limit.window,
        )
    )
    return _count_identities(tx, limit.scope, limit.subject, or_(_IS_ACTIVE, marked))


def last_sample_at(tx: Connection, scope: GuardScope, subject: str) -> datetime | None:
    """Return when the active identities were counted last."""
    query = select(func.max(populations.c.at)).where(populations.c.scope == scope, populations.c.subject == subject)
    found: datetime | None = tx.execute(query).scalar_one()
    return found


# -- upkeep


def counter_keys(tx: Connection) -> Sequence[tuple[str, str, str]]:
    """Return the keys of all limits that anything was ever counted for."""
    rows = tx.execute(select(*(guard_counters.c[name] for name in _KEY)))
    return [(scope, subject, guard_class) for scope, subject, guard_class in rows]


def forget_marks(tx: Connection, key: tuple[str, str, str], before: datetime, limit: int) -> int:
    """Delete marks of a limit that count no more, up to a number. Returns how many."""
    same = [guard_marks.c[name] == value for name, value in zip(_KEY, key, strict=True)]
    epoch = select(guard_counters.c.epoch).where(
        *(guard_counters.c[name] == value for name, value in zip(_KEY, key, strict=True))
    )
    is_over = or_(
        guard_marks.c.epoch < epoch.scalar_subquery(),
        and_(guard_marks.c.epoch == epoch.scalar_subquery(), guard_marks.c.at <= before),
    )
    some = select(guard_marks.c.identity_id).where(*same, is_over).limit(limit)
    found = tx.execute(delete(guard_marks).where(*same, guard_marks.c.identity_id.in_(some)))
    return int(found.rowcount)


def forget_samples(tx: Connection, scope: GuardScope, subject: str, before: datetime) -> None:
    """Delete samples that no window can ask for: all but the newest before a moment."""
    newest = select(func.max(populations.c.at)).where(
        populations.c.scope == scope, populations.c.subject == subject, populations.c.at <= before
    )
    tx.execute(
        delete(populations).where(
            populations.c.scope == scope, populations.c.subject == subject, populations.c.at < newest.scalar_subquery()
        )
    )


def _count_in_batch(tx: Connection, batch: Batch, limit: Limit) -> Counter:
    """Do the same with what the first unit of a batch has read: nobody else writes until it is written.

    A unit that leaves the batch afterwards has been counted there: then the number is larger than it need be.
    """
    if _KEY not in batch.notes:
        # All of them before the first is counted: what waits is not seen.
        batch.notes[_KEY] = {tuple(row[name] for name in _KEY): _counter(row) for row in _ALL_COUNTERS.all(tx, {})}
    key = limit.key
    counter: Counter | None = batch.notes[_KEY].get(key)
    if counter is None or counter.flood_id is not None:
        raise LeftBatchError
    counter.at_most += 1
    _COUNT_LATER.change(tx, {"scope": key[0], "subject": key[1], "guard_class": key[2], "more": 1})
    return counter


def _counter(row: Row) -> Counter:
    return Counter(epoch=row["epoch"], at_most=row["at_most"], flood_id=row["flood_id"])


def _is_of(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(name) for name in _KEY]


def _within_window() -> list[ColumnElement[bool]]:
    return [
        *_is_of(guard_marks),
        guard_marks.c.epoch == bindparam("epoch"),
        guard_marks.c.at > bindparam("since"),
    ]


def _count_identities(tx: Connection, scope: GuardScope, subject: str, who: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(identities).where(who)
    match scope:
        case GuardScope.OVERALL:
            pass
        case GuardScope.SOURCE:
            query = query.where(identities.c.source == subject)
        case GuardScope.TARGET:
            query = query.join(accounts, accounts.c.identity_id == identities.c.id).where(
                accounts.c.target == subject, accounts.c.native_id.is_not(None)
            )
    return int(tx.execute(query).scalar_one())


def _new_counter(dialect: Any) -> Prepared:
    return Prepared(dialect.insert(guard_counters).on_conflict_do_nothing(), _KEY)


def _upsert(dialect: Any) -> Prepared:
    statement = dialect.insert(guard_marks)
    new = statement.excluded
    # A clock that was set back does not make a mark older.
    is_newer = and_(guard_marks.c.epoch == new.epoch, guard_marks.c.at > new.at)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[*_KEY, "identity_id"],
            set_={
                "case_id": new.case_id,
                "epoch": new.epoch,
                "at": case((is_newer, guard_marks.c.at), else_=new.at),
            },
        ),
        guard_marks.c.keys(),
    )


def _active() -> ColumnElement[int]:
    """How many were active when the window began; while nobody had counted by then, when it was counted last."""
    known = select(populations.c.active).where(
        populations.c.scope == bindparam("scope"), populations.c.subject == bindparam("subject")
    )
    newest_first = known.order_by(populations.c.at.desc()).limit(literal_column("1"))
    return func.coalesce(
        newest_first.where(populations.c.at <= bindparam("since")).scalar_subquery(), newest_first.scalar_subquery()
    )


_IS_ACTIVE = and_(identities.c.active, identities.c.deleted_at.is_(None))
_MORE = (
    update(guard_counters).where(*_is_of(guard_counters)).values(at_most=guard_counters.c.at_most + bindparam("more"))
)
_STATE = (guard_counters.c.epoch, guard_counters.c.at_most, guard_counters.c.flood_id)
_COUNT = Prepared(_MORE.returning(*_STATE))
_COUNT_LATER = Prepared(_MORE, sums_up="more")
_ALL_COUNTERS = Prepared(select(guard_counters))
_ACTIVE = Prepared(select(_active().label("active")))
_CORRECT = Prepared(update(guard_counters).where(*_is_of(guard_counters)).values(at_most=bindparam("number")))
_NEW_COUNTER = {name: _new_counter(dialect) for name, dialect in _DIALECTS.items()}
_MARK = {name: _upsert(dialect) for name, dialect in _DIALECTS.items()}
_IS_PUT_OFF = and_(uncounted.c.case_id == bindparam("case"), uncounted.c.target == bindparam("at"))
_PUT_OFF = Prepared(select(uncounted.c.target).where(_IS_PUT_OFF))
_TAKE_UP = Prepared(delete(uncounted).where(_IS_PUT_OFF))
_COUNTED = Prepared(
    select(func.count()).select_from(
        select(guard_marks.c.identity_id).where(*_within_window()).limit(bindparam("most")).subquery()
    )
)
