"""What one fact would lead to for one identity: every task with its dates, and what would keep it from being done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities, Capabilities, kept_for
from scimbridge.domain.case import Case
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.hold import Hold, Scope
from scimbridge.domain.identity import Identity
from scimbridge.domain.outline import left_out
from scimbridge.domain.plan import PlannedStage, PlannedTask, amend, guarded, plan_fact
from scimbridge.domain.rule import Rule, Ruleset, Terms
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.services.fleet import Fleet
from scimbridge.services.rehearsal.tally import GuardAnswer, GuardTally
from scimbridge.store import accounts, cases, holds, tasks
from scimbridge.store.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedTask:
    """One action at one target.

    Attributes:
        account: What the account is called there; ``None`` where it was not linked yet.
        after: Its grace.
        due_at: The end of its grace.
        released_at: When it would be let go: later where a schedule or a freeze says so.
        frozen: A freeze is why.
        because_of: The action that it was put before, where the rule does not name it.
        takes_snapshot: The account's state would be kept right before it, for undo.
        observed: The target would only be read.
        spared: Why nothing would be done here, if so.
        contested: Another active identity owns the account: a person would be asked.
        window: For how long the target would keep what is removed.
        verified: Whether it could be read back; where not, the target would be taken at its word.
    """

    target: str
    action: Action
    account: str | None
    after: timedelta
    due_at: datetime
    released_at: datetime
    frozen: bool
    because_of: Action | None
    takes_snapshot: bool
    observed: bool
    spared: str | None
    contested: bool
    window: timedelta | None
    verified: bool

    @property
    def kept_until(self) -> datetime | None:
        """Until when what is removed could be brought back, where the target would keep it."""
        return self.released_at + self.window if self.window is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedStage:
    """The tasks of one stage of the rule; none where no target can do what it asks for."""

    number: int
    after: timedelta
    due_at: datetime
    terms: Terms
    tasks: tuple[RehearsedTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a fact would lead to for one identity.

    Attributes:
        rule: The rule that would plan the case; ``None`` where none matches.
        hook: Who would be asked first.
        excluded: Why nothing would be touched, if so.
        held: The holds that would stop the work.
        open_case: The case that the fact would be recorded on; ``stages`` are then what it would add.
        earlier: How many of that case's tasks would be due earlier.
        left_out: What the rule asks for that some of the targets cannot do, with those targets.
        guard: What the guard would say, in the order of those who leave.
        unusable: Why targets that it has tasks at cannot be used.
    """

    identity: Identity
    trigger: Trigger
    rule: str | None
    hook: str | None
    excluded: str | None
    held: tuple[Hold, ...]
    open_case: Case | None
    earlier: int
    stages: tuple[RehearsedStage, ...]
    left_out: Mapping[Action, Sequence[str]]
    guard: tuple[GuardAnswer, ...]
    unusable: Mapping[str, str] = field(default_factory=dict)

    @property
    def acts(self) -> bool:
        """Whether anything would be done, now or later."""
        return any(stage.tasks for stage in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is the same for everybody of one rehearsal, read once.

    Attributes:
        observing: Targets that are configured to observe, and not armed.
        holds: Those that stand, on cases excepted.
        exclusions: Made at run time.
    """

    fleet: Fleet
    rules: Ruleset
    freezes: tuple[Freeze, ...]
    observing: frozenset[str]
    holds: Sequence[Hold]
    exclusions: Sequence[Exclusion]
    now: datetime


def first_match(rules: Ruleset, trigger: Trigger, identity: Identity) -> Rule | None:
    """Return the rule that would plan; for a mover, one whose ``now`` they match already."""
    if trigger is not Trigger.CHANGED:
        return rules.first_match(trigger, identity)
    found = (rule for rule in rules.rules if rule.applies_to(trigger, identity))
    return next((rule for rule in found if rule.now is None or rule.now.matches(identity)), None)


def forecast(
    tx: Connection, identity: Identity, trigger: Trigger, outlook: Outlook, tally: GuardTally, line: int = 0
) -> Rehearsal:
    """Return what a fact would lead to now, and count it for the guard."""
    rule = first_match(outlook.rules, trigger, identity)
    excluded = outlook.rules.why_excluded(identity, rule, outlook.now, outlook.exclusions) if rule else None
    open_case = cases.open_case_of(tx, [identity.id])
    planned: Sequence[PlannedStage] = ()
    earlier = 0
    if rule is not None and excluded is None:
        fact = Fact(
            trigger=trigger,
            identity_id=identity.id,
            source=identity.source,
            at=outlook.now,
            targets=_targets(trigger, outlook),
        )
        planned = plan_fact(rule, fact, outlook.fleet.capabilities)
        if open_case is not None:
            change = amend(tasks.tasks_of_case(tx, open_case.id), planned)
            planned, earlier = change.stages, len(change.earlier)
    stages = _stages(tx, identity, planned, outlook) if planned else ()
    counted = guarded(planned)
    return Rehearsal(
        identity=identity,
        trigger=trigger,
        rule=rule.name if rule else None,
        hook=rule.hook if rule else None,
        excluded=excluded,
        held=tuple(_holds_on(tx, identity, open_case, stages, outlook)),
        open_case=open_case,
        earlier=earlier,
        stages=stages,
        left_out=_left_out(rule, outlook.fleet.capabilities) if rule is not None and excluded is None else {},
        guard=tally.add(identity.id, identity.source, counted, line=line) if counted else (),
        unusable={
            name: why
            for name, why in outlook.fleet.unusable.items()
            if any(task.target == name for stage in stages for task in stage.tasks)
        },
    )


def _targets(trigger: Trigger, outlook: Outlook) -> tuple[str, ...] | None:
    """Return the targets that such a fact could be about; all where that is not said."""
    if trigger is not Trigger.STALE:
        return None
    return tuple(target.name for target in outlook.fleet if target.stale_after is not None)


def _left_out(rule: Rule, targets: Capabilities) -> dict[Action, list[str]]:
    found: dict[Action, list[str]] = {}
    for stage in rule.stages:
        for action, names in left_out(rule, stage, targets).items():
            found[action] = sorted({*found.get(action, ()), *names})
    return found


def _stages(
    tx: Connection, identity: Identity, planned: Sequence[PlannedStage], outlook: Outlook
) -> tuple[RehearsedStage, ...]:
    own = {account.target: account for account in accounts.accounts_of(tx, [identity.id])}
    contested = {target for target, account in own.items() if accounts.active_sharers(tx, account, identity.id)}
    touching = _first_touching(planned, outlook)
    return tuple(
        RehearsedStage(
            number=stage.number,
            after=stage.after,
            due_at=stage.due_at,
            terms=stage.terms,
            tasks=tuple(
                _task(
                    task,
                    stage,
                    outlook,
                    account=own.get(task.target),
                    takes_snapshot=touching.get(task.target) is task,
                    is_contested=task.target in contested,
                )
                for task in stage.tasks
            ),
        )
        for stage in planned
    )


def _first_touching(planned: Sequence[PlannedStage], outlook: Outlook) -> dict[str, PlannedTask]:
    """Return the first task at each target that really touches an account: its state is kept right before it."""
    first: dict[str, PlannedTask] = {}
    for stage in planned:
        for task in stage.tasks:
            if task.action.is_revoking and task.target not in outlook.observing:
                first.setdefault(task.target, task)
    return first


def _task(
    task: PlannedTask,
    stage: PlannedStage,
    outlook: Outlook,
    *,
    account: Account | None,
    takes_snapshot: bool,
    is_contested: bool,
) -> RehearsedTask:
    is_final, can = task.action.is_irreversible, outlook.fleet[task.target].abilities
    released_at = _released_at(stage.terms, task.due_at, is_final, outlook.freezes, outlook.now)
    return RehearsedTask(
        target=task.target,
        action=task.action,
        account=_name(account),
        after=task.after,
        due_at=task.due_at,
        released_at=released_at,
        window=kept_for(task.action, can),
        verified=_is_verified(task.action, can),
        frozen=is_final and released_at > _released_at(stage.terms, task.due_at, is_final, (), outlook.now),
        because_of=_because_of(task, stage.tasks),
        takes_snapshot=takes_snapshot,
        observed=task.target in outlook.observing,
        spared=_why_spared(task.target, account, outlook),
        contested=is_contested and task.action.is_revoking,
    )


@lru_cache(maxsize=1000)  # the same for everybody of a file, and a schedule takes time to look through
def _released_at(
    terms: Terms, due_at: datetime, is_irreversible: bool, freezes: tuple[Freeze, ...], now: datetime
) -> datetime:
    return terms.release_at(due_at, now, irreversible=is_irreversible, freezes=freezes)


def _is_verified(action: Action, can: Abilities) -> bool:
    own = can.get(action)
    return own is None or own.verified


def _because_of(task: PlannedTask, beside: Iterable[PlannedTask]) -> Action | None:
    if not task.is_added:
        return None
    needing = (one.action for one in beside if one.target == task.target and task.action in one.action.facts.needs)
    return next(needing, None)


def _why_spared(target: str, account: Account | None, outlook: Outlook) -> str | None:
    names = [name for name in (account.native_id, account.name) if name] if account else []
    return outlook.rules.why_target_excluded(
        target, outlook.now, outlook.exclusions
    ) or outlook.rules.why_account_excluded(target, names, outlook.now, outlook.exclusions)


def _holds_on(
    tx: Connection, identity: Identity, open_case: Case | None, stages: Iterable[RehearsedStage], outlook: Outlook
) -> Iterable[Hold]:
    targets = {task.target for stage in stages for task in stage.tasks}
    subjects: Mapping[Scope, frozenset[str]] = {
        Scope.EVERYTHING: frozenset({""}),
        Scope.SOURCE: frozenset({identity.source}),
        Scope.TARGET: frozenset(targets),
        Scope.IDENTITY: frozenset({identity.id}),
    }
    yield from (hold for hold in outlook.holds if hold.subject in subjects.get(hold.scope, ()))
    if open_case is not None:
        yield from (hold for hold in holds.standing_on(tx, open_case) if hold.scope is Scope.CASE)


def _name(account: Account | None) -> str | None:
    if account is None or account.native_id is None:
        return None
    return account.name or account.native_id
