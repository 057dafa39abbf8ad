"""Planning: what a fact leads to, decided in the transaction that stores the fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.capability import Capabilities
from scimbridge.domain.case import Case, CaseKind
from scimbridge.domain.flood import Flood
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import AccountId, TaskId, new_id
from scimbridge.domain.lightweight import lightweight
from scimbridge.domain.outline import NOTICES, Outlines, describe
from scimbridge.domain.plan import PlannedStage, PlannedTask, amend, dated
from scimbridge.domain.rule import Rule, Terms
from scimbridge.domain.rulebook import Edition, Rulebook
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services import settling
from scimbridge.services.grants import ASSIGNED_AGAIN
from scimbridge.services.guarding import Guarding
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import (
    accounts,
    assignments,
    cases,
    facts,
    holds,
    hook_calls,
    identities,
    journal,
    moves,
    returns,
    tasks,
)
from scimbridge.store import stages as stages_store
from scimbridge.store.surroundings import Surroundings, around


@lightweight(frozen=True, slots=True)
class Verdict:
    """What was made of a fact.

    Attributes:
        text: One sentence, for the history and the request's record.
        wakeups: Accounts that have work right away; told to the queue after the commit.
    """

    text: str
    wakeups: Sequence[WakeUp] = ()


NOTHING = Verdict("", ())
"""Nothing has come of it."""


def joined(*verdicts: Verdict) -> Verdict:
    """Return several verdicts as one."""
    said = "; ".join(verdict.text for verdict in verdicts if verdict.text)
    return Verdict(said, [wakeup for verdict in verdicts for wakeup in verdict.wakeups])


class Planner:
    """Turns facts into cases, by the rules and by what the targets can do.

    Args:
        rulebook: Who leaves how, as of now.
        capabilities: What each target can do; anything where nobody can tell.
        guarding: Holds floods.
        timing: When work is let go.
        unusable: Why the connectors of some targets cannot be used.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        capabilities: Capabilities,
        guarding: Guarding,
        timing: Timing = ANY_TIME,
        unusable: Mapping[str, str] = {},  # nothing is ever put into it
    ) -> None:
        self._timing = timing
        self._rulebook = rulebook
        self._capabilities = capabilities
        self._outlines = Outlines(capabilities)
        self._guarding = guarding
        self._unusable = unusable
        self._target_names = tuple(name for name in capabilities if name != NOTICES)

    @property
    def capabilities(self) -> Capabilities:
        """What each configured target can do."""
        return self._capabilities

    @property
    def target_names(self) -> Iterable[str]:
        """The configured targets, at which people have accounts."""
        return self._target_names

    def take(self, tx: Connection, fact: Fact, identity: Identity, *, rule: Rule | None = None) -> Verdict:
        """Open or amend the identity's case, or say why not. The caller holds the identity's lock.

        Args:
            tx: The transaction that stores the fact.
            fact: What has happened.
            identity: Whom it is about, as they are now.
            rule: The rule by which it is a fact, where that is known; else the first that matches.
        """
        found = around(tx, identity.id, fact.at)
        identity = identities.remembering(identity, found.left)
        open_case = found.open_case
        edition = self._rulebook.edition
        rule = rule or edition.rules.first_match(fact.trigger, identity)
        if rule is None:
            return self._leave_alone(tx, fact, open_case, "no rule matches", "fact without rule")
        exclusions = holds.standing_exclusions(tx) if found.has_exclusions else ()
        why = edition.rules.why_excluded(identity, rule, fact.at, exclusions)
        if why is not None:
            return self._leave_alone(tx, fact, open_case, f"excluded: {why}", "excluded")
        if fact.trigger.is_narrow or (open_case is not None and open_case.is_narrow):
            open_case = _end_return(tx, fact, open_case)
        _note_loss(tx, fact, rule)
        if open_case is not None and settling.stop_restoring(tx, open_case, fact):
            open_case = None
        if open_case is None:
            return self._open(tx, fact, identity, rule, edition, found)
        return self._amend(tx, fact, open_case, rule, edition, found)

    def leave_alone(self, tx: Connection, fact: Fact, why: str) -> Verdict:
        """Record a fact that starts nothing, with the reason."""
        return self._leave_alone(tx, fact, None, why, "fact without case")

    def _leave_alone(self, tx: Connection, fact: Fact, case: Case | None, verdict: str, event: str) -> Verdict:
        case_id = case.id if case else None
        facts.record(tx, fact, case_id, verdict)
        journal.record(
            tx,
            event,
            fact.at,
            reason=verdict,
            actor=fact.by,
            identity_id=fact.identity_id,
            case_id=case_id,
        )
        return Verdict(f"{fact.trigger}: {verdict}")

    def _open(
        self, tx: Connection, fact: Fact, identity: Identity, rule: Rule, edition: Edition, found: Surroundings
    ) -> Verdict:
        outline = self._outlines.of(rule, fact)
        case = cases.insert_case(
            tx,
            identity_id=identity.id,
            source=identity.source,
            kind=CaseKind.LEAVE,
            rule=rule.name,
            trigger=fact.trigger,
            trigger_at=fact.at,
            now=fact.at,
            rule_version=rule.version,
            opened_by=fact.actor,
            ruleset=edition.number,
            fact=fact if facts.is_kept_in_case(fact) else None,
        )
        journal.record(
            tx,
            "case opened",
            fact.at,
            reason=f"{fact}; rule {rule.name!r}: {outline.said}",
            actor=fact.by,
            identity_id=identity.id,
            case_id=case.id,
            personal={"user_name": identity.user_name},
        )
        floods = self._guarding.admit(tx, case, outline.counted, fact.at)
        is_asked = not outline.is_empty and _have_asked(tx, case, rule, fact.at, is_addition=False)
        is_doubted = _doubt(tx, case, edition, fact.at)
        verdict = f"case opened by rule {rule.name!r}: {outline.said}{_held_by(floods)}"
        if not facts.is_kept_in_case(fact):
            facts.record(tx, fact, case.id, verdict)
        may_be_held = found.has_holds or bool(floods) or is_asked or is_doubted
        stages = dated(outline, fact.at)
        wakeups = self._insert_stages(tx, case, stages, fact.at, found, may_be_held=may_be_held)
        if outline.is_empty:
            settling.complete(tx, case, [], fact.at)
        return Verdict(verdict, wakeups)

    def _amend(
        self, tx: Connection, fact: Fact, case: Case, rule: Rule, edition: Edition, found: Surroundings
    ) -> Verdict:
        outline = self._outlines.of(rule, fact)
        stages = dated(outline, fact.at)
        amendment = amend(tasks.tasks_of_case(tx, case.id, lock=True), stages)
        for change in amendment.earlier:
            tasks.move_due_date(tx, change.task.id, change.due_at)
            stages_store.tighten(tx, change.task, after=change.after, approvers=change.approvers)
        if not fact.trigger.is_narrow and case.is_narrow:
            cases.widen(tx, case.id, fact.trigger, rule.name)
        elif fact.trigger is Trigger.REQUESTED and case.trigger is Trigger.ENDED:
            # The request stands by itself: a later end date does not call it off.
            cases.widen(tx, case.id, fact.trigger, case.rule)
        if fact.actor is not None and case.opened_by is None:
            cases.name_requester(tx, case.id, fact.actor)
        verdict = f"recorded on the open case {case.id}"
        if amendment.stages:
            verdict += f"; added {describe(amendment.stages)}"
        if amendment.earlier:
            verdict += f"; {len(amendment.earlier)} tasks are due earlier"
        journal.record(
            tx,
            "fact recorded",
            fact.at,
            reason=f"{fact}; {verdict}",
            actor=fact.by,
            identity_id=case.identity_id,
            case_id=case.id,
        )
        floods = self._guarding.admit(tx, case, amendment.guarded, fact.at)
        verdict += _held_by(floods)
        facts.record(tx, fact, case.id, verdict)
        is_asked = bool(amendment) and not outline.is_empty and _have_asked(tx, case, rule, fact.at, is_addition=True)
        is_doubted = bool(amendment) and _doubt(tx, case, edition, fact.at)
        may_be_held = found.has_holds or bool(floods) or is_asked or is_doubted
        return Verdict(
            verdict, self._insert_stages(tx, case, amendment.stages, fact.at, found, may_be_held=may_be_held)
        )

    def _insert_stages(
        self,
        tx: Connection,
        case: Case,
        stages: Iterable[PlannedStage],
        now: datetime,
        found: Surroundings,
        *,
        may_be_held: bool,
    ) -> list[WakeUp]:
        owned = {target: account.id for target, account in found.owned.items()}
        new_targets = {task.target for stage in stages for task in stage.tasks if task.target not in owned}
        if new_targets:
            owned |= accounts.insert_accounts(tx, case.identity_id, sorted(new_targets), now)
        standing = holds.standing_on(tx, case) if may_be_held else ()
        new = []
        for stage in stages:
            if stage.tasks:
                stage_id = stages_store.insert_stage(tx, case.id, stage, now)
                new += [
                    _task(case, stage_id, stage.terms, planned, owned[planned.target], standing, self._timing, now)
                    for planned in stage.tasks
                ]
        tasks.insert_tasks(tx, new)
        for target in sorted({task.target for task in new} & self._unusable.keys()) if self._unusable else ():
            reason = f"{target} cannot be used, and what it can do is not known; {self._unusable[target]}"
            journal.record(
                tx, journal.UNSEEN, now, reason=reason, case_id=case.id, identity_id=case.identity_id, target=target
            )
        return [WakeUp(task.target, task.account_id) for task in new if task.state is TaskState.READY]


def _have_asked(tx: Connection, case: Case, rule: Rule, now: datetime, *, is_addition: bool) -> bool:
    """Hold a case until the rule's hook has answered, where there is one."""
    if rule.hook is None:
        return False
    hook_calls.ask(tx, case, rule.hook, now, is_addition=is_addition)
    return True


def _doubt(tx: Connection, case: Case, edition: Edition, now: datetime) -> bool:
    """Hold a case that was planned by rules that are no longer those in force; a person looks at it."""
    if not edition.behind:
        return False
    hold = holds.place(tx, Scope.CASE, case.id, reason=edition.behind, by=journal.BRIDGE, now=now)
    details = {"hold": hold.id}
    journal.record(
        tx, "hold placed", now, reason=edition.behind, case_id=case.id, identity_id=case.identity_id, details=details
    )
    return True


def _end_return(tx: Connection, fact: Fact, open_case: Case | None) -> Case | None:
    """Call off what is planned from before somebody's return, as far as nobody has yet. Returns their open case then.

    The fact counts from today: it must not find the dates of a case that they came back from.
    """
    back = returns.assigned_to(tx, fact.identity_id)
    if not back:
        return open_case
    returns.end_assigned(tx, fact.identity_id, filter(fact.concerns, back))
    if open_case is None or not open_case.is_narrow:
        return open_case
    settling.stop_revoking(tx, open_case, back, ASSIGNED_AGAIN, fact.at)
    return cases.open_case_of(tx, [fact.identity_id])


def _note_loss(tx: Connection, fact: Fact, rule: Rule) -> None:
    """Keep which targets somebody lost who may be active: whether that still holds is asked before each task."""
    match fact.trigger:
        case Trigger.UNASSIGNED:
            assignments.unassign(tx, fact.identity_id, fact.targets or (), fact.at)
        case Trigger.CHANGED:
            moves.note(tx, fact.identity_id, fact.targets or (), rule, fact.at)
        case _:
            pass


def _task(
    case: Case,
    stage_id: str,
    terms: Terms,
    planned: PlannedTask,
    account_id: AccountId,
    standing: Sequence[Hold],
    timing: Timing,
    now: datetime,
) -> Task:
    """Return a new task; one without grace, that nothing holds, is released at once."""
    held = bool(standing) and any(hold.stops_work_at(planned.target) for hold in standing)
    is_free = not (terms.approvers or terms.schedule or planned.action.is_irreversible)
    at_once = planned.due_at <= now and not held and is_free
    return Task(
        id=TaskId(new_id(now)),
        case_id=case.id,
        stage_id=stage_id,
        identity_id=case.identity_id,
        account_id=account_id,
        target=planned.target,
        action=planned.action,
        state=TaskState.READY if at_once else TaskState.PLANNED,
        due_at=planned.due_at,
        position=planned.position,
        reason="due at once" if at_once else "",
        deadline_at=timing.deadline_at(planned.action, terms, planned.due_at),
    )


def _held_by(floods: Sequence[Flood]) -> str:
    return "".join(f"; held by the guard, flood {flood.id}: {flood.reason}" for flood in floods)
