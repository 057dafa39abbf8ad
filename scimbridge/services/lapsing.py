"""Lapsing: approvals end when an account is no longer what they were given for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.approval import Approval, Decisive
from scimbridge.domain.case import Case
from scimbridge.domain.identity import Identity
from scimbridge.domain.rule import Ruleset, Terms
from scimbridge.domain.task import Task
from scimbridge.services.people import wanted_successor
from scimbridge.store import approvals, identities, journal


def rule_version(rules: Ruleset, case: Case) -> str:
    """Return what an approval has to have been given under: the version of the case's rule as it is now."""
    rule = rules.named(case.rule)
    return rule.version if rule is not None else ""


def parameters(terms: Terms, leaver: Identity) -> dict[str, object]:
    """Return what a stage says about how its actions are done; whose manager gets something counts as of now."""
    return {
        "only": sorted(terms.only) if terms.only is not None else None,
        "successor": terms.successor,
        "successor_is": wanted_successor(terms, leaver)[1],
    }


def lapse_drifted(
    tx: Connection, task: Task, *, native_id: str, decisive: Decisive, version: str, now: datetime
) -> dict[str, str]:
    """End the approvals of a case that a fresh read of one of its accounts contradicts.

    Those of later stages, too: what somebody else changes before the bridge's own work must not hide behind it.

    Returns:
        The stages that lost their approvals, and why.
    """
    lapsed: dict[str, str] = {}
    standing = approvals.standing(tx, task.case_id)
    leaver = identities.identity_by_id(tx, task.identity_id, now) if standing else None
    for approval in standing:
        concerns = approval.stage_id == task.stage_id or approval.covers(task.account_id)
        if leaver is None or not concerns or approval.stage_id in lapsed:
            continue
        drift = approval.drift(
            task.account_id,
            native_id=native_id,
            decisive=decisive,
            rule_version=version,
            parameters=parameters(approvals.conditions(tx, task.case_id, approval.stage_id)[0], leaver),
            begun=approvals.begun(tx, task.account_id, approval.looked_at(task.account_id)),
        )
        if drift is not None:
            lapsed[approval.stage_id] = drift
            lapse(tx, approval, f"{drift} since it was approved", now, task=task)
    return lapsed


def lapse_older(tx: Connection, task: Task, reason: str, *, since: datetime, now: datetime) -> dict[str, str]:
    """End the approvals of a task's stage if one was given before something that it did not know of.

    Returns:
        The stage, if it lost its approvals, and why.
    """
    standing = [each for each in approvals.standing(tx, task.case_id) if each.stage_id == task.stage_id]
    if all(each.approved_at >= since for each in standing):
        return {}
    lapse(tx, standing[0], f"{reason} since it was approved", now, task=task)
    return {task.stage_id: reason}


def lapse(
    tx: Connection,
    approval: Approval,
    reason: str,
    now: datetime,
    *,
    actor: str = journal.BRIDGE,
    event: str = "approval lapsed",
    task: Task | None = None,
) -> None:
    """End all approvals of the stage that one is of, and say why in the history."""
    ended = approvals.lapse(tx, approval.stage_id, reason, now)
    journal.record(
        tx,
        event,
        now,
        reason=reason,
        actor=actor,
        case_id=approval.case_id,
        task=task,
        details={"stage": approval.stage_id, "approvals": ended, "digest": approval.digest},
    )


def note_left(tx: Connection, task: Task, decisive: Decisive, now: datetime) -> None:
    """Let the approvals of a case expect an account as the bridge itself has just left it."""
    for approval in approvals.standing(tx, task.case_id):
        if approval.covers(task.account_id):
            approvals.note_left(tx, approval.with_left(task.account_id, decisive, now))
