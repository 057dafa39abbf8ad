"""Versions of the rules, and which one planned a case.

The previous release runs on this schema: it goes by the rules of its file, and its cases name no version.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime, Word

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "rulesets",
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("origin", Word(8), nullable=False),
        sa.Column("base", sa.Integer()),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("activated_at", UtcDateTime()),
        sa.Column("activated_by", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("ended_by", sa.Text()),
        sa.Column("is_active", sa.Boolean()),
        sa.Column("replay", Document),
    )
    op.create_index("uq_rulesets_active", "rulesets", ["is_active"], unique=True)
    op.add_column("cases", sa.Column("ruleset", sa.Integer()))
