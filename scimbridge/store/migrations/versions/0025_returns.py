"""Who came back together with many others, and has not been seen to yet.

The previous release runs on this schema: it sees to everybody in the request that brings them. Its workers take nothing
from those who are noted here, for they count as having lost nothing; its sweepers give nothing back to them.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "returns",
        sa.Column("identity_id", sa.String(36), primary_key=True),
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("trigger", sa.String(16), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sqlite_with_rowid=False,
    )
