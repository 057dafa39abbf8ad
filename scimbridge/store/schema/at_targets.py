"""Tables of accounts at targets, as they were found and before they were touched, and of the targets themselves."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from scimbridge.store.schema.columns import Document, Id, UtcDateTime, metadata

accounts = Table(
    "accounts",
    metadata,
    # One row for an identity at a target, from the identity's creation on. `native_id` is the target's
    # immutable id, once the account has been found there. A group at a target has one, too.
    Column("id", Id, primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False),
    Column("target", String(64), nullable=False),
    Column("native_id", Text),
    Column("name", Text),
    Column("linked_at", UtcDateTime),
    Column("link_due_at", UtcDateTime),
    Column("link_attempts", Integer, nullable=False, server_default="0"),
    Column("candidates", Document),
    Column("note", Text, nullable=False, server_default=""),
    # Of a group: how it was when an operator asked to give it up.
    Column("asked_state", Document),
    Index("uq_accounts_identity_target", "identity_id", "target", unique=True),
    Index("ix_accounts_native_id", "target", "native_id"),
    Index("ix_accounts_link_due_at", "target", "link_due_at",
          sqlite_where=text("link_due_at IS NOT NULL"), postgresql_where=text("link_due_at IS NOT NULL")),
)  # fmt: skip

snapshots = Table(
    "snapshots",
    metadata,
    # The state of a native account before the bridge first touched it. Keyed by the native account, because
    # two sources may know the same one. A complete restore releases it, and the next case takes a new one.
    Column("id", Id, primary_key=True),
    Column("target", String(64), nullable=False),
    Column("native_id", Text, nullable=False),
    Column("state", Document, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),
    # The account as the bridge left it last: undo leaves alone what somebody else has changed since.
    Column("left_state", Document),
    # An attempt that may have changed the account and whose end is not known: the action, and what it had read.
    Column("begun", Document),
    # The first snapshot wins: a second one cannot be written while it stands.
    Index("uq_snapshots_standing", "target", "native_id", unique=True,
          sqlite_where=text("released_at IS NULL"), postgresql_where=text("released_at IS NULL")),
    # What nobody needs any more, the oldest first.
    Index("ix_snapshots_released_at", "released_at", "id",
          sqlite_where=text("released_at IS NOT NULL"), postgresql_where=text("released_at IS NOT NULL")),
)  # fmt: skip

targets = Table(
    "targets",
    metadata,
    # What the processes share about a target at run time; its settings are in the configuration.
    Column("name", String(64), primary_key=True),
    Column("paused_at", UtcDateTime),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("next_call_at", UtcDateTime),
    # The share of its rate right after it last asked for fewer calls, and when that was.
    Column("pace", Float),
    Column("refused_at", UtcDateTime),
    # An observing target acts until then.
    Column("armed_until", UtcDateTime),
    Column("armed_by", Text),
    # Its work is let go gradually from then on.
    Column("resumed_at", UtcDateTime),
    # What somebody found who last reached it with its credentials, and when.
    Column("checked_at", UtcDateTime),
    Column("findings", Document),
    # Reconciliation reads it, and takes the place of an attempt meanwhile.
    Column("read_until", UtcDateTime),
)
