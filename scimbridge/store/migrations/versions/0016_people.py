"""People are found by what they are called, and the facts about one that led to nothing by an index.

The previous release runs on this schema; whoever it creates or renames is found by the userName only, until the source
writes them again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from scimbridge.domain.names import beginnings, called
from scimbridge.store.schema.columns import Document

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BATCH = 2000

_IDENTITIES = sa.table("identities", sa.column("id"), sa.column("document", Document))
_VALUES = sa.table("identity_values", sa.column("identity_id"), sa.column("attribute"), sa.column("value"))


def upgrade() -> None:
    """Add the index, and what those are called who are there."""
    without_case = sa.text("case_id IS NULL")
    op.create_index(
        "ix_facts_left_alone", "facts", ["identity_id", "at"], sqlite_where=without_case, postgresql_where=without_case
    )
    tx, last = op.get_bind(), ""
    while rows := tx.execute(_after(last)).mappings().all():
        found = [
            {"identity_id": row["id"], "attribute": "displayName", "value": value}
            for row in rows
            for value in beginnings(called(row["document"]))
        ]
        if found:
            tx.execute(sa.insert(_VALUES), found)
        last = rows[-1]["id"]


def _after(last: str) -> sa.Select[Any]:
    return sa.select(_IDENTITIES).where(_IDENTITIES.c.id > last).order_by(_IDENTITIES.c.id).limit(BATCH)
