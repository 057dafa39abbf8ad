"""What the leaver engine needs: terms and approvals of stages, the guard, dated exclusions, deadlines, notices, hooks.

The previous release runs on this schema, but it heeds none of it: it releases stages that wait for an approval,
and it does not know holds of a whole source. Stop it before the upgrade where rules need one of these.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import Document, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNSETTLED = sa.text("settled_at IS NULL AND closed_at IS NOT NULL")
_TO_SETTLE = sa.text("settled_at IS NULL")
_OPEN = sa.text("closed_at IS NULL")
_UNSENT = sa.text("sent_at IS NULL AND failed_at IS NULL")
_UNANSWERED = sa.text("answered_at IS NULL")
_WAITING = sa.text("ended_at IS NULL")
_STANDING = sa.text("lapsed_at IS NULL")
_OF_FLOOD = sa.text("flood_id IS NOT NULL AND lifted_at IS NULL")
_LATE = sa.text("deadline_at IS NOT NULL AND alarmed_at IS NULL AND state NOT IN ('done', 'skipped', 'canceled')")


def upgrade() -> None:
    """Add tables and columns."""
    op.create_table(
        "floods",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("guard_class", sa.String(length=16), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("closing_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("gives_back", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floods")),
    )
    op.create_index(
        "ix_floods_unsettled", "floods", ["id"], unique=False, sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED
    )
    op.create_index(
        "uq_floods_open",
        "floods",
        ["scope", "subject", "guard_class"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "guard_counters",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("guard_class", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at_most", sa.Integer(), server_default="0", nullable=False),
        sa.Column("flood_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("scope", "subject", "guard_class", name=op.f("pk_guard_counters")),
    )
    op.create_table(
        "guard_marks",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("guard_class", sa.String(length=16), nullable=False),
        sa.Column("identity_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", "guard_class", "identity_id", name=op.f("pk_guard_marks")),
    )
    op.create_index(
        "ix_guard_marks_at", "guard_marks", ["scope", "subject", "guard_class", "epoch", "at"], unique=False
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", Document, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_due_at", "notices", ["due_at"], unique=False, sqlite_where=_UNSENT, postgresql_where=_UNSENT
    )
    op.create_index("uq_notices_subject", "notices", ["kind", "subject"], unique=True)
    op.create_table(
        "populations",
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", "at", name=op.f("pk_populations")),
    )
    op.create_table(
        "flood_cases",
        sa.Column("flood_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_flood_cases_case_id")),
        sa.ForeignKeyConstraint(["flood_id"], ["floods.id"], name=op.f("fk_flood_cases_flood_id")),
        sa.PrimaryKeyConstraint("flood_id", "case_id", name=op.f("pk_flood_cases")),
    )
    op.create_index("ix_flood_cases_case_id", "flood_cases", ["case_id"], unique=False)
    op.create_index(
        "ix_flood_cases_unsettled",
        "flood_cases",
        ["flood_id", "case_id"],
        unique=False,
        sqlite_where=_TO_SETTLE,
        postgresql_where=_TO_SETTLE,
    )
    op.create_table(
        "hook_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("hold_id", sa.String(length=36), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("is_addition", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_hook_calls_case_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_hook_calls_hold_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_calls")),
    )
    op.create_index(op.f("ix_hook_calls_case_id"), "hook_calls", ["case_id"], unique=False)
    op.create_index(
        "ix_hook_calls_due_at",
        "hook_calls",
        ["due_at"],
        unique=False,
        sqlite_where=_UNANSWERED,
        postgresql_where=_UNANSWERED,
    )
    op.create_table(
        "operators",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operators")),
    )
    op.create_table(
        "operator_tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("operator", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["operator"], ["operators.name"], name=op.f("fk_operator_tokens_operator")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_operator_tokens_digest")),
    )
    op.create_index(op.f("ix_operator_tokens_operator"), "operator_tokens", ["operator"], unique=False)
    op.create_table(
        "moves",
        sa.Column("identity_id", sa.String(length=36), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("now", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_moves_identity_id")),
        sa.PrimaryKeyConstraint("identity_id", "target", "rule", name=op.f("pk_moves")),
    )
    op.create_table(
        "dated_requests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("identity_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name=op.f("fk_dated_requests_identity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dated_requests")),
    )
    op.create_index(
        "uq_dated_requests_identity_id",
        "dated_requests",
        ["identity_id"],
        unique=True,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "ix_dated_requests_due_at",
        "dated_requests",
        ["due_at"],
        unique=False,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("stage_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", Document, nullable=True),
        sa.Column("expected", Document, nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.Column("lapsed_at", UtcDateTime(), nullable=True),
        sa.Column("lapse_reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_approvals_case_id")),
        sa.ForeignKeyConstraint(["stage_id"], ["stages.id"], name=op.f("fk_approvals_stage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_case_id"), "approvals", ["case_id"], unique=False)
    op.create_index(
        "uq_approvals_standing",
        "approvals",
        ["stage_id", "approved_by"],
        unique=True,
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.add_column("cases", sa.Column("rule_version", sa.String(length=16), server_default="", nullable=False))
    op.add_column("cases", sa.Column("opened_by", sa.Text(), nullable=True))
    op.add_column("exclusions", sa.Column("spared", sa.String(length=16), server_default="match", nullable=False))
    op.add_column("exclusions", sa.Column("subject", sa.Text(), server_default="", nullable=False))
    op.add_column("exclusions", sa.Column("target", sa.String(length=64), server_default="", nullable=False))
    op.add_column("exclusions", sa.Column("until", UtcDateTime(), nullable=True))
    op.add_column("holds", sa.Column("is_legal", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("holds", sa.Column("flood_id", sa.String(length=36), nullable=True))
    op.create_index(
        "ix_holds_flood_id", "holds", ["flood_id"], unique=False, sqlite_where=_OF_FLOOD, postgresql_where=_OF_FLOOD
    )
    op.create_index("ix_holds_lifted_at", "holds", ["lifted_at"], unique=False)
    op.add_column("snapshots", sa.Column("left_state", Document, nullable=True))
    op.add_column("snapshots", sa.Column("begun", Document, nullable=True))
    op.add_column("stages", sa.Column("approvers", sa.Integer(), server_default="0", nullable=False))
    op.add_column("stages", sa.Column("terms", Document, nullable=True))
    op.add_column("targets", sa.Column("armed_until", UtcDateTime(), nullable=True))
    op.add_column("targets", sa.Column("armed_by", sa.Text(), nullable=True))
    op.add_column("targets", sa.Column("resumed_at", UtcDateTime(), nullable=True))
    op.add_column("tasks", sa.Column("handle", sa.Text(), nullable=True))
    op.add_column("tasks", sa.Column("deadline_at", UtcDateTime(), nullable=True))
    op.add_column("tasks", sa.Column("alarmed_at", UtcDateTime(), nullable=True))
    op.add_column("tasks", sa.Column("expedited_at", UtcDateTime(), nullable=True))
    op.create_index("ix_tasks_late", "tasks", ["deadline_at"], unique=False, sqlite_where=_LATE, postgresql_where=_LATE)
