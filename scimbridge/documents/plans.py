"""What would happen to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scimbridge.documents.protection import hold_document
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from scimbridge.services.rehearsal import (
        Difference,
        FileRehearsal,
        GuardAnswer,
        Rehearsal,
        RehearsedStage,
        RehearsedTask,
        Replay,
    )

Document = dict[str, Any]


def rehearsal_document(rehearsal: Rehearsal) -> Document:
    """Return what would happen to one identity; ``stages`` is empty where nothing would."""
    return {
        "identity_id": rehearsal.identity.id,
        "user_name": rehearsal.identity.user_name,
        "source": rehearsal.identity.source,
        "active": not rehearsal.identity.is_gone,
        "trigger": rehearsal.trigger,
        "rule": rehearsal.rule,
        "hook": rehearsal.hook,
        "excluded": rehearsal.excluded,
        "holds": [hold_document(hold) for hold in rehearsal.held],
        "open_case": rehearsal.open_case.id if rehearsal.open_case else None,
        "earlier": rehearsal.earlier,
        "guard": [_answer_document(answer) for answer in rehearsal.guard],
        "stages": [_stage_document(stage) for stage in rehearsal.stages],
        "left_out": {action: list(targets) for action, targets in rehearsal.left_out.items()},
        "unusable": dict(rehearsal.unusable),
    }


def plan_document(found: FileRehearsal) -> Document:
    """Return what a file of leavers would lead to."""
    counts = ("lines", "problems", "people", "would_act", "held", "excluded", "without_rule", "nothing_to_do")
    return {
        "counts": {key: found.counts[key] for key in counts},
        "guard": [{"line": trip.line, "where": trip.limit.where, "reason": trip.reason} for trip in found.trips],
        "ignored_columns": list(found.ignored),
        "lines": [
            {
                "line": line.number,
                "named": line.named or None,
                "problem": line.problem,
                "plans": [rehearsal_document(rehearsal) for rehearsal in line.rehearsals],
            }
            for line in found.lines
        ],
    }


def replay_document(found: Replay, *, everything: bool) -> Document:
    """Return what other rules would have made of the past."""
    return {
        "since": iso(found.since),
        "identities_as_of": "now",
        "counts": found.counts,
        "facts": [_difference_document(one) for one in (found.facts if everything else found.different)],
    }


def _stage_document(stage: RehearsedStage) -> Document:
    return {
        "number": stage.number + 1,  # as people count them
        "after_seconds": stage.after.total_seconds(),
        "due_at": iso(stage.due_at),
        "approvers": stage.terms.approvers,
        "schedule": stage.terms.schedule,
        "tasks": [_task_document(task) for task in stage.tasks],
    }


def _task_document(task: RehearsedTask) -> Document:
    return {
        "target": task.target,
        "action": task.action,
        "irreversible": task.action.is_irreversible,
        "account": task.account,
        "due_at": iso(task.due_at),
        "released_at": iso(task.released_at),
        "kept_until": iso(task.kept_until),
        "frozen": task.frozen,
        "because_of": task.because_of,
        "snapshot": task.takes_snapshot,
        "observe": task.observed,
        "spared": task.spared,
        "contested": task.contested,
        "verified": task.verified,
    }


def _answer_document(answer: GuardAnswer) -> Document:
    return {
        "where": answer.limit.where,
        "class": answer.limit.guard_class,
        "window_seconds": answer.limit.window.total_seconds(),
        "counted": answer.counted,
        "most": answer.most if answer.most != float("inf") else None,
        "flood_id": answer.flood_id,
        "held": answer.is_held,
    }


def _difference_document(one: Difference) -> Document:
    return {
        "at": iso(one.at),
        "identity_id": one.identity.id,
        "user_name": one.identity.user_name,
        "source": one.identity.source,
        "trigger": one.trigger,
        "before": one.before.is_in_words,
        "after": one.after.is_in_words,
        "differences": list(one.said),
    }
