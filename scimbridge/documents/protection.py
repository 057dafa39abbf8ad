"""Holds, floods, exclusions and inquiries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.flood import Flood
from scimbridge.domain.hold import Hold
from scimbridge.domain.inquiry import Inquiry
from scimbridge.domain.times import iso
from scimbridge.services.flooding import FloodStory, FloodSummary

Document = dict[str, Any]
Row = Mapping[Any, Any]


def hold_document(hold: Hold) -> Document:
    """Return a hold."""
    return {
        "id": hold.id,
        "scope": hold.scope,
        "subject": hold.subject or None,
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": iso(hold.placed_at),
        "until": iso(hold.until),
        "legal": hold.is_legal,
        "flood_id": hold.flood_id,
    }


def flood_hold_document(flood: Flood) -> Document:
    """Return a flood as one among holds."""
    return {
        "id": flood.id,
        "scope": "flood",
        "subject": flood.where,
        "reason": flood.reason,
        "placed_by": "the guard",
        "placed_at": iso(flood.opened_at),
    }


def flood_document(summary: FloodSummary) -> Document:
    """Return one flood of a list."""
    flood = summary.flood
    return {
        "id": flood.id,
        "scope": flood.scope,
        "subject": flood.subject or None,
        "class": flood.guard_class,
        "reason": flood.reason,
        "opened_at": iso(flood.opened_at),
        "cases": summary.extent.cases,
        "held": summary.extent.held,
        "started": summary.extent.started,
        "decision": flood.decision,
        "gives_back": flood.gives_back,
        "closed_at": iso(flood.closed_at),
        "closed_by": flood.closed_by,
        "closing_reason": flood.closing_reason or None,
        "settled_at": iso(flood.settled_at),
    }


def flood_story_document(story: FloodStory) -> Document:
    """Return a flood with whom it holds and what had started; both lists are capped at 1000."""
    return {
        **flood_document(FloodSummary(flood=story.flood, extent=story.extent)),
        "holds": [{name: row[name] for name in ("case_id", "source", "user_name", "hold_id")} for row in story.held],
        "tasks_started": [
            {
                **{name: row[name] for name in ("case_id", "source", "user_name", "action", "target", "state")},
                "may_have_left": bool(row["is_past_the_line"]),
            }
            for row in story.started
        ],
        "beside": [flood.id for flood in story.beside],
    }


def inquiry_document(inquiry: Inquiry) -> Document:
    """Return an inquiry."""
    return {
        "id": inquiry.id,
        "source": inquiry.source,
        "cause": inquiry.cause,
        "group_id": inquiry.group_id,
        "group": inquiry.display_name,
        "targets": list(inquiry.targets),
        "people": inquiry.people,
        "opened_at": iso(inquiry.opened_at),
        "verdict": inquiry.verdict or None,
        "closed_by": inquiry.closed_by,
        "closed_at": iso(inquiry.closed_at),
    }


def exclusion_document(exclusion: Exclusion, row: Row | None = None) -> Document:
    """Return an exclusion; one of the configuration has no row, and so no id."""
    return {
        "id": row["id"] if row is not None else None,
        "from": "run time" if row is not None else "configuration",
        "of": exclusion.spared,
        "match": exclusion.match.text if exclusion.match is not None else None,
        "subject": exclusion.subject or None,
        "target": exclusion.target or None,
        "until": iso(exclusion.until),
        "reason": exclusion.reason,
        "placed_by": row["placed_by"] if row is not None else None,
        "placed_at": iso(row["placed_at"]) if row is not None else None,
    }
