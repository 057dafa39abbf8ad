"""Approving: an operator says yes to what a stage will do to accounts as they are now, or takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.approval import ASKS, BOTH, Approval, Plan, Subject, digest, may_be_same_person, same_operator
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import new_id
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import ApprovalRefusedError, CaseClosedError
from scimbridge.sdk.errors import AccountNotFoundError, ConnectorError
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.state import Person
from scimbridge.services import lapsing
from scimbridge.services.fleet import Fleet
from scimbridge.services.intake import Submit
from scimbridge.services.stage import CaseStage, approved_stage, stages_of, waiting_stage
from scimbridge.store import accounts, approvals, attempts, cases, identities, journal, tasks
from scimbridge.store.accounts import Account
from scimbridge.store.attempts import Attempt
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAccount:
    """An account of a stage as it was read just now.

    Attributes:
        state: ``None`` where there is no account, or where the bridge itself acts.
        subject: What an approval says about it.
    """

    target: str
    state: NativeState | None
    tasks: tuple[Task, ...]
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an operator is asked to say yes to."""

    case: Case
    identity: Identity
    stage: CaseStage
    seen: tuple[SeenAccount, ...]
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What came of an approval.

    Attributes:
        given: How many operators' approvals stand now.
        wanted: How many have to.
        lapsed: Why earlier approvals of the stage ended with this one; empty where none did.
        retried: Tasks that waited for it and are tried again.
    """

    approval: Approval
    given: int
    wanted: int
    lapsed: str
    retried: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What came of taking approvals back.

    Attributes:
        too_late_for: Attempts whose request may already have left.
    """

    stage: CaseStage
    too_late_for: tuple[Attempt, ...]


class Approving:
    """Reads accounts, never writes to them."""

    def __init__(self, database: Database, fleet: Fleet, rulebook: Rulebook, submit: Submit) -> None:
        self._database = database
        self._fleet = fleet
        self._rulebook = rulebook
        self._submit = submit

    def stages(self, case_id: str) -> list[CaseStage]:
        """Return the stages of a case, in order.

        Raises:
            NotFoundError: There is no such case.
        """
        with self._database.read() as tx:
            return stages_of(tx, cases.case_by_id(tx, case_id).id)

    def propose(self, case_id: str, number: int | None, now: datetime) -> Proposal:
        """Read the accounts of a stage, and return what it will do to them.

        Args:
            case_id: The case.
            number: The stage, from 1; the first one that waits for an approval where absent.
            now: When (UTC).

        Raises:
            NotFoundError: There is no such case or stage, or the configuration has its target no more.
            CaseClosedError: The case has ended.
            ApprovalRefusedError: Nothing in it needs an approval, or an account cannot be read.
        """
        with self._database.read() as tx:
            case = cases.case_by_id(tx, case_id)
            if case.state is not CaseState.OPEN:
                raise CaseClosedError(case_id)
            stage = waiting_stage(case_id, stages_of(tx, case_id), number)
            identity = identities.identity_by_id(tx, case.identity_id, now)
            owned = [(accounts.account_by_id(tx, key), own) for key, own in _by_account(stage)]
        seen = tuple(self._look(identity, account, own) for account, own in owned)
        is_protected = any(each.state and each.state.protection for each in seen)
        if not (stage.terms.approvers or is_protected or stage.asks):
            raise ApprovalRefusedError(f"stage {stage.number} of case {case_id} needs no approval: it asks for none")
        plan = Plan(
            stage_id=stage.id,
            identity_id=case.identity_id,
            rule=case.rule,
            rule_version=lapsing.rule_version(self._rulebook.rules, case),
            parameters=lapsing.parameters(stage.terms, identity),
            subjects=tuple(each.subject for each in seen),
        )
        return Proposal(case=case, identity=identity, stage=stage, seen=seen, plan=plan)

    def approve(self, proposal: Proposal, *, by: str, now: datetime) -> Approved:
        """Store an operator's approval of exactly what was proposed. What waited for it goes on.

        Raises:
            CaseClosedError: The case has ended.
            ApprovalRefusedError: This operator has approved the stage already, or may not.
        """
        case_id = proposal.case.id
        document = proposal.plan.document()
        approval = Approval(
            id=new_id(now),
            case_id=case_id,
            stage_id=proposal.stage.id,
            approved_by=by,
            approved_at=now,
            digest=digest(document),
            document=document,
            expected={},
        )
        with self._database.write() as tx:
            cases.lock_identity(tx, proposal.case.identity_id)
            case = cases.case_by_id(tx, case_id)
            if case.state is not CaseState.OPEN:
                raise CaseClosedError(case_id)
            stage = next(each for each in stages_of(tx, case_id) if each.id == approval.stage_id)
            _require_allowed(case, stage, by)
            lapsed = _lapse_outdated(tx, stage, proposal, now)
            _require_new(tx, stage, by)
            approvals.insert_approval(tx, approval)
            given = len(_standing(tx, stage))
            _record(tx, case, stage, approval, given, now)
            retried = _retry_protected(tx, stage, by, now) if given >= stage.terms.approvers else ()
        self._submit([WakeUp(task.target, task.account_id) for task in retried])
        return Approved(
            approval=approval, given=given, wanted=max(1, stage.terms.approvers), lapsed=lapsed, retried=retried
        )

    def withdraw(self, case_id: str, number: int | None, *, reason: str, by: str, now: datetime) -> Withdrawn:
        """Take the approvals of a stage back, whoever gave them; what was released for them waits again.

        Raises:
            NotFoundError: There is no such case or stage.
            CaseClosedError: The case has ended.
            ApprovalRefusedError: No approval of it stands.
        """
        with self._database.write() as tx:
            case = cases.case_by_id(tx, case_id)
            cases.lock_identity(tx, case.identity_id)
            if cases.case_by_id(tx, case_id).state is not CaseState.OPEN:
                raise CaseClosedError(case_id)
            stage = approved_stage(case_id, stages_of(tx, case_id), number)
            lapsing.lapse(tx, _standing(tx, stage)[0], reason, now, actor=by, event="approval withdrawn")
            late = [each for each in attempts.live_past_the_line(tx) if each.task_id in {t.id for t in stage.tasks}]
            if stage.terms.approvers:
                _postpone(tx, stage, f"{by} has withdrawn the approval of its stage", by, now)
        return Withdrawn(stage=stage, too_late_for=tuple(late))

    def _look(self, identity: Identity, account: Account, own: tuple[Task, ...]) -> SeenAccount:
        native_id, state = account.native_id, None
        if account.target != NOTICES:
            native_id, state = self._read(identity, account, own[0].action)
        decisive = self._fleet.connector(account.target).decisive(state) if state is not None else None
        subject = Subject(
            account_id=account.id,
            target=account.target,
            native_id=native_id,
            actions=tuple(task.action for task in own),
            decisive=decisive,
        )
        return SeenAccount(target=account.target, state=state, tasks=own, subject=subject)

    def _read(self, identity: Identity, account: Account, action: Action) -> tuple[str | None, NativeState | None]:
        """Return the immutable id and the state of what an action is about; ``None`` for what is not there."""
        native_id = account.native_id
        try:
            connector = self._fleet.connector(self._fleet[account.target].name)
            if native_id is None:
                ref = connector.find(Person(identities.match_values(identity)))
                native_id = ref.id if ref is not None else None
            return native_id, connector.read_for(action, native_id) if native_id is not None else None
        except AccountNotFoundError:
            return native_id, None
        except ConnectorError as error:
            what = "group" if identity.is_group else "account"
            raise ApprovalRefusedError(
                f"the {what} at {account.target} cannot be read: {error}. Approve once it can be."
            ) from error


def _by_account(stage: CaseStage) -> list[tuple[str, tuple[Task, ...]]]:
    """Return the ids of a stage's accounts, each with its tasks, in the order of the targets' names."""
    keys = sorted({(task.target, task.account_id) for task in stage.tasks})
    return [(key, tuple(task for task in stage.tasks if task.account_id == key)) for _, key in keys]


def _require_allowed(case: Case, stage: CaseStage, by: str) -> None:
    if stage.terms.approvers >= BOTH and case.opened_by is not None and same_operator(case.opened_by, by):
        raise ApprovalRefusedError(
            f"{by} has asked for this case, and stage {stage.number} needs two others; let somebody else approve it"
        )


def _require_new(tx: Connection, stage: CaseStage, by: str) -> None:
    standing = _standing(tx, stage)
    if any(each.is_by(by) for each in standing):
        left = stage.terms.approvers - len(standing)
        more = f"; it takes {left} more operator" if left > 0 else ""
        raise ApprovalRefusedError(f"{by} has approved stage {stage.number} already{more}")
    other = next((each.approved_by for each in standing if may_be_same_person(each.approved_by, by)), None)
    if other is not None:
        raise ApprovalRefusedError(
            f"{other} and {by} may be one person, because only one of them signs in by the identity provider; "
            f"let somebody approve stage {stage.number} who signs in the way {other} does"
        )


def _standing(tx: Connection, stage: CaseStage) -> list[Approval]:
    return [each for each in approvals.standing(tx, stage.tasks[0].case_id) if each.stage_id == stage.id]


def _lapse_outdated(tx: Connection, stage: CaseStage, proposal: Proposal, now: datetime) -> str:
    """End earlier approvals that were given for something else than what is approved now. Returns why."""
    for approval in _standing(tx, stage):
        for subject in proposal.plan.subjects:
            drift = approval.drift(
                subject.account_id,
                native_id=subject.native_id,
                decisive=subject.decisive,
                rule_version=proposal.plan.rule_version,
                parameters=proposal.plan.parameters,
                begun=approvals.begun(tx, subject.account_id, approval.looked_at(subject.account_id)),
            )
            if drift is not None:
                lapsing.lapse(tx, approval, f"{drift} since {approval.approved_by} approved it", now)
                return drift
    return ""


def _record(tx: Connection, case: Case, stage: CaseStage, approval: Approval, given: int, now: datetime) -> None:
    journal.record(
        tx,
        "stage approved",
        now,
        reason=f"stage {stage.number}, {given} of {max(1, stage.terms.approvers)}",
        actor=approval.approved_by,
        identity_id=case.identity_id,
        case_id=case.id,
        details={"stage": stage.id, "digest": approval.digest},
    )


def _retry_protected(tx: Connection, stage: CaseStage, by: str, now: datetime) -> tuple[Task, ...]:
    """Try again what waited for a look at what there is."""
    retried = []
    for task in tasks.tasks_of_case(tx, stage.tasks[0].case_id, lock=True):
        if task.stage_id == stage.id and task.needs_person and task.reason.startswith(ASKS):
            again = task.retry(f"approved by {by}")
            tasks.save(tx, task, again)
            journal.record(
                tx, "task retried", now, reason=again.reason, actor=by, task=task, details={"action": task.action}
            )
            retried.append(again)
    return tuple(retried)


def _postpone(tx: Connection, stage: CaseStage, reason: str, by: str, now: datetime) -> None:
    """Take back the release of what has not begun."""
    for task in tasks.tasks_of_case(tx, stage.tasks[0].case_id, lock=True):
        is_released = task.state is TaskState.READY or (task.state is TaskState.WAITING and not task.needs_person)
        if task.stage_id == stage.id and is_released:
            tasks.save(tx, task, task.postpone(reason))
            journal.record(
                tx, "task postponed", now, reason=reason, actor=by, task=task, details={"action": task.action}
            )
