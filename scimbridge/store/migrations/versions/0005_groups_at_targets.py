"""How a group at a target was when an operator asked to give it up.

The previous release runs on this schema, but it does not know the actions of groups: stop it before
groups are given up.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("accounts", sa.Column("asked_state", Document, nullable=True))
