"""Tables of cases and their work, down to the attempts."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from scimbridge.store.schema.columns import Document, Id, UtcDateTime, Word, metadata

cases = Table(
    "cases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("source", String(64), nullable=False),
    Column("kind", Word(16), nullable=False),
    Column("rule", Text, nullable=False),
    Column("trigger", Word(16)),
    Column("trigger_at", UtcDateTime, nullable=False),
    # The fact that opened it, where this is all that is kept of it: its trigger, which stays when a later fact makes
    # the case wider, and the request that brought it.
    Column("fact_trigger", Word(16)),
    Column("request_id", Id),
    Column("state", Word(16), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Column("rule_version", String(16), nullable=False, server_default=""),
    # Who asked for it, where that was an operator.
    Column("opened_by", Text),
    # Which version of all rules planned it. No foreign key: it costs each case a look-up, and versions stay.
    Column("ruleset", Integer),
    # The cases of an identity, the newest of which is asked for by every decision.
    Index("ix_cases_identity_id", "identity_id", "opened_at"),
    # One identity, one open case.
    Index("uq_cases_open", "identity_id", unique=True,
          sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_cases_state", "state", "opened_at"),
    # What has ended lately.
    Index("ix_cases_closed_at", "closed_at",
          sqlite_where=text("closed_at IS NOT NULL"), postgresql_where=text("closed_at IS NOT NULL")),
)  # fmt: skip

stages = Table(
    "stages",
    metadata,
    # Kept with their case: an index for that, and one of their ids, would be written for each case that is planned.
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("after_seconds", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    # How many operators have to approve; nothing of the stage is released before.
    Column("approvers", Integer, nullable=False, server_default="0"),
    # The rest of its terms, where it has some, as they were planned.
    Column("terms", Document),
    sqlite_with_rowid=False,
)

approvals = Table(
    "approvals",
    metadata,
    # One operator's approval of one stage: given to exactly what is in `document`, and gone when that is no longer so.
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("stage_id", Id, nullable=False),
    Column("digest", String(64), nullable=False),
    # Personal: it names accounts and what they own. The digest outlives it.
    Column("document", Document),
    # The accounts that the bridge itself has changed since, as it left them.
    Column("expected", Document),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", UtcDateTime, nullable=False),
    Column("lapsed_at", UtcDateTime),
    Column("lapse_reason", Text, nullable=False, server_default=""),
    ForeignKeyConstraint(["case_id", "stage_id"], ["stages.case_id", "stages.id"]),
    # Nobody approves the same stage twice.
    Index("uq_approvals_standing", "stage_id", "approved_by", unique=True,
          sqlite_where=text("lapsed_at IS NULL"), postgresql_where=text("lapsed_at IS NULL")),
)  # fmt: skip

RUNNABLE = text("state IN ('ready', 'waiting')")

_PLANNED = text("state = 'planned'")
ASKING = text("(state = 'failed' OR (state = 'waiting' AND not_before IS NULL))")
RETRYING = text("state = 'waiting' AND not_before IS NOT NULL")
_DESTROYED = text("irreversible AND state = 'done'")

# Not what waits just as it was planned, or was called off before its time. Requests write hardly anything else, and the
# cases of the account's owner lead to it: what gives an account back to somebody else is never only planned.
BEGUN = text("(state <> 'planned' OR reason <> '') AND (state <> 'canceled' OR finished_at >= due_at)")

LATE = text("deadline_at IS NOT NULL AND alarmed_at IS NULL AND state NOT IN ('done', 'skipped', 'canceled')")

tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("stage_id", Id, nullable=False),
    Column("identity_id", Id, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("target", String(64), nullable=False),
    Column("action", Word(32), nullable=False),
    Column("state", Word(16), nullable=False),
    Column("irreversible", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_tried_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Column("evidence", Document),
    Column("changed", Boolean),
    Column("finished_at", UtcDateTime),
    # What the target called the work that it accepted and does by itself.
    Column("handle", Text),
    # When it should have ended; and when somebody was told that it has not.
    Column("deadline_at", UtcDateTime),
    Column("alarmed_at", UtcDateTime),
    # When an operator has let it skip its grace.
    Column("expedited_at", UtcDateTime),
    ForeignKeyConstraint(["case_id", "stage_id"], ["stages.case_id", "stages.id"]),
    # The sweeper's question for what is late.
    Index("ix_tasks_late", "deadline_at", sqlite_where=LATE, postgresql_where=LATE),
    Index("ix_tasks_account_id", "account_id", "state", sqlite_where=BEGUN, postgresql_where=BEGUN),
    # The sweeper's question: costs by what is due, not by what is open.
    Index("ix_tasks_planned", "due_at", sqlite_where=_PLANNED, postgresql_where=_PLANNED),
    # The worker's and the courier's question.
    Index("ix_tasks_runnable", "target", "due_at", sqlite_where=RUNNABLE, postgresql_where=RUNNABLE),
    # The operators' questions about a target: what asks for them, what is tried again and when, and what was
    # done last that cannot be undone.
    Index("ix_tasks_asking", "target", "id", sqlite_where=ASKING, postgresql_where=ASKING),
    Index("ix_tasks_retrying", "target", "not_before", sqlite_where=RETRYING, postgresql_where=RETRYING),
    Index("ix_tasks_destroyed", "target", "finished_at", sqlite_where=_DESTROYED, postgresql_where=_DESTROYED),
)

# What an attempt has read, and look-ups: all that is not kept for good.
_KEPT = text("ended_at IS NOT NULL AND (state_read IS NOT NULL OR task_id IS NULL)")

attempts = Table(
    "attempts",
    metadata,
    # One run of a task (or one look-up of a link) under a lease.
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("task_id", Id, index=True),  # none for a look-up
    Column("target", String(64), nullable=False),
    # The native id once it is known, else the id of our own row.
    Column("lock_key", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("state_read", Document),
    Column("read_at", UtcDateTime),
    # Past this line the request may have left; a hold that comes later comes too late.
    Column("confirmed_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("outcome", String(16)),
    Column("reason", Text, nullable=False, server_default=""),
    # At most one live attempt per native account, over all cases, sources and processes.
    Index("uq_attempts_live", "target", "lock_key", unique=True,
          sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    Index("ix_attempts_kept", "ended_at", "id", sqlite_where=_KEPT, postgresql_where=_KEPT),
    Index("ix_attempts_lease_until", "lease_until",
          sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
)  # fmt: skip

_UNANSWERED = text("answered_at IS NULL")

hook_calls = Table(
    "hook_calls",
    metadata,
    # A case that waits for what its rule's hook says, under a hold until then.
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("hold_id", ForeignKey("holds.id"), nullable=False),
    Column("hook", Text, nullable=False),
    # About what a later fact has added to a case that was open already.
    Column("is_addition", Boolean, nullable=False, server_default=false()),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("answered_at", UtcDateTime),
    Column("answer", Text, nullable=False, server_default=""),
    Index("ix_hook_calls_due_at", "due_at", sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED),
)
