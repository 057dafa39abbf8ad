"""A fact that opens a case about all targets is kept in that case, and no longer as a row of its own.

The previous release runs on this schema: it writes such rows as before, and replays rules without the facts of newer
processes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("cases", sa.Column("fact_trigger", sa.String(16)))
    op.add_column("cases", sa.Column("request_id", sa.String(36)))
