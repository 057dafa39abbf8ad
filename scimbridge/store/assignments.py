"""Who is in groups that grant targets, and who was unassigned from which target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.store.id_lists import Ids, bound, in_parts, prepared_of_ids
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, memberships, moves, unassignments

# As text, for that is how the partial index is described.
_IS_NESTED: ColumnElement[bool] = literal_column("memberships.kind = 'Group'")

_OF_IDENTITY = Prepared(
    select(unassignments.c.target, unassignments.c.at).where(unassignments.c.identity_id == bindparam("identity"))
)


def groups_above(tx: Connection, ids: Sequence[str], name_keys: Sequence[str]) -> dict[str, set[str]]:
    """Return in which of some groups identities are: themselves, or through a group that is a member.

    Args:
        tx: Any transaction.
        ids: The identities.
        name_keys: Folded display names of the groups that matter.

    Returns:
        Folded display names by identity; without those who are in none.
    """
    asked = {"ids": bound(tx, ids), "names": _listed(tx, name_keys)}
    found: dict[str, set[str]] = {}
    for row in _GROUPS_ABOVE[tx.dialect.name].all(tx, asked):
        found.setdefault(row["start"], set()).add(row["display_name_key"])
    return found


def granting_above(tx: Connection, group_id: str, name_keys: Sequence[str]) -> list[str]:
    """Return the display names of some groups that a group is in, directly or through another one."""
    asked = {"ids": bound(tx, [group_id]), "names": _listed(tx, name_keys), "group": group_id}
    return sorted(_GRANTING_ABOVE[tx.dialect.name].column(tx, asked))


def unassigned_from(tx: Connection, identity_id: str) -> Mapping[str, datetime]:
    """Return the targets that an identity was unassigned from, with the time of the fact."""
    return {row["target"]: row["at"] for row in _OF_IDENTITY.all(tx, {"identity": identity_id})}


def who_lost(tx: Connection, ids: Iterable[str], targets: Iterable[str], most: int) -> dict[str, set[str]]:
    """Return which of some targets identities lost, by being unassigned or by changing.

    Once there are more than ``most`` losses, nobody else is looked for.
    """
    wanted = _listed(tx, targets)
    found: dict[str, set[str]] = {}
    for part in in_parts(tx, ids):
        lost = _LOST[tx.dialect.name].all(tx, {"ids": bound(tx, part), "targets": wanted, "most": most + 1})
        for identity_id, target in sorted((row["identity_id"], row["target"]) for row in lost):
            found.setdefault(identity_id, set()).add(target)
        if sum(map(len, found.values())) > most:
            break
    return found


def unassign(tx: Connection, identity_id: str, targets: Iterable[str], at: datetime) -> None:
    """Note that an identity was unassigned from targets; the last time counts."""
    for target in targets:
        _UNASSIGN[tx.dialect.name].run(tx, {"identity_id": identity_id, "target": target, "at": at})


def assign(tx: Connection, identity_id: str, targets: Iterable[str]) -> None:
    """Note that an identity is assigned to targets again: it has lost them no longer, by whatever it was."""
    asked = {"identity": identity_id, "targets": _listed(tx, targets)}
    for assign_in in _ASSIGN:
        assign_in[tx.dialect.name].run(tx, asked)


def forget(tx: Connection, identity_id: str) -> None:
    """An operator called it off: the identity counts as one that has lost nothing."""
    for table in (unassignments, moves):
        tx.execute(delete(table).where(table.c.identity_id == identity_id))


def _listed(tx: Connection, words: Iterable[str]) -> Any:
    """Return words, of any length and in any script, as the parameter of a statement that has ``_is_word``."""
    return orjson.dumps(list(words)).decode() if tx.dialect.name == "sqlite" else list(words)


def _is_word(dialect: str, column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of some words."""
    if dialect == "sqlite":
        return column.in_(func.json_each(bindparam(parameter)).table_valued("value").select())
    return column == any_(bindparam(parameter, type_=ARRAY(Text())))


def _above(ids: Ids) -> CTE:
    """Return who (``start``) is in which groups (``group_id``), themselves or through a group that is a member."""
    above = (
        select(memberships.c.member_id.label("start"), memberships.c.group_id)
        .where(ids.have(memberships.c.member_id))
        .cte("above", recursive=True)
    )
    # A union without duplicates ends, even where groups contain each other. The few groups among all members have an
    # index of their own: PostgreSQL may read all members where nobody has counted them yet.
    return above.union(
        select(above.c.start, memberships.c.group_id)
        .join(memberships, memberships.c.member_id == above.c.group_id)
        .where(_IS_NESTED)
    )


def _groups_above(ids: Ids) -> Select[Any]:
    above = _above(ids)
    return (
        select(above.c.start, groups.c.display_name_key)
        .join(groups, groups.c.id == above.c.group_id)
        .where(_is_word(ids.dialect, groups.c.display_name_key, "names"), groups.c.deleted_at.is_(None))
    )


def _granting_above(ids: Ids) -> Select[Any]:
    above = _above(ids)
    return (
        select(groups.c.display_name)
        .join(above, groups.c.id == above.c.group_id)
        .where(
            _is_word(ids.dialect, groups.c.display_name_key, "names"),
            groups.c.deleted_at.is_(None),
            groups.c.id != bindparam("group"),
        )
        .distinct()
    )


def _lost(ids: Ids, table: Table) -> Select[Any]:
    return select(table.c.identity_id, table.c.target).where(
        ids.have(table.c.identity_id), _is_word(ids.dialect, table.c.target, "targets")
    )


def _unassigning(new: Any) -> Prepared:
    last = new.on_conflict_do_update(index_elements=["identity_id", "target"], set_={"at": new.excluded.at})
    return Prepared(last, ("identity_id", "target", "at"))


def _assigning(dialect: str, table: Table) -> Prepared:
    own = table.c.identity_id == bindparam("identity")
    return Prepared(delete(table).where(own, _is_word(dialect, table.c.target, "targets")))


_STORES: Mapping[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
_GROUPS_ABOVE = prepared_of_ids(_groups_above)
_GRANTING_ABOVE = prepared_of_ids(_granting_above)
_LOST = prepared_of_ids(
    lambda ids: select(union_all(*(_lost(ids, table) for table in (unassignments, moves))).subquery()).limit(
        bindparam("most")
    )
)
_UNASSIGN = {name: _unassigning(store.insert(unassignments)) for name, store in _STORES.items()}
_ASSIGN = [{name: _assigning(name, table) for name in _STORES} for table in (unassignments, moves)]
