"""Until when rules see a membership that has ended.

The previous release runs on this schema; what it writes is seen for a day.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("past_memberships", sa.Column("seen_until", UtcDateTime()))
