"""Sources and what they sent, their tokens and clients; and who was asked to leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.domain.request import Finding
    from scimbridge.services.sources import SourceView

Document = dict[str, Any]


def source_document(view: SourceView) -> Document:
    """Return a source: who writes, how, and what became of it."""
    return {
        "name": view.name,
        "configured": view.is_configured,
        "created_at": iso(view.created_at),
        **view.counts,
        "tokens": _rows(view.tokens),
        "last_request_at": iso(view.last_request_at),
        "refused_24h": {str(status): count for status, count in view.refused.items()},
        "quirks": [{key: value for key, value in row.items() if key != "source"} for row in _rows(view.quirks)],
    }


def user_document(row: Mapping[str, Any]) -> Document:
    """Return a User that was named."""
    return {"id": row["id"], "user_name": row["user_name"], "state": _state(row)}


def received_document(row: Mapping[str, Any]) -> Document:
    """Return a request of a source, as received, as understood and as applied."""
    names = ("id", "at", "method", "path", "status", "received", "understood", "applied", "resource_id")
    return {name: row[name] for name in names}


def token_document(row: Mapping[Any, Any], now: datetime) -> Document:
    """Return a token of a source, without what could be used to sign in."""
    times = ("created_at", "last_used_at", "expires_at", "revoked_at")
    return {
        **{name: row[name] for name in ("id", "source", "hint")},
        **{name: iso(row[name]) for name in times},
        "is_live": row["revoked_at"] is None and not _has_expired(row, now),
    }


def client_document(row: Mapping[Any, Any]) -> Document:
    """Return an OAuth client of a source."""
    times = {name: iso(row[name]) for name in ("created_at", "last_used_at", "revoked_at")}
    method = "private_key_jwt" if row["has_keys"] else "client_secret"
    return {"id": row["id"], "source": row["source"], "method": method, **times}


def finding_document(finding: Finding) -> Document:
    """Return what became of a line."""
    return {
        "line": finding.leaver.line,
        "person": finding.leaver.person,
        "outcome": finding.outcome,
        "why": finding.why,
        "identity_id": finding.identity_id,
        "user_name": finding.user_name,
        "source": finding.source,
        "case_id": finding.case_id,
        "due_at": iso(finding.due_at),
    }


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _state(row: Mapping[str, Any]) -> str:
    if row["deleted_at"] is not None:
        return "deleted"
    return "active" if row["active"] else "inactive"


def _has_expired(row: Mapping[Any, Any], now: datetime) -> bool:
    return row["expires_at"] is not None and row["expires_at"] <= now
