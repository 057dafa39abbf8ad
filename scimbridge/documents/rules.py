"""Versions of the rules, and how a draft stands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scimbridge.domain.rules_version import PlacedProblem, RulesVersion
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.services.drafting import Look

Document = dict[str, Any]


def version_document(version: RulesVersion) -> Document:
    """Return one version of a list."""
    return {
        "version": version.version,
        "state": version.state,
        "origin": version.origin,
        "base": version.base,
        "revision": version.revision,
        "digest": version.digest,
        "created_at": iso(version.created_at),
        "created_by": version.created_by,
        "changed_at": iso(version.changed_at),
        "changed_by": version.changed_by,
        "activated_at": iso(version.activated_at),
        "activated_by": version.activated_by,
        "reason": version.reason,
        "ended_at": iso(version.ended_at),
        "ended_by": version.ended_by,
    }


def look_document(look: Look, now: datetime) -> Document:
    """Return a version with its text, and all that there is to know before it is put in force."""
    return {
        **version_document(look.version),
        "text": look.version.text,
        "problems": [problem_document(each) for each in look.read.problems],
        "active": look.active.version if look.active is not None else None,
        "changes": list(look.changes),
        "obstacles": list(look.obstacles),
        "replay": replay_document(look.version, now),
    }


def problem_document(placed: PlacedProblem) -> Document:
    """Return what is wrong with a text of rules, and where."""
    return {"line": placed.line, "path": placed.problem.path, "message": placed.problem.message}


def replay_document(version: RulesVersion, now: datetime) -> Document | None:
    """Return how far the replay of a draft is, or what it has found; ``None`` where there is none."""
    from scimbridge.services import replay_in_words as words

    replay = version.replay
    if replay is None:
        return None
    has_ended = replay["ended_at"] is not None
    found = {key: replay[key] for key in ("counts", "people", "irreversible", "guard")} if has_ended else {}
    return {
        "state": "ended" if has_ended else "running" if words.is_running(replay, now) else "failed",
        **{key: replay[key] for key in ("by", "begun_at", "ended_at", "since", "against", "done", "total")},
        **found,
        "findings": list(words.findings(replay)) if has_ended else [words.progress(replay, now)],
        "warnings": list(words.warnings(replay)) if has_ended else [],
    }
