"""Who left in a time, and how far it is."""

from __future__ import annotations

from typing import Any

from scimbridge.documents.sheet import Sheet
from scimbridge.domain.times import iso
from scimbridge.services.leaver_report import LeaverLine, LeaverStage

Document = dict[str, Any]


def _seconds(line: LeaverLine) -> float | None:
    return line.time_to_revoke.total_seconds() if line.time_to_revoke is not None else None


LEAVERS: Sheet[LeaverLine] = Sheet(
    "leavers",
    {
        "case": lambda one: one.summary.case.id,
        "person": lambda one: one.summary.user_name,
        "source": lambda one: one.summary.case.source,
        "trigger": lambda one: one.summary.case.trigger,
        "left at": lambda one: one.summary.case.trigger_at,
        "rule": lambda one: one.summary.case.rule,
        "situation": lambda one: one.summary.situation,
        "stages": lambda one: len(one.stages),
        "stages finished": lambda one: sum(stage.finished_at is not None for stage in one.stages),
        "revoked at": lambda one: one.revoked_at,
        "time to revoke (s)": _seconds,
        "late tasks": lambda one: one.late,
        "closed at": lambda one: one.summary.case.closed_at,
    },
)


def leaver_document(line: LeaverLine) -> Document:
    """Return one leaver."""
    case = line.summary.case
    return {
        "case_id": case.id,
        "user_name": line.summary.user_name,
        "identity_id": case.identity_id,
        "source": case.source,
        "trigger": case.trigger,
        "trigger_at": iso(case.trigger_at),
        "rule": case.rule,
        "state": case.state,
        "situation": line.summary.situation,
        "stages": [_stage_document(stage) for stage in line.stages],
        "revoked_at": iso(line.revoked_at),
        "time_to_revoke_seconds": _seconds(line),
        "late": line.late,
        "opened_at": iso(case.opened_at),
        "closed_at": iso(case.closed_at),
    }


def _stage_document(stage: LeaverStage) -> Document:
    return {
        "number": stage.number,
        "due_at": iso(stage.due_at),
        "tasks": stage.tasks,
        "finished": stage.finished,
        "finished_at": iso(stage.finished_at),
    }
