"""What targets have taught about how often they may be called.

The previous release runs on this schema, and learns nothing.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("targets", sa.Column("pace", sa.Float()))
    op.add_column("targets", sa.Column("refused_at", UtcDateTime()))
