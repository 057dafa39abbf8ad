"""Rows of inquiries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.ids import new_id
from scimbridge.domain.inquiry import Cause, Inquiry
from scimbridge.errors import NotFoundError
from scimbridge.store.id_lists import Ids, bound, in_parts, prepared_of_ids
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import identities, inquiries, inquiry_people, memberships
from scimbridge.store.values import Row

# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("memberships.kind = 'Group'")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom an inquiry is about.

    Attributes:
        groups: Everybody in these, also through groups in them.
        users: These, too.
        but: Users who came just now, and groups with all who are in them.
    """

    groups: Collection[str] = ()
    users: Collection[str] = ()
    but: Collection[str] = ()


def open_inquiry(
    tx: Connection,
    about: About,
    *,
    source: str,
    cause: Cause,
    group_id: str,
    display_name: str,
    targets: tuple[str, ...],
    now: datetime,
) -> Inquiry | None:
    """Store an open inquiry and whom it is about, and return it; ``None`` where that is nobody."""
    inquiry_id = new_id(now)
    people = _name_users(tx, inquiry_id, about.users) + _name_members(tx, inquiry_id, about)
    if not people:
        return None
    row = {
        "id": inquiry_id,
        "source": source,
        "cause": cause,
        "group_id": group_id,
        "display_name": display_name,
        "targets": list(targets),
        "people": people,
        "opened_at": now,
        "verdict": "",
    }
    _INSERT.run(tx, row)
    return _inquiry({**dict.fromkeys(inquiries.c.keys()), **row})


def people_of(tx: Connection, inquiry_id: str) -> list[str]:
    """Return whom an open inquiry is about, as far as they are not deleted."""
    query = (
        select(identities.c.id)
        .join(inquiry_people, inquiry_people.c.identity_id == identities.c.id)
        .where(inquiry_people.c.inquiry_id == inquiry_id, identities.c.deleted_at.is_(None))
    )
    return list(tx.execute(query.order_by(identities.c.id)).scalars())


def close(tx: Connection, inquiry_id: str, *, verdict: str, by: str, now: datetime) -> None:
    """End an inquiry.

    Raises:
        NotFoundError: No inquiry of this id is open.
    """
    closed = tx.execute(
        update(inquiries)
        .where(inquiries.c.id == inquiry_id, inquiries.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, verdict=verdict)
    )
    if closed.rowcount != 1:
        raise NotFoundError("open inquiry", inquiry_id)
    tx.execute(delete(inquiry_people).where(inquiry_people.c.inquiry_id == inquiry_id))


def by_id(tx: Connection, inquiry_id: str) -> Inquiry:
    """Return an inquiry, open or not.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = tx.execute(select(inquiries).where(inquiries.c.id == inquiry_id)).mappings().first()
    if row is None:
        raise NotFoundError("inquiry", inquiry_id)
    return _inquiry(row)


def standing(tx: Connection, limit: int = 100) -> list[Inquiry]:
    """Return the inquiries that nobody has answered, oldest first."""
    query = select(inquiries).where(inquiries.c.closed_at.is_(None)).order_by(inquiries.c.opened_at).limit(limit)
    return [_inquiry(row) for row in tx.execute(query).mappings()]


def answered(tx: Connection, limit: int) -> list[Inquiry]:
    """Return the inquiries that somebody has answered, the newest answer first."""
    query = select(inquiries).where(inquiries.c.closed_at.is_not(None))
    return [_inquiry(row) for row in tx.execute(query.order_by(inquiries.c.closed_at.desc()).limit(limit)).mappings()]


def _name_users(tx: Connection, inquiry_id: str, users: Collection[str]) -> int:
    named = _NAME_USERS[tx.dialect.name]
    return sum(named.run(tx, {"inquiry": inquiry_id, "ids": bound(tx, part)}) for part in in_parts(tx, users))


def _name_members(tx: Connection, inquiry_id: str, about: About) -> int:
    """Name who is in groups, which costs by their number. The few groups among them are looked up first."""
    if not about.groups:
        return 0
    but = bound(tx, about.but)
    within = _WITHIN[tx.dialect.name].column(tx, {"ids": bound(tx, about.groups), "but": but})
    every = bound(tx, [*about.groups, *within])
    return _NAME_MEMBERS[tx.dialect.name].run(tx, {"inquiry": inquiry_id, "ids": every, "but": but})


def _inquiry(row: Row) -> Inquiry:
    return Inquiry(
        id=row["id"],
        source=row["source"],
        cause=Cause(row["cause"]),
        group_id=row["group_id"],
        display_name=row["display_name"],
        targets=tuple(row["targets"]),
        people=row["people"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        verdict=row["verdict"],
    )


def _within(ids: Ids) -> Select[Any]:
    """Return the query for the groups that are in groups of these ids, directly or through another one."""
    within = (
        select(memberships.c.member_id)
        .where(ids.have(memberships.c.group_id), _IS_NESTED, _is_other(ids))
        .cte("within", recursive=True)
    )
    # A union without duplicates ends, even where groups contain each other.
    within = within.union(
        select(memberships.c.member_id)
        .join(within, memberships.c.group_id == within.c.member_id)
        .where(_IS_NESTED, _is_other(ids))
    )
    return select(within.c.member_id)


def _members(ids: Ids) -> Select[Any]:
    return select(memberships.c.member_id).where(ids.have(memberships.c.group_id), ~_IS_NESTED, _is_other(ids))


def _is_other(ids: Ids) -> ColumnElement[bool]:
    return ~Ids(ids.dialect, bindparam("but", type_=Text())).have(memberships.c.member_id)


def _naming(dialect: str, people: Select[Any]) -> Any:
    named = people.with_only_columns(
        bindparam("inquiry", type_=inquiry_people.c.inquiry_id.type), *people.selected_columns
    )
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(inquiry_people)
    return statement.from_select(["inquiry_id", "identity_id"], named).on_conflict_do_nothing()


_INSERT = Prepared(
    insert(inquiries),
    ("id", "source", "cause", "group_id", "display_name", "targets", "people", "opened_at", "verdict"),
)
_WITHIN = prepared_of_ids(_within)
# Without WHERE, SQLite takes ON CONFLICT for that of a join.
_NAME_USERS = prepared_of_ids(lambda ids: _naming(ids.dialect, select(ids.as_rows()).where(true())))
_NAME_MEMBERS = prepared_of_ids(lambda ids: _naming(ids.dialect, _members(ids)))
