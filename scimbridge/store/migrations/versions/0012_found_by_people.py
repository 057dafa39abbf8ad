"""What has ended lately, and people by the beginning of a name or an address, are found by an index.

The previous release runs on this schema.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; on PostgreSQL, compare by code points what is searched by its beginning."""
    has_ended = sa.text("closed_at IS NOT NULL")
    op.create_index("ix_cases_closed_at", "cases", ["closed_at"], sqlite_where=has_ended, postgresql_where=has_ended)
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE identities ALTER COLUMN any_case_name TYPE text COLLATE "C"')
        op.execute('ALTER TABLE identity_values ALTER COLUMN value TYPE text COLLATE "C"')
