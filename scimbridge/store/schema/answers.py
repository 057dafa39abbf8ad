"""The table of what the API has answered, so that asking the same again does nothing twice."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from scimbridge.store.schema.columns import UtcDateTime, metadata

api_answers = Table(
    "api_answers",
    metadata,
    # By the operator who asked and the key that they chose.
    Column("operator", String(100), primary_key=True),
    Column("key", String(255), primary_key=True),
    # Of method, address and body.
    Column("digest", String(64), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False, index=True),
    # As sent; absent while it is worked on, and empty where it was a secret, which is shown once.
    Column("answer", Text),
)
