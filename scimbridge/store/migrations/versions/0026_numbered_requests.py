"""Requests are numbered in the order in which they were stored: SQLite appends to a table for less than to an index.

The previous release runs on this schema: it stores requests as before, and reads all of them to list some.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_KEEP = """
INSERT INTO requests (id, source, at, method, path, status, received, understood, applied, resource_id)
SELECT id, source, at, method, path, status, received, understood, applied, resource_id
FROM unnumbered_requests ORDER BY id
"""


def upgrade() -> None:
    """Make the table anew, with its rows in the order of time."""
    op.drop_index("ix_requests_resource_id", "requests")
    op.drop_index("ix_requests_refused", "requests")
    op.rename_table("requests", "unnumbered_requests")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE unnumbered_requests RENAME CONSTRAINT pk_requests TO pk_unnumbered_requests")
    op.create_table(
        "requests",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("received", Document),
        sa.Column("understood", sa.Text(), nullable=False),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.String(200)),
        sa.PrimaryKeyConstraint("number", name="pk_requests"),
    )
    op.execute(_KEEP)
    op.drop_table("unnumbered_requests")
    is_known, is_refused = sa.text("resource_id IS NOT NULL"), sa.text("status >= 400")
    op.create_index(
        "ix_requests_resource_id", "requests", ["resource_id"], sqlite_where=is_known, postgresql_where=is_known
    )
    op.create_index(
        "ix_requests_refused", "requests", ["source", "at"], sqlite_where=is_refused, postgresql_where=is_refused
    )
