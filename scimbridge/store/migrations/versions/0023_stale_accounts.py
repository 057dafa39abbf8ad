"""Accounts that nobody uses, as facts.

The previous release runs on this schema: what its runs find is no fact, as it was before. Its workers do not ask a
target once more before they take an account away, so that they have to be gone before a rule for ``stale`` is in force.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the columns."""
    op.create_table(
        "stale_accounts",
        sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("signed_in_at", UtcDateTime()),
        sa.Column("untold_at", UtcDateTime()),
        sa.Column("over_at", UtcDateTime()),
    )
    op.add_column("reconciliations", sa.Column("signed_in_at", UtcDateTime()))
    op.add_column("reconciliations", sa.Column("taken_at", UtcDateTime()))
