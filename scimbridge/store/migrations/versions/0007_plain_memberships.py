"""Memberships without a reference to their group that the database checks row by row.

Whoever writes one holds the lock of the group, which is there: the check cost PostgreSQL more than the row itself.
The previous release runs on this schema.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the constraint; SQLite needs a new table for that."""
    with op.batch_alter_table("memberships") as table:
        table.drop_constraint("fk_memberships_group_id", type_="foreignkey")
