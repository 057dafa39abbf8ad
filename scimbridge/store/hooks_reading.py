"""Which hooks have been asked about a case, and have not answered."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, select

from scimbridge.store.schema import hook_calls


def waited_for(tx: Connection, case_id: str) -> Mapping[str, RowMapping]:
    """Return the calls without an answer, by the hold that each of them has placed."""
    query = select(hook_calls).where(hook_calls.c.case_id == case_id, hook_calls.c.answered_at.is_(None))
    return {row["hold_id"]: row for row in tx.execute(query).mappings()}
