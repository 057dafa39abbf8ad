"""When a hold ends by itself.

The previous release runs on this schema: its sweeper ends none, and so they stand until one of this release does.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_ENDS = sa.text("until IS NOT NULL AND lifted_at IS NULL")


def upgrade() -> None:
    """Add the column, and the index for the sweeper's question."""
    op.add_column("holds", sa.Column("until", UtcDateTime()))
    op.create_index("ix_holds_until", "holds", ["until"], sqlite_where=_ENDS, postgresql_where=_ENDS)
