"""Runs of reconciliation and what they found.

The previous release runs on this schema: its attempts take no notice of a run that reads the target just then.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Add the tables and the column."""
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("unused_for", sa.Integer()),
        sa.Column("turn", sa.String(36)),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("accounts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("outcome", sa.String(16)),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("counts", Document),
    )
    op.create_index(
        "uq_reconciliations_open",
        "reconciliations",
        ["target"],
        unique=True,
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    )
    op.create_index("ix_reconciliations_target_number", "reconciliations", ["target", "number"])
    op.create_table(
        "findings",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("suspended", sa.Boolean()),
        sa.Column("signed_in_at", UtcDateTime()),
        sa.Column("owners", Document, nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_findings_run_id_kind_id", "findings", ["run_id", "kind", "id"])
    op.create_index("ix_findings_run_id_native_id", "findings", ["run_id", "native_id"])
    op.add_column("targets", sa.Column("read_until", UtcDateTime()))
