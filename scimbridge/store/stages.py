"""Rows of stages, with the terms under which their work is let go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from scimbridge.domain.ids import new_id
from scimbridge.domain.plan import PlannedStage
from scimbridge.domain.rule import NO_TERMS, Terms
from scimbridge.domain.task import Task
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import stages
from scimbridge.store.values import Row

_INSERT = Prepared(insert(stages), stages.c.keys())


def insert_stage(tx: Connection, case_id: str, stage: PlannedStage, now: datetime) -> str:
    """Store a stage without its tasks and return its id."""
    stage_id = new_id(now)
    row = {
        "id": stage_id,
        "case_id": case_id,
        "number": stage.number,
        "after_seconds": int(stage.after.total_seconds()),
        "due_at": stage.due_at,
        "approvers": stage.terms.approvers,
        "terms": _plain(stage.terms),
    }
    _INSERT.add(tx, row)
    return stage_id


def tighten(tx: Connection, task: Task, *, after: timedelta, approvers: int) -> None:
    """Give a task's stage a shorter grace and more approvers, because a later fact has brought the task forward."""
    seconds = int(after.total_seconds())
    tx.execute(update(stages).where(*_is_of(task), stages.c.after_seconds > seconds).values(after_seconds=seconds))
    tx.execute(update(stages).where(*_is_of(task), stages.c.approvers < approvers).values(approvers=approvers))


def set_grace(tx: Connection, case_id: str, stage_id: str, after: timedelta, due_at: datetime) -> None:
    """Give a stage another grace."""
    seconds = int(after.total_seconds())
    is_stage = stages.c.case_id == case_id, stages.c.id == stage_id
    tx.execute(update(stages).where(*is_stage).values(after_seconds=seconds, due_at=due_at))


def stage_rows(tx: Connection, case_id: str) -> Sequence[RowMapping]:
    """Return the stages of a case in order."""
    query = select(stages).where(stages.c.case_id == case_id).order_by(stages.c.number, stages.c.due_at)
    return tx.execute(query).mappings().all()


def terms_of_task(tx: Connection, task: Task) -> Terms:
    """Return the terms of the stage of a task that was loaded in the same transaction."""
    return terms_of(tx.execute(select(stages).where(*_is_of(task))).mappings().one())


def terms_of_many(tx: Connection, case_ids: Collection[str]) -> dict[str, Terms]:
    """Return the terms of the stages of some cases that have some beyond their approvers, by the stage's id."""
    if not case_ids:
        return {}
    query = select(stages).where(stages.c.case_id.in_(case_ids))
    return {row["id"]: terms_of(row) for row in tx.execute(query).mappings() if row["terms"]}


def stage_after(row: Row) -> timedelta:
    """Return a stage's grace."""
    return timedelta(seconds=row["after_seconds"])


def terms_of(row: Row) -> Terms:
    """Return the terms of a stage as they were planned."""
    said: Mapping[str, Any] = row["terms"] or {}
    return Terms(
        approvers=row["approvers"],
        schedule=said.get("schedule"),
        timezone=said.get("timezone", NO_TERMS.timezone),
        window=_span(said.get("window")),
        deadline=_span(said.get("deadline")),
        notify=tuple(said.get("notify", ())),
        only=tuple(said["only"]) if "only" in said else None,
        successor=said.get("successor"),
    )


def _is_of(task: Task) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a stage is the task's: the whole of its key."""
    return stages.c.case_id == task.case_id, stages.c.id == task.stage_id


def _plain(terms: Terms) -> dict[str, Any] | None:
    """Return what a stage says beyond the number of approvers; most say nothing."""
    if terms is NO_TERMS:
        return None
    said = {
        "schedule": terms.schedule,
        "timezone": terms.timezone if terms.schedule else None,
        "window": terms.window.total_seconds() if terms.window is not None else None,
        "deadline": terms.deadline.total_seconds() if terms.deadline is not None else None,
        "notify": list(terms.notify) or None,
        "only": list(terms.only) if terms.only is not None else None,
        "successor": terms.successor,
    }
    return {key: value for key, value in said.items() if value is not None} or None


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
