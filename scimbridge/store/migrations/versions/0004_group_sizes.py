"""How many Users are in a group, kept beside it.

The previous release runs on this schema, but it does not count whom it adds and removes: totals of lists of a group's
members stay wrong by as many. Stop it before the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and count."""
    op.add_column("groups", sa.Column("users", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE groups SET users = (SELECT count(*) FROM memberships "
        "WHERE memberships.group_id = groups.id AND memberships.kind = 'User')"
    )
