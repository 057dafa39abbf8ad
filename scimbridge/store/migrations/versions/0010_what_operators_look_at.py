"""Indexes for what operators look at, and what was found when a target was checked.

The previous release runs on this schema.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes and the columns."""
    for name, column, where in (
        ("asking", "id", "(state = 'failed' OR (state = 'waiting' AND not_before IS NULL))"),
        ("retrying", "not_before", "state = 'waiting' AND not_before IS NOT NULL"),
        ("destroyed", "finished_at", "irreversible AND state = 'done'"),
    ):
        op.create_index(
            f"ix_tasks_{name}",
            "tasks",
            ["target", column],
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    op.add_column("targets", sa.Column("checked_at", UtcDateTime()))
    op.add_column("targets", sa.Column("findings", Document))
