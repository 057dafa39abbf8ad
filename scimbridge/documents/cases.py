"""Cases, with their stages, tasks and history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scimbridge.domain.task import Task
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.services.stage import CaseStage
    from scimbridge.services.story import Reason, Story
    from scimbridge.services.summing_up import CaseSummary
    from scimbridge.store.snapshots import Taken

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
        "rules_version": case.ruleset,
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
        "history": [entry_document(entry) for entry in story.history],
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


def entry_document(entry: Row) -> Document:
    """Return an entry of the history."""
    return {
        "at": iso(entry["at"]),
        "event": entry["event"],
        "actor": entry["actor"],
        "target": entry["target"],
        "task_id": entry["task_id"],
        "reason": entry["reason"],
        "details": entry["details"],
    }


def snapshot_document(taken: Taken) -> dict[str, Any]:
    """Return the same for scripts."""
    return {"target": taken.target, "taken_at": iso(taken.at), **taken.state.to_json()}
