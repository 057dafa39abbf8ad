"""What ``--json`` answers. The keys are a promise to scripts: they may be added to, never renamed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from scimbridge.cli.output import iso
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.flood import Flood
from scimbridge.domain.hold import Hold
from scimbridge.domain.inquiry import Inquiry
from scimbridge.domain.task import Task
from scimbridge.services.flooding import FloodStory, FloodSummary

if TYPE_CHECKING:
    from scimbridge.services.overview import TargetStatus
    from scimbridge.services.stage import CaseStage
    from scimbridge.services.story import Reason, Story
    from scimbridge.services.summing_up import CaseSummary

Document = dict[str, Any]
Row = Mapping[Any, Any]


def case_document(summary: CaseSummary) -> Document:
    """Return one case of a list."""
    case = summary.case
    return {
        "id": case.id,
        "user_name": summary.user_name,
        "identity_id": case.identity_id,
        "source": case.source,
        "kind": case.kind,
        "rule": case.rule,
        "trigger": case.trigger,
        "trigger_at": iso(case.trigger_at),
        "state": case.state,
        "situation": summary.situation,
        "next_due_at": iso(summary.next_due_at),
        "opened_at": iso(case.opened_at),
        "closed_at": iso(case.closed_at),
        "reason": case.reason,
        "tasks": {state.value: count for state, count in summary.counts.items()},
    }


def story_document(story: Story) -> Document:
    """Return everything about a case; ``tasks`` are whole here, and no longer counted."""
    from scimbridge.services.story import left_undone, waiting_for

    waits = list(waiting_for(story))
    identity = story.identity
    return {
        **case_document(story.summary),
        "identity": {
            "id": identity.id,
            "source": identity.source,
            "user_name": identity.user_name,
            "external_id": identity.external_id,
            "active": identity.active,
            "deleted_at": iso(identity.deleted_at),
        },
        "tasks": [_task_document(task, story) for task in story.tasks],
        "stages": [_stage_document(stage) for stage in story.stages],
        "waiting_for": [str(reason) for reason in waits],
        "reasons": [_reason_document(reason) for reason in waits],
        "left_undone": [_reason_document(reason) for reason in left_undone(story)],
        "requests": [
            {key: row[key] for key in ("source", "method", "path", "status", "understood", "applied")}
            | {"at": iso(row["at"])}
            for row in story.requests
        ],
        "history": [_entry_document(entry) for entry in story.history],
    }


def target_document(status: TargetStatus) -> Document:
    """Return what goes on at a target."""
    return {
        "name": status.name,
        "connector": status.kind,
        "mode": status.mode,
        "armed_until": iso(status.armed_until),
        "armed_by": status.armed_by,
        "concurrency": status.concurrency,
        "at_once": status.at_once,
        "runnable": status.runnable,
        "live": status.live,
        "needs_person": status.needs_person,
        "pause": status.pause,
        "unusable": status.unusable or None,
        "pace": status.pace,
        "calls_per_second": timedelta(seconds=1) / status.apart if status.apart else None,
    }


def hold_document(hold: Hold) -> Document:
    """Return a hold."""
    return {
        "id": hold.id,
        "scope": hold.scope,
        "subject": hold.subject or None,
        "reason": hold.reason,
        "placed_by": hold.placed_by,
        "placed_at": iso(hold.placed_at),
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
    """Return an inquiry that nobody has answered yet."""
    return {
        "id": inquiry.id,
        "source": inquiry.source,
        "cause": inquiry.cause,
        "group_id": inquiry.group_id,
        "group": inquiry.display_name,
        "targets": list(inquiry.targets),
        "people": inquiry.people,
        "opened_at": iso(inquiry.opened_at),
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


def _stage_document(stage: CaseStage) -> Document:
    return {
        "number": stage.number,
        "due_at": iso(stage.due_at),
        "approvers": stage.terms.approvers,
        "approved_by": list(stage.approved_by),
        "tasks": [task.id for task in stage.tasks],
    }


def _reason_document(reason: Reason) -> Document:
    return {"why": reason.why, "said": reason.said, "step": reason.step or None}


def _task_document(task: Task, story: Story) -> Document:
    forecast = story.forecasts.get(task.id)
    return {
        "id": task.id,
        "target": task.target,
        "action": task.action,
        "state": task.state,
        "irreversible": task.action.is_irreversible,
        "needs_person": task.needs_person,
        "due_at": iso(task.due_at),
        "not_before": iso(task.not_before),
        "reason": task.reason,
        "deadline_at": iso(task.deadline_at),
        "expected_at": iso(forecast.at) if forecast else None,
        "late_by_seconds": forecast.late_by.total_seconds() if forecast else 0,
        "evidence": story.evidence.get(task.id),
        "attempts": [
            {
                "id": run["id"],
                "worker": run["worker"],
                "started_at": iso(run["started_at"]),
                "ended_at": iso(run["ended_at"]),
                "outcome": run["outcome"],
                "reason": run["reason"],
            }
            for run in story.attempts.get(task.id, ())
        ],
    }


def _entry_document(entry: Row) -> Document:
    return {
        "at": iso(entry["at"]),
        "event": entry["event"],
        "actor": entry["actor"],
        "target": entry["target"],
        "task_id": entry["task_id"],
        "reason": entry["reason"],
        "details": entry["details"],
    }
