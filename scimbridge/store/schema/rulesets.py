"""The table of rules: what was in force when, and what is drafted."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from scimbridge.store.schema.columns import Document, UtcDateTime, Word, metadata

rulesets = Table(
    "rulesets",
    metadata,
    # Version 1, 2, …; a draft has one from the beginning.
    Column("version", Integer, primary_key=True, autoincrement=True),
    # The text of `[[rules]]`, as people write it.
    Column("text", Text, nullable=False),
    # Of what the text says; absent while it is no TOML.
    Column("digest", String(64)),
    Column("origin", Word(8), nullable=False),
    # The version that was in force when the draft was begun or rebased.
    Column("base", Integer),
    # Counts the changes of a draft: who saves says which one they saw.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("activated_by", Text),
    Column("reason", Text, nullable=False, server_default=""),
    # When it was discarded, or another one took its place.
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text),
    # True for the one in force, and absent for all others: there is never a second one.
    Column("is_active", Boolean),
    # What the past would have been by the draft: how far that has come, or what was found. Without names.
    Column("replay", Document),
    Index("uq_rulesets_active", "is_active", unique=True),
)
