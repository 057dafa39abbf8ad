"""Tables of reconciliation: the runs, and what they found."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, false, text

from scimbridge.store.schema.columns import Document, Id, UtcDateTime, Word, metadata

_IS_OPEN = text("ended_at IS NULL")

reconciliations = Table(
    "reconciliations",
    metadata,
    # A run over all accounts of a target. While somebody is at it, `turn` says who, and `lease_until` how long that
    # is believed; whoever takes it up afterwards has another turn, and what the first one writes then counts no more.
    Column("id", Id, primary_key=True),
    Column("target", String(64), nullable=False),
    # Which one of the target's it is: clocks may be set back.
    Column("number", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_by", Text, nullable=False),
    # Seconds; stale is what nobody has signed in with for so long, and nothing is where absent.
    Column("unused_for", Integer),
    # Somebody has said that what the target tells is true, of however few accounts.
    Column("believed", Boolean, nullable=False, server_default=false()),
    Column("turn", Id),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("started_at", UtcDateTime),
    # How many accounts it has looked at.
    Column("accounts", Integer, nullable=False, server_default="0"),
    Column("ended_at", UtcDateTime),
    Column("outcome", Word(16)),
    Column("reason", Text, nullable=False, server_default=""),
    # How many findings of each kind it ended with.
    Column("counts", Document),
    # When somebody last signed in with any of the accounts, at the latest.
    Column("signed_in_at", UtcDateTime),
    # When what it has found was taken for facts, as far as rules ask for that.
    Column("taken_at", UtcDateTime),
    # A target has one run at a time.
    Index("uq_reconciliations_open", "target", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    Index("ix_reconciliations_target_number", "target", "number"),
)  # fmt: skip

findings = Table(
    "findings",
    metadata,
    # What a run found. A finding keeps its id and its first date from run to run, as long as each finds it again.
    Column("run_id", Id, primary_key=True),
    Column("id", Id, primary_key=True),
    Column("kind", Word(16), nullable=False),
    Column("native_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("suspended", Boolean),
    Column("signed_in_at", UtcDateTime),
    # Who owns the account: identities by id, so that names are kept in one place.
    Column("owners", Document, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Index("ix_findings_run_id_kind_id", "run_id", "kind", "id"),
    Index("ix_findings_run_id_native_id", "run_id", "native_id"),
)  # fmt: skip
