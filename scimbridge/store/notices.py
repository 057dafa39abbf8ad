"""Rows of notices to operators: written with what they are about, sent afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.ids import new_id
from scimbridge.store.schema import notices


def add(tx: Connection, kind: str, subject: str, details: Mapping[str, Any], now: datetime) -> None:
    """Keep what operators are to be told; what they were told about this subject already is not told again."""
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    row = {
        "id": new_id(now),
        "kind": kind,
        "subject": subject,
        "details": dict(details),
        "created_at": now,
        "due_at": now,
    }
    tx.execute(dialect.insert(notices).values(row).on_conflict_do_nothing())
