"""Whether somebody has said that a target's short list is true.

The previous release runs on this schema; it does not know how a run ended that is not believed, and cannot show it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("reconciliations", sa.Column("believed", sa.Boolean(), nullable=False, server_default=sa.false()))
