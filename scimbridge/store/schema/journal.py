"""Tables of what happened, and of what operators are told."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, text

from scimbridge.store.schema.columns import AutoId, Document, Id, UtcDateTime, metadata

_UNSENT = text("sent_at IS NULL AND failed_at IS NULL")

notices = Table(
    "notices",
    metadata,
    # What operators are to be told: written with the fact that it is about, sent by a sweeper afterwards.
    Column("id", Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    # The flood, target or task that it is about: told once.
    Column("subject", Text, nullable=False),
    Column("details", Document, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Index("uq_notices_subject", "kind", "subject", unique=True),
    Index("ix_notices_due_at", "due_at", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
)

REFUSED = text("status >= 400")

requests = Table(
    "requests",
    metadata,
    # What a source sent, without passwords and credentials. `received` is personal and can be erased.
    Column("number", AutoId, primary_key=True, autoincrement=True),
    # A fact names it. Without an index: whoever asks for requests goes by their numbers, or by whom they are about.
    Column("id", Id, nullable=False),
    Column("source", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("method", String(8), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("received", Document),
    Column("understood", Text, nullable=False),
    Column("applied", Text, nullable=False),
    # The User or Group concerned: "why is this user still active" is one query.
    Column("resource_id", String(200)),
    Index("ix_requests_resource_id", "resource_id",
          sqlite_where=text("resource_id IS NOT NULL"), postgresql_where=text("resource_id IS NOT NULL")),
    # What of a source was refused lately. Most requests are not, and cost no entry.
    Index("ix_requests_refused", "source", "at", sqlite_where=REFUSED, postgresql_where=REFUSED),
)  # fmt: skip

DONE = text("event = 'task done'")
OUTSIDE = text("case_id IS NULL AND identity_id IS NOT NULL")

history = Table(
    "history",
    metadata,
    Column("id", AutoId, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("identity_id", Id),
    Column("case_id", Id, index=True),
    Column("task_id", Id),
    Column("target", String(64)),
    Column("details", Document, nullable=False),
    # Erasable. Carries a nonce, so that the digest of an erased value cannot be guessed back.
    Column("personal", Document),
    Column("digest", String(64), nullable=False),
    # What a target has done lately.
    Index("ix_history_done", "target", "at", sqlite_where=DONE, postgresql_where=DONE),
    # What happened to somebody outside of cases.
    Index("ix_history_without_case", "identity_id", sqlite_where=OUTSIDE, postgresql_where=OUTSIDE),
)

seals = Table(
    "seals",
    metadata,
    # What makes visible that the history was changed afterwards; see `domain.seal`.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("previous", String(64), nullable=False),
    # Ids of entries, as [first, last] of each run; and the ends of all, by which the seal of an entry is found.
    Column("ranges", Document, nullable=False),
    Column("first_entry", AutoId, nullable=False),
    Column("last_entry", AutoId, nullable=False, index=True),
    Column("entries", String(64), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(128), nullable=False),
)
