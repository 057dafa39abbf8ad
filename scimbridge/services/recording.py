"""Recording: the transaction in which an attempt ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from scimbridge import telemetry
from scimbridge.domain.action import Action
from scimbridge.domain.approval import Decisive
from scimbridge.domain.case import CaseState
from scimbridge.domain.duration import format_duration
from scimbridge.domain.retry import GIVE_UP_AFTER, backoff
from scimbridge.domain.seal import digest_of_document
from scimbridge.domain.task import CHOOSE, Task, TaskState
from scimbridge.domain.times import moment
from scimbridge.sdk.config import Mode
from scimbridge.sdk.errors import (
    AccountNotFoundError,
    AmbiguousAccountError,
    ConnectorError,
    LeaseLostError,
    ObservingError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Done, InProgress, NeedsPerson
from scimbridge.services import keeping, lapsing, settling
from scimbridge.services.aftermath import keep_account, not_given_back
from scimbridge.services.alarming import Alarms
from scimbridge.services.claiming import Claim
from scimbridge.services.eligibility import Consequence, Obstacle, ObstacleError
from scimbridge.store import accounts, attempts, carried_out, cases, erasure, journal, snapshots, stages, targets, tasks
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt came out.

    Attributes:
        outcome: What the connector returned or raised, or what stood in the way.
        before: The account before the attempt changed anything, if it got that far.
        after: The account as it was read back; ``None`` where it is gone or was not read.
        decisive: What approvals are given for, as the connector sees it in ``after``.
        window: For how long the target keeps what was removed.
        verified: Whether reading the account tells that it was done.
    """

    outcome: Done | InProgress | NeedsPerson | ConnectorError | ObstacleError
    before: NativeState | None = None
    after: NativeState | None = None
    decisive: Decisive | None = None
    window: timedelta | None = None
    verified: bool = True

    def kept_until(self, now: datetime) -> datetime | None:
        """Return until when what was removed just now can be brought back, where the target keeps it."""
        return now + self.window if self.window is not None else None


CalledOff = Callable[[Connection, Task, datetime], None]


class Recording:
    """Stores how attempts end, and what follows for task, stage and case.

    Args:
        database: The store.
        alarm: Told once when a target is paused: its name and why.
        alarms: Notes it for operators, in the same transaction.
        called_off: Told in that transaction that a task's reason is gone for all that is planned at its target.
    """

    def __init__(
        self, database: Database, alarm: Callable[[str, str], None], alarms: Alarms, called_off: CalledOff
    ) -> None:
        self._database = database
        self._alarm = alarm
        self._alarms = alarms
        self._called_off = called_off

    def record(self, claim: Claim, result: Result, now: datetime) -> Task:
        """End an attempt and return its task as it is then."""
        with self._database.write() as tx:
            cases.lock_identity(tx, claim.task.identity_id)
            task = tasks.task_by_id(tx, claim.task.id, lock=True)
            if not attempts.is_live(tx, claim.attempt.id) or task.state is not TaskState.RUNNING:
                return _record_late(tx, claim, task, result, now)
            case = cases.case_by_id(tx, task.case_id)
            ended = _after_attempt(
                task,
                claim,
                result,
                now,
                case_is_open=case.state is CaseState.OPEN,
                patience=_patience(tx, task, result),
            )
            if ended.state is TaskState.DONE and attempts.has_outdated_read(tx, claim.attempt.id):
                ended = task.lapse(f"{LATE}; looking again")
            _store_end(tx, claim, task, ended, result, now)
            if case.state is CaseState.OPEN and _calls_off(result):
                self._called_off(tx, ended, now)
            paused = isinstance(result.outcome, TargetUnusableError) and targets.pause(
                tx, task.target, reason=str(result.outcome), by=journal.BRIDGE, now=now
            )
            if paused:
                self._alarms.target_paused(tx, task.target, str(result.outcome), now)
            settling.settle(tx, task.case_id, now)
        if ended.state is TaskState.DONE and ended.action.is_revoking:
            telemetry.TIME_TO_REVOKE.labels(task.target, task.action).observe((now - case.trigger_at).total_seconds())
        if paused:
            self._alarm(task.target, str(result.outcome))
        return ended


OBSERVED = "observe mode"
"""How the reason of a task begins that was not done because its target only observes."""

LATE = "an attempt came back after its lease had run out"

LATE_FOR_NOBODY = f"{LATE}; the person was erased meanwhile, so that the account cannot be looked at again"


def _calls_off(result: Result) -> bool:
    outcome = result.outcome
    return isinstance(outcome, ObstacleError) and outcome.obstacle.consequence is Consequence.CALL_OFF


def _patience(tx: Connection, task: Task, result: Result) -> timedelta:
    """Return how long a task is tried, from its first attempt on."""
    if not isinstance(result.outcome, RetryableError):
        return GIVE_UP_AFTER
    return stages.terms_of_task(tx, task).deadline or GIVE_UP_AFTER


def _after_attempt(
    task: Task, claim: Claim, result: Result, now: datetime, *, case_is_open: bool, patience: timedelta
) -> Task:
    """Return the task after its attempt. In a canceled case nothing is tried again."""
    after = _after_outcome(task, claim, result, now, patience)
    if case_is_open or after.is_finished:
        return after
    return task.abandon(f"its case was canceled; the attempt ended with: {after.reason}")


def _after_outcome(task: Task, claim: Claim, result: Result, now: datetime, patience: timedelta) -> Task:
    match result.outcome:
        case Done() as done:
            return task.finish(
                _how_done(task, done, result) + _what_is_kept(result, now) + _what_is_lost(task, done, result)
            )
        case InProgress(handle=handle, check_after=check_after, progress=progress):
            how_far = f": {progress}" if progress else ""
            return task.check_later(handle, now + check_after, f"the target is working on it{how_far}")
        case NeedsPerson(instructions=instructions):
            return task.ask(instructions)
        case ObstacleError(obstacle=obstacle):
            return _after_obstacle(task, obstacle)
        case AccountNotFoundError():
            return _after_not_found(task, known=claim.account.native_id is not None or result.before is not None)
        case AmbiguousAccountError() as error:
            return task.ask(f"{error}; {CHOOSE}")
        case ObservingError():
            return task.skip(_why_observed(claim))
        case LeaseLostError() | TargetUnusableError() as error:
            return task.give_back(str(error))
        case RetryableError() as error:
            return _after_retryable(task, error, now, patience)
        case error:
            return task.fail(str(error))


def _what_is_lost(task: Task, done: Done, result: Result) -> str:
    lost = not_given_back(task.action, done, result.after)
    return f"; not given back: {'; '.join(lost)}" if lost else ""


def _what_is_kept(result: Result, now: datetime) -> str:
    until = result.kept_until(now)
    return f"; it can be brought back until {moment(until)}" if until is not None else ""


def _how_done(task: Task, done: Done, result: Result) -> str:
    if task.action is Action.NOTIFY:
        return str(done.after["said"])
    if done.changed and not result.verified:
        return "done, as the target says; nothing tells whether it had an effect"
    return "done, and read back" if done.changed else "was already so; nothing was written"


def _after_obstacle(task: Task, obstacle: Obstacle) -> Task:
    match obstacle.consequence:
        case Consequence.CANCEL | Consequence.CALL_OFF:
            return task.abandon(obstacle.reason)
        case Consequence.SKIP:
            return task.skip(obstacle.reason)
        case Consequence.HOLD:
            return task.give_back(obstacle.reason)
        case Consequence.ASK:
            return task.ask(obstacle.reason)
        case Consequence.POSTPONE:
            return task.postpone(obstacle.reason, obstacle.until)


def _why_observed(claim: Claim) -> str:
    if claim.follows_observed:
        return f"{OBSERVED}: would {claim.task.action}; what comes before it was only observed, too"
    if claim.mode is Mode.OBSERVE:
        return f"{OBSERVED}: would {claim.task.action}"
    # Between two requests of one action; what the first has done stays done.
    return f"{OBSERVED}: the time that {claim.task.target} was armed for ended during the attempt"


def _after_not_found(task: Task, *, known: bool) -> Task:
    if task.action.gives_back:
        return task.ask(f"the {_thing(task)} is gone from the target; the bridge cannot give it back")
    return task.finish(f"the {_thing(task)} is gone") if known else task.skip("no account there")


def _thing(task: Task) -> str:
    return "group" if task.action.is_of_groups else "account"


def _after_retryable(task: Task, error: RetryableError, now: datetime, patience: timedelta) -> Task:
    give_up_at = (task.first_tried_at or now) + patience
    if now >= give_up_at:
        return task.fail(f"gave up after {format_duration(patience)}: {error}")
    # The last try is when retrying ends, unless the target has asked for more time.
    again_at = min(now + backoff(task.attempts), give_up_at)
    return task.back_off(max(again_at, now + (error.retry_after or timedelta())), str(error))


def _store_end(tx: Connection, claim: Claim, task: Task, ended: Task, result: Result, now: datetime) -> None:
    changed = result.outcome.changed if isinstance(result.outcome, Done) else None
    was_observed = isinstance(result.outcome, ObservingError)
    evidence = _evidence(task.action, result, now) if ended.state is TaskState.DONE or was_observed else None
    attempts.end(tx, claim.attempt.id, outcome=ended.state, reason=ended.reason, now=now)
    tasks.save(
        tx,
        task,
        ended,
        changed=changed,
        evidence=evidence,
        finished_at=now if ended.is_finished else None,
    )
    if ended.state is TaskState.DONE and result.decisive is not None:
        lapsing.note_left(tx, task, result.decisive, now)
    if isinstance(result.outcome, AmbiguousAccountError):
        accounts.note_look_up(tx, task.account_id, note="ambiguous", candidates=result.outcome.candidates)
    if task.action.gives_back and isinstance(result.outcome, AccountNotFoundError):
        settling.skip_others_on(tx, ended, f"the {_thing(task)} is gone from the target", now)
    if isinstance(result.outcome, Done) and result.before is not None:
        keep_account(tx, ended, result.outcome, result.before, result.after, now)
    journal.record(
        tx,
        EVENTS[ended.state] if not ended.needs_person else "needs a person",
        now,
        reason=ended.reason,
        task=ended,
        details={
            "action": ended.action,
            "attempt": claim.attempt.id,
            "attempts": ended.attempts,
            "changed": changed,
            # The history is sealed, and so is the evidence with it.
            **({"evidence": digest_of_document(evidence)} if evidence is not None else {}),
        },
    )


EVENTS = {
    TaskState.PLANNED: "task postponed",
    TaskState.READY: "task ready again",
    TaskState.RUNNING: "task started",
    TaskState.WAITING: "task waits",
    TaskState.DONE: "task done",
    TaskState.SKIPPED: "task skipped",
    TaskState.FAILED: "task failed",
    TaskState.CANCELED: "task canceled",
}
"""What the history calls a task's arrival in a state."""


def _evidence(action: Action, result: Result, now: datetime) -> dict[str, Any]:
    """Return what was true before and after, without personal values."""
    facts: dict[str, Any] = {"before": None, "after": None}
    if isinstance(result.outcome, ObservingError):
        facts["observed"] = True
    if result.before is not None:
        facts["before"] = {"exists": not result.before.deleted, **result.before.evidence}
    if result.after is not None:
        facts["after"] = {"exists": True, **result.after.evidence}
    elif isinstance(result.outcome, AccountNotFoundError) or (result.before is not None and "observed" not in facts):
        facts["after"] = {"exists": False}
    if isinstance(result.outcome, Done):
        if lost := not_given_back(action, result.outcome, result.after):
            facts["not_given_back"] = list(lost)
        facts["target_said"] = dict(result.outcome.after)
        if (until := result.kept_until(now)) is not None:
            facts["kept_until"] = until.isoformat()
    return facts


def _record_late(tx: Connection, claim: Claim, task: Task, result: Result, now: datetime) -> Task:
    """An attempt came back after its lease had lapsed: nobody knows what it changed, and when.

    What was done last on the account is done once more: it reads first, and changes only what is not so.
    """
    is_erased = erasure.was_owned_by_erased(tx, claim.account.id)
    reason = LATE_FOR_NOBODY if is_erased else LATE
    journal.record(tx, "late attempt", now, reason=reason, task=task, details={"attempt": claim.attempt.id})
    if result.before is None or is_erased:
        return task
    attempts.outdate_reads(tx, task.target, result.before.id)
    last = carried_out.last_done_on(tx, claim.account.id, about=claim.task.action)
    if last is not None and cases.reopen_case(tx, cases.case_by_id(tx, last.case_id)):
        tasks.save(tx, last, last.reopen(f"{LATE}; looking again"))
        if last.action.gives_back:
            # Without its snapshot, it would take what the late attempt did for somebody else's work.
            snapshots.reinstate(tx, task.target, result.before.id)
        journal.record(tx, "task reopened", now, reason=LATE, task=last, details={"action": last.action})
    keeping.keep_late(tx, task.target, claim.task.action, result.before)
    return task
