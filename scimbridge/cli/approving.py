"""``scimbridge cases approve`` and ``unapprove``: an operator's word for what a stage will do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scimbridge.cli.asking import confirm
from scimbridge.cli.cases import CaseArgument
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import note, say, say_json
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.identity import target_of
from scimbridge.domain.times import iso

if TYPE_CHECKING:
    from datetime import datetime

    from scimbridge.sdk.native import NativeState
    from scimbridge.services.approving import Approved, Proposal, SeenAccount

StageNumber = Annotated[
    int | None, typer.Option("--stage", min=1, help="Which stage, as `scimbridge cases show` counts them.")
]


def approve(
    case_id: CaseArgument,
    stage: StageNumber = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Approve what a stage will do to accounts as they are now.

    It reads the accounts, shows what will be done and what cannot be undone, and asks. Without --stage, it takes the
    first stage that waits for an approval. The approval lapses when an account or the rule changes.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        proposal = bridge.approving.propose(case_id, stage, now)
        note(*_proposed(proposal, now))
        confirm("Approve exactly this?", yes=yes)
        approved = bridge.approving.approve(proposal, by=operator(by), now=bridge.clock())
    if as_json:
        say_json(_document(proposal, approved))
    else:
        say(*_came_of(proposal, approved))


def unapprove(
    case_id: CaseArgument,
    reason: Reason,
    stage: StageNumber = None,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Take back the approvals of a stage, whoever gave them.

    What was released because of them and has not begun waits again.
    """
    with opened(config, log_level) as bridge:
        withdrawn = bridge.approving.withdraw(case_id, stage, reason=reason, by=operator(by), now=bridge.clock())
    say(f"Stage {withdrawn.stage.number} of case {case_id} is no longer approved.")
    for attempt in withdrawn.too_late_for:
        say(f"Too late for the attempt at {attempt.target} since {moment(attempt.started_at)}: it may be through.")


def _proposed(proposal: Proposal, now: datetime) -> Iterator[str]:
    stage, identity = proposal.stage, proposal.identity
    when = f"due {moment(stage.due_at)} ({distance(stage.due_at, now)})"
    yield f"Stage {stage.number} of case {proposal.case.id}, {when}:"
    whom = f"{identity.user_name} of source {identity.source}"
    if identity.is_group:
        whom = f"Group {identity.user_name} at {target_of(identity.source)}"
    yield f"{whom}, by rule {proposal.case.rule}."
    for seen in proposal.seen:
        yield from _account(seen)
    given = ", ".join(stage.approved_by) or "nobody yet"
    yield f"Approved by {given}; it takes {max(1, stage.terms.approvers)}."


def _account(seen: SeenAccount) -> Iterator[str]:
    state = seen.state
    what = "group" if any(task.action.is_of_groups for task in seen.tasks) else "account"
    name = f"{what} {state.name} ({state.id})" if state is not None else f"no {what} there now"
    yield f"  {seen.target}: {name}" if seen.subject.native_id or state else f"  {seen.target}:"
    for task in seen.tasks:
        ended = f": {task.state} already" if task.is_finished else ""
        no_return = "" if task.is_finished or not task.action.is_irreversible else " -- cannot be undone"
        yield f"    {task.action}{ended}{no_return}"
    if state is not None:
        yield from (f"    it is {line}" for line in [state.protection] if line)
        yield from (f"    {key}: {_value(value, state)}" for key, value in (seen.subject.decisive or {}).items())


def _value(value: Any, state: NativeState) -> str:
    """Return something decisive as people read it: what it names by its name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "not told"
    if isinstance(value, list | tuple):
        return ", ".join(state.names.get(each, str(each)) for each in value) or "none"
    return str(value) or "no"


def _came_of(proposal: Proposal, approved: Approved) -> Iterator[str]:
    number = proposal.stage.number
    if approved.lapsed:
        yield f"Earlier approvals have lapsed: {approved.lapsed}."
    yield f"Stage {number} is approved by {approved.approval.approved_by} ({approved.given} of {approved.wanted})."
    if approved.given < approved.wanted:
        yield "It takes another operator before anything happens."
    for task in approved.retried:
        yield f"{task.action} at {task.target} is tried again."


def _document(proposal: Proposal, approved: Approved) -> dict[str, Any]:
    return {
        "case_id": proposal.case.id,
        "stage": proposal.stage.number,
        "digest": approved.approval.digest,
        "approved_by": approved.approval.approved_by,
        "approved_at": iso(approved.approval.approved_at),
        "given": approved.given,
        "wanted": approved.wanted,
        "lapsed": approved.lapsed or None,
        "plan": approved.approval.document,
        "retried": [task.id for task in approved.retried],
    }
