"""A stage is found by its case and its id, and the newest case of an identity without sorting its cases.

SQLite keeps stages in their key then, which is one b-tree to write instead of three, and builds ``tasks`` and
``approvals`` anew, because they refer to stages.

The previous release runs on this schema, but looks for a stage by its id alone and so reads all of them: let it end
before this release starts.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_KEY = ["case_id", "id"]
_STAGE = ["case_id", "stage_id"]
_REFERRING = ("tasks", "approvals")
_KEEP = """
INSERT INTO new_stages (case_id, id, number, after_seconds, due_at, approvers, terms)
SELECT case_id, id, number, after_seconds, due_at, approvers, terms
FROM stages ORDER BY case_id, id
"""


def upgrade() -> None:
    """Change the keys; every row stays."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild()
    else:
        _change()
    op.drop_index("ix_cases_identity_id", "cases")
    op.create_index("ix_cases_identity_id", "cases", ["identity_id", "opened_at"])


def _rebuild() -> None:
    op.create_table(
        "new_stages",
        sa.Column("case_id", sa.String(36), sa.ForeignKey("cases.id", name="fk_stages_case_id"), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("after_seconds", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("approvers", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("terms", Document),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_stages"),
        sqlite_with_rowid=False,
    )
    op.execute(_KEEP)
    # SQLite checks whoever refers to a table that is dropped, and takes a reference along to a table's new name.
    for table in _REFERRING:
        with op.batch_alter_table(table) as changed:
            changed.drop_constraint(f"fk_{table}_stage_id", type_="foreignkey")
            changed.create_foreign_key(f"fk_{table}_case_id_stage_id", "new_stages", _STAGE, _KEY)
    op.drop_table("stages")
    op.rename_table("new_stages", "stages")


def _change() -> None:
    for table in _REFERRING:
        op.drop_constraint(f"fk_{table}_stage_id", table)
    op.drop_constraint("pk_stages", "stages")
    op.create_primary_key("pk_stages", "stages", _KEY)
    op.drop_index("ix_stages_case_id", "stages")
    for table in _REFERRING:
        op.create_foreign_key(f"fk_{table}_case_id_stage_id", table, "stages", _STAGE, _KEY)
