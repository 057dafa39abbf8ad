"""Rows of holds and of run-time exclusions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    text,
    update,
)

from scimbridge.domain.case import Case
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.ids import new_id
from scimbridge.errors import NotFoundError
from scimbridge.store.id_lists import is_among_texts
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import cases, exclusions, holds, identities
from scimbridge.store.values import Row

_GATE = 731944872
"""The advisory lock of PostgreSQL that keeps claims and new holds apart; ours alone in this database."""


def _stands(*of: ColumnElement[bool]) -> ColumnElement[bool]:
    """A hold stands, and is one of these.

    That it stands is said of each: else SQLite does not use the index of standing holds, and reads all of them.
    A flood has thousands.
    """
    return or_(*(and_(holds.c.lifted_at.is_(None), each) for each in of))


_STANDING_ON = Prepared(
    select(holds).where(
        _stands(
            holds.c.scope == Scope.EVERYTHING.value,
            holds.c.scope == Scope.TARGET.value,
            and_(holds.c.scope == Scope.IDENTITY.value, holds.c.subject == bindparam("identity")),
            and_(holds.c.scope == Scope.CASE.value, holds.c.subject == bindparam("case")),
            and_(holds.c.scope == Scope.SOURCE.value, holds.c.subject == bindparam("source")),
        )
    )
)
_OVER = (
    select(holds.c.id)
    # As the partial index says it: SQLite asks for the same words.
    .where(holds.c.until <= bindparam("now"), text("until IS NOT NULL AND lifted_at IS NULL"))
    .order_by(holds.c.until)
    .limit(bindparam("most"))
)
_EXCLUSIONS = Prepared(
    select(exclusions).where(exclusions.c.ended_at.is_(None)).order_by(exclusions.c.placed_at, exclusions.c.id)
)


def enter(tx: Connection, *, exclusively: bool = False) -> None:
    """Keep holds and claims apart until the transaction ends.

    Claims enter together; placing a hold enters alone, and so sees every claim that
    did not see the hold. SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        suffix = "" if exclusively else "_shared"
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock{suffix}({_GATE})")


def place(
    tx: Connection,
    scope: Scope,
    subject: str,
    *,
    reason: str,
    by: str,
    now: datetime,
    is_legal: bool = False,
    until: datetime | None = None,
) -> Hold:
    """Store a hold and return it."""
    hold = Hold(
        id=new_id(now),
        scope=scope,
        subject=subject,
        reason=reason,
        placed_by=by,
        placed_at=now,
        is_legal=is_legal,
        until=until,
    )
    names = ("id", "scope", "subject", "reason", "placed_by", "placed_at", "is_legal", "until")
    tx.execute(insert(holds).values({name: getattr(hold, name) for name in names}))
    return hold


def hold_by_id(tx: Connection, hold_id: str) -> Hold:
    """Return a hold that stands.

    Raises:
        NotFoundError: No hold of this id stands.
    """
    row = tx.execute(select(holds).where(holds.c.id == hold_id, holds.c.lifted_at.is_(None))).mappings().first()
    if row is None:
        raise NotFoundError("standing hold", hold_id)
    return _hold(row)


def lift(tx: Connection, hold_id: str, *, by: str, now: datetime) -> Hold:
    """End a hold and return it.

    Raises:
        NotFoundError: No hold of this id stands.
    """
    hold = end(tx, hold_id, by=by, now=now)
    if hold is None:
        raise NotFoundError("standing hold", hold_id)
    return hold


def over(tx: Connection, now: datetime, limit: int) -> Sequence[str]:
    """Return the ids of holds that stand and whose date has come, those first whose date came first."""
    return tx.execute(_OVER, {"now": now, "most": limit}).scalars().all()


def end(tx: Connection, hold_id: str, *, by: str, now: datetime) -> Hold | None:
    """End a hold and return it; ``None`` if none of this id stands."""
    row = tx.execute(
        update(holds)
        .where(holds.c.id == hold_id, holds.c.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=by)
        .returning(*holds.c)
    ).mappings().first()  # fmt: skip
    return _hold(row) if row is not None else None


def standing(tx: Connection) -> list[Hold]:
    """Return all holds that were not lifted, oldest first; without those of floods, which may be thousands."""
    query = select(holds).where(holds.c.lifted_at.is_(None), holds.c.flood_id.is_(None))
    return [_hold(row) for row in tx.execute(query.order_by(holds.c.placed_at, holds.c.id)).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHold:
    """A hold in a list.

    Attributes:
        user_name: Whom it is about, where it is on a person or a case.
        case_id: The case, where it is on one.
    """

    hold: Hold
    user_name: str | None
    case_id: str | None


def listed(tx: Connection, limit: int, *, after: str | None = None) -> list[ListedHold]:
    """Return the holds that were not lifted, the newest first, with whom each is about; without those of floods.

    Args:
        tx: Any transaction.
        limit: At most so many.
        after: The hold that ended the page before.
    """
    person, of_case = identities.alias("person"), identities.alias("of_case")
    query = (
        select(holds, person.c.user_name, of_case.c.user_name.label("of_case"))
        .outerjoin(person, and_(holds.c.scope == Scope.IDENTITY, person.c.id == holds.c.subject))
        .outerjoin(cases, and_(holds.c.scope == Scope.CASE, cases.c.id == holds.c.subject))
        .outerjoin(of_case, of_case.c.id == cases.c.identity_id)
        .where(holds.c.lifted_at.is_(None), holds.c.flood_id.is_(None))
    )
    if after is not None:
        query = query.where(holds.c.id < after)
    return [
        ListedHold(
            hold=_hold(row),
            user_name=row["user_name"] or row["of_case"],
            case_id=row["subject"] if row["scope"] == Scope.CASE else None,
        )
        for row in tx.execute(query.order_by(holds.c.id.desc()).limit(limit)).mappings()
    ]


def standing_beside_cases(tx: Connection) -> list[Hold]:
    """Return the holds that stand on something else than one case; a flood has one for each of its cases."""
    query = select(holds).where(holds.c.lifted_at.is_(None), holds.c.scope != Scope.CASE)
    return [_hold(row) for row in tx.execute(query.order_by(holds.c.placed_at, holds.c.id)).mappings()]


def standing_on(tx: Connection, case: Case) -> list[Hold]:
    """Return the holds that stop work in a case: on everything, its source, its identity, itself, or some target."""
    about = {"identity": case.identity_id, "case": case.id, "source": case.source}
    return [_hold(row) for row in _STANDING_ON.all(tx, about)]


def was_placed_on_case(tx: Connection, case_id: str, reason: str) -> bool:
    """Whether a hold with this reason stands on a case, or has stood on it."""
    query = select(holds.c.id).where(holds.c.scope == Scope.CASE, holds.c.subject == case_id, holds.c.reason == reason)
    return tx.execute(query.limit(1)).first() is not None


def standing_over(tx: Connection, identity_id: str, source: str) -> list[Hold]:
    """Return the holds that stop work on somebody, whatever the case: on everything, them, their source, a target."""
    return [_hold(row) for row in _STANDING_ON.all(tx, {"identity": identity_id, "case": "", "source": source})]


def held_people(tx: Connection, identity_ids: Collection[str]) -> frozenset[str]:
    """Return those of some people who are held themselves."""
    query = select(holds.c.subject).where(
        holds.c.lifted_at.is_(None), holds.c.scope == Scope.IDENTITY, is_among_texts(tx, holds.c.subject, identity_ids)
    )
    return frozenset(tx.execute(query).scalars())


def lifted_since(tx: Connection, since: datetime) -> list[Hold]:
    """Return the holds that were lifted after a time."""
    return [_hold(row) for row in tx.execute(select(holds).where(holds.c.lifted_at > since)).mappings()]


def standing_on_any(tx: Connection, found: Sequence[Case]) -> list[Hold]:
    """Return the holds that stop work in at least one of some cases, in one statement."""
    if not found:
        return []
    query = select(holds).where(
        _stands(
            holds.c.scope.in_([Scope.EVERYTHING, Scope.TARGET]),
            and_(holds.c.scope == Scope.SOURCE, holds.c.subject.in_({case.source for case in found})),
            and_(holds.c.scope == Scope.IDENTITY, holds.c.subject.in_([case.identity_id for case in found])),
            and_(holds.c.scope == Scope.CASE, holds.c.subject.in_([case.id for case in found])),
        )
    )
    return [_hold(row) for row in tx.execute(query.order_by(holds.c.placed_at, holds.c.id)).mappings()]


def is_held(tasks: Table) -> ColumnElement[bool]:
    """Return the same question as SQL, for each row of ``tasks``."""
    source = select(cases.c.source).where(cases.c.id == tasks.c.case_id).correlate(tasks).scalar_subquery()
    # One question for each scope: PostgreSQL then reads the holds once for all tasks.
    return or_(
        *(
            exists(select(holds.c.id).where(holds.c.lifted_at.is_(None), holds.c.scope == scope, *subject))
            for scope, subject in (
                (Scope.EVERYTHING, ()),
                (Scope.TARGET, (holds.c.subject == tasks.c.target,)),
                (Scope.IDENTITY, (holds.c.subject == tasks.c.identity_id,)),
                (Scope.CASE, (holds.c.subject == tasks.c.case_id,)),
                (Scope.SOURCE, (holds.c.subject == source,)),
            )
        )
    )


def add_exclusion(tx: Connection, exclusion: Exclusion, *, by: str, now: datetime) -> str:
    """Store an exclusion made at run time, and return its id."""
    exclusion_id = new_id(now)
    row = {
        "id": exclusion_id,
        "match": exclusion.match.text if exclusion.match else "",
        "reason": exclusion.reason,
        "placed_by": by,
        "placed_at": now,
        "spared": exclusion.spared,
        "subject": exclusion.subject,
        "target": exclusion.target,
        "until": exclusion.until,
    }
    tx.execute(insert(exclusions).values(row))
    return exclusion_id


def end_exclusion(tx: Connection, exclusion_id: str, *, by: str, now: datetime) -> None:
    """End a run-time exclusion.

    Raises:
        NotFoundError: None of this id stands.
    """
    ended = tx.execute(
        update(exclusions)
        .where(exclusions.c.id == exclusion_id, exclusions.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=by)
    )
    if ended.rowcount == 0:
        raise NotFoundError("standing exclusion", exclusion_id)


def exclusion_rows(tx: Connection) -> Sequence[Row]:
    """Return the run-time exclusions that stand, the oldest first."""
    return _EXCLUSIONS.all(tx, {})


def standing_exclusions(tx: Connection) -> list[Exclusion]:
    """Return the same as rules understand them."""
    return [exclusion_of(row) for row in exclusion_rows(tx)]


def exclusion_of(row: Row) -> Exclusion:
    """Return the exclusion of a row."""
    return Exclusion(
        reason=row["reason"],
        spared=Spared(row["spared"]),
        match=IdentityFilter(row["match"]) if row["match"] else None,
        subject=row["subject"],
        target=row["target"],
        until=row["until"],
    )


def _hold(row: Row) -> Hold:
    return Hold(
        id=row["id"],
        scope=Scope(row["scope"]),
        subject=row["subject"],
        reason=row["reason"],
        placed_by=row["placed_by"],
        placed_at=row["placed_at"],
        until=row["until"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        is_legal=row["is_legal"],
        flood_id=row["flood_id"],
    )
