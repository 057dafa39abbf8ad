"""Seals on the history.

The previous release runs on this schema, and seals nothing.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema.columns import AutoId, Document, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "seals",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("ranges", Document, nullable=False),
        sa.Column("first_entry", AutoId, nullable=False),
        sa.Column("last_entry", AutoId, nullable=False),
        sa.Column("entries", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    op.create_index("ix_seals_last_entry", "seals", ["last_entry"])
