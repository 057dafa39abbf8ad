"""Tasks of an account are indexed once more has become of them than a plan: most never get there.

The previous release runs on this schema, but on SQLite each of its requests about somebody's access reads all
tasks: let its processes end first.
"""

from alembic import op
from sqlalchemy import text

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_BEGUN = text("(state <> 'planned' OR reason <> '') AND (state <> 'canceled' OR finished_at >= due_at)")


def upgrade() -> None:
    """Build the index anew."""
    op.drop_index("ix_tasks_account_id", "tasks")
    op.create_index(
        "ix_tasks_account_id", "tasks", ["account_id", "state"], sqlite_where=_BEGUN, postgresql_where=_BEGUN
    )
