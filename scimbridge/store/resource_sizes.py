"""How large resources are in an answer, without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, Text, any_, bindparam, cast, func, literal, select

from scimbridge.domain.resource import MemberKind
from scimbridge.store.id_lists import is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, identities, memberships

_MEMBER = 150
"""What a member of a Group takes, or a Group of a User: its id, its address and its name."""

_RESOURCES: dict[MemberKind, tuple[Any, ColumnElement[str]]] = {
    MemberKind.USER: (identities, memberships.c.member_id),
    MemberKind.GROUP: (groups, memberships.c.group_id),
}


def bytes_together(tx: Connection, kind: MemberKind, ids: Iterable[str], *, with_members: bool) -> int:
    """Return about how many bytes of JSON the resources of these ids have that are of a kind.

    Args:
        tx: Any transaction.
        kind: Users or Groups.
        ids: Of either.
        with_members: Whether the members of Groups are counted; the Groups of Users always are.
    """
    asked = {"ids": _written(tx.dialect.name, ids)}
    return int(_TOGETHER[tx.dialect.name, kind, with_members].column(tx, asked)[0] or 0)


def bytes_each(tx: Connection, kind: MemberKind, ids: Iterable[str], *, with_members: bool) -> dict[str, int]:
    """Return about how many bytes of JSON each of these resources has; the arguments are the same."""
    query = _sizes(kind, with_members=with_members).where(is_among(tx, _RESOURCES[kind][0].c.id, ids))
    return {row.id: row.size for row in tx.execute(query)}


def _sizes(kind: MemberKind, *, with_members: bool) -> Select[Any]:
    table, owner = _RESOURCES[kind]
    size: ColumnElement[int] = func.length(cast(table.c.document, Text))
    if with_members or kind is MemberKind.USER:
        entries = select(func.count()).select_from(memberships).where(owner == table.c.id)
        size = size + entries.scalar_subquery() * _MEMBER
    return select(table.c.id, size.label("size"))


def _together(dialect: str, kind: MemberKind, *, with_members: bool) -> Prepared:
    found = _sizes(kind, with_members=with_members).where(_is_listed(_RESOURCES[kind][0].c.id, dialect)).subquery()
    return Prepared(select(func.sum(found.c.size).label("together")))


def _is_listed(column: ColumnElement[str], dialect: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of the ids of a parameter: one text, however many they are."""
    ids = bindparam("ids", type_=String)
    if dialect == "sqlite":
        return column.in_(func.json_each(ids).table_valued("value").select())
    return column == any_(func.string_to_array(ids, literal(",")))


def _written(dialect: str, ids: Iterable[str]) -> str:
    return "[" + ",".join(f'"{each}"' for each in ids) + "]" if dialect == "sqlite" else ",".join(ids)


_TOGETHER = {
    (dialect, kind, with_members): _together(dialect, kind, with_members=with_members)
    for dialect, kind, with_members in product(("sqlite", "postgresql"), MemberKind, (False, True))
}
