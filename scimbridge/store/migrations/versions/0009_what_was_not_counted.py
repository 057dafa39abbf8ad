"""What was planned while its target only observed, so that the guard counts it when the target acts.

The previous release runs on this schema, and never counts it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "uncounted",
        sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("target", sa.String(64), primary_key=True),
    )
