"""What retention looks for, and who was erased.

The previous release runs on this schema, and keeps everything.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_INDEXES = (
    (
        "attempts_kept",
        "attempts",
        ["ended_at", "id"],
        "ended_at IS NOT NULL AND (state_read IS NOT NULL OR task_id IS NULL)",
    ),
    ("snapshots_released_at", "snapshots", ["released_at", "id"], "released_at IS NOT NULL"),
    ("identities_deleted_at", "identities", ["deleted_at", "id"], "deleted_at IS NOT NULL AND erased_at IS NULL"),
    ("history_without_case", "history", ["identity_id"], "case_id IS NULL AND identity_id IS NOT NULL"),
)


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("identities", sa.Column("erased_at", UtcDateTime()))
    for name, table, columns, where in _INDEXES:
        op.create_index(f"ix_{name}", table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
