"""What the API has answered, so that nothing is done twice; and names of operators' tokens.

The previous release runs on this schema: it answers every request anew, and its tokens have no names.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column."""
    op.create_table(
        "api_answers",
        sa.Column("operator", sa.String(100), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.Text()),
    )
    op.create_index("ix_api_answers_asked_at", "api_answers", ["asked_at"])
    op.add_column("operator_tokens", sa.Column("name", sa.String(100), nullable=False, server_default=""))
