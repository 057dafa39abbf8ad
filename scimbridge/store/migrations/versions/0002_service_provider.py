"""What the SCIM service provider needs: counts, end dates, quirks, tokens that expire.

The previous release runs on this schema, with one exception: Users and Groups that it adds or
removes are not counted, so that lists say a wrong total. Stop it before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LIVE_END = sa.text("end_due_at IS NOT NULL AND deleted_at IS NULL")


def upgrade() -> None:
    """Add tables and columns; count what is there."""
    op.create_table(
        "resource_counts",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "slot", name=op.f("pk_resource_counts")),
    )
    for kind, table in (("User", "identities"), ("Group", "groups")):
        op.execute(
            f"INSERT INTO resource_counts (source, kind, slot, total) "  # noqa: S608 - our own names
            f"SELECT source, '{kind}', 0, count(*) FROM {table} WHERE deleted_at IS NULL GROUP BY source"
        )
    op.create_table(
        "quirks",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_quirks")),
    )
    op.add_column(
        "sources", sa.Column("user_name_case", sa.String(length=16), server_default="ignored", nullable=False)
    )
    op.add_column("tokens", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.add_column("facts", sa.Column("targets", Document, nullable=True))
    op.add_column("identities", sa.Column("end_due_at", UtcDateTime(), nullable=True))
    op.create_table(
        "unassignments",
        sa.Column("identity_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_unassignments_identity_id")),
        sa.PrimaryKeyConstraint("identity_id", "target", name=op.f("pk_unassignments")),
    )
    op.create_table(
        "inquiries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("targets", Document, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_inquiries_group_id")),
        sa.ForeignKeyConstraint(["source"], ["sources.name"], name=op.f("fk_inquiries_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
    )
    op.create_index(
        "ix_inquiries_open",
        "inquiries",
        ["opened_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_identities_end_due_at",
        "identities",
        ["end_due_at"],
        unique=False,
        sqlite_where=_LIVE_END,
        postgresql_where=_LIVE_END,
    )
