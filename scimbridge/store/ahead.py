"""What several decisions about Users will ask, read in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Connection, Select, bindparam, func, select

from scimbridge.store import surroundings
from scimbridge.store.batch import Row
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import groups, identities, memberships


def read_ahead(tx: Connection, ids: Iterable[str]) -> dict[str, Row | None]:
    """Return what there is about Users of any source, by id; ``None`` about those that are not there.

    SQLite only: nobody else writes until the transaction ends.
    """
    found: dict[str, Row | None] = dict.fromkeys(ids)
    found |= {row["id"]: row for row in _AHEAD.all(tx, {"ids": orjson.dumps(list(found)).decode()})}
    return found


def _rows(*columns: ColumnElement[Any]) -> Select[Any]:
    """Return a query for all rows as a JSON array of arrays, in no order."""
    return select(func.json_group_array(func.json_array(*columns), type_=JSON))


_asked = func.json_each(bindparam("ids")).table_valued("value")
_own_groups = (
    _rows(groups.c.id, groups.c.display_name)
    .select_from(memberships.join(groups, groups.c.id == memberships.c.group_id))
    .where(memberships.c.member_id == identities.c.id)
)
_AHEAD = Prepared(
    select(
        *identities.c,
        _own_groups.scalar_subquery().label("groups"),
        *surroundings.columns(identities.c.id, func.json_array, func.json_group_array),
    )
    .select_from(_asked)
    .join(identities, identities.c.id == _asked.c.value)
)
