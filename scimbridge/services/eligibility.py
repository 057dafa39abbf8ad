"""Whether a task may still be done: asked at claim, after the read, and right before what cannot be undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.approval import BY_HAND, CHANGED, PROTECTED, SPARED
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.identity import Identity
from scimbridge.domain.names import fold
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.errors import RuleError
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.group import GroupState
from scimbridge.sdk.native import NativeState
from scimbridge.services import lapsing, sign_ins
from scimbridge.services.fleet import Target
from scimbridge.services.grants import Standing
from scimbridge.services.keeping import StateT, left_by_now
from scimbridge.services.taking_over import MAY_BE_THEM, spare_twin
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import (
    accounts,
    approvals,
    carried_out,
    cases,
    holds,
    naming,
    snapshots,
    stages,
    target_groups,
)
from scimbridge.store.accounts import Account
from scimbridge.store.clock import TOLERANCE

BEHIND_AGAIN = timedelta(minutes=10)
"""Until the next try of what cannot be undone, where a process does not know the rules in force."""


class Consequence(Enum):
    """What becomes of a task that may not be done."""

    CANCEL = auto()
    """Its reason is gone for good."""

    SKIP = auto()
    """It is not for this account."""

    HOLD = auto()
    """Not now; it stays ready until the hold is lifted."""

    ASK = auto()
    """A person decides."""

    POSTPONE = auto()
    """Not now; it waits for its release once more."""

    CALL_OFF = auto()
    """The reason is gone for all that is planned at its target, and for what was done there."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a task may not be done, as one sentence, and what follows.

    Attributes:
        until: When it is due again, where it is postponed to a date.
    """

    consequence: Consequence
    reason: str
    until: datetime | None = None


class ObstacleError(RuleError):
    """Something stands in the way of a task that has begun."""

    def __init__(self, obstacle: Obstacle) -> None:
        self.obstacle = obstacle
        super().__init__(obstacle.reason)


class Eligibility:
    """Decides from the rows that the calling transaction has locked."""

    def __init__(self, rulebook: Rulebook, standing: Standing, timing: Timing = ANY_TIME) -> None:
        self._rulebook = rulebook
        self._standing = standing
        self._timing = timing

    @property
    def _rules(self) -> Ruleset:
        return self._rulebook.rules

    def obstacle(
        self, tx: Connection, case: Case, task: Task, account: Account, identity: Identity, now: datetime
    ) -> Obstacle | None:
        """Return what stands in the way of a task of a case, or ``None``. May place a hold, which then does.

        The caller holds the identity's lock, and has read case, identity and account under it.
        """
        if case.state is not CaseState.OPEN:
            return Obstacle(Consequence.CANCEL, f"case {case.state}: {case.reason}")
        over = self._standing.why_over(tx, case, task, identity, now)
        if over is not None:
            return Obstacle(Consequence.CANCEL, over)
        for hold in holds.standing_on(tx, case):
            if hold.stops_work_at(task.target):
                return Obstacle(Consequence.HOLD, f"on hold: {hold.reason}")
        too_early = self._too_early(tx, task, now)
        if too_early is not None or task.action.gives_back:
            return too_early
        why = self._why_spared(tx, case, task, account, identity, now)
        if why is not None:
            return Obstacle(Consequence.SKIP, f"excluded: {why}")
        if accounts.active_sharers(tx, account, identity.id):
            return _contested()
        if spare_twin(tx, case, identity, now):
            return Obstacle(Consequence.HOLD, f"on hold: {MAY_BE_THEM}")
        return None

    def stale(self, tx: Connection, case: Case, task: Task, identity: Identity) -> StaleAccount | None:
        """Return what the target has to say once more before a task: that nobody uses the account is its reason."""
        return self._standing.stale(tx, case, task, identity)

    def _too_early(self, tx: Connection, task: Task, now: datetime) -> Obstacle | None:
        """Return why a task that was released has to wait for its release once more, or ``None``."""
        terms, is_approved = approvals.conditions(tx, task.case_id, task.stage_id)
        if not is_approved:
            return Obstacle(Consequence.POSTPONE, "waits for the approval of its stage")
        if task.action.is_irreversible and task.due_at > now + TOLERANCE:
            why = "it is not due yet: the clock was ahead when it was released; due at"
            return Obstacle(Consequence.POSTPONE, f"{why} {task.due_at:%Y-%m-%d %H:%M} UTC", task.due_at)
        not_yet = self._timing.not_yet(task, terms, now)
        if not_yet is not None:
            return Obstacle(Consequence.POSTPONE, not_yet.reason, not_yet.until)
        if task.action.is_irreversible and self._rulebook.edition.behind:
            # Whom the rules in force spare by now is not known here; to another process it may be.
            why = "the rules in force cannot be used by a process that would have done it; see `scimbridge check` there"
            return Obstacle(Consequence.POSTPONE, why, now + BEHIND_AGAIN)
        return None

    def _why_spared(
        self, tx: Connection, case: Case, task: Task, account: Account, identity: Identity, now: datetime
    ) -> str | None:
        rules, more = self._rules, holds.standing_exclusions(tx)
        names = [name for name in (account.native_id, account.name) if name]
        if identity.is_group and (why := rules.why_group_excluded(task.target, identity.user_name, now, more)):
            return why
        return (
            rules.why_excluded(identity, rules.named(case.rule), now, more)
            or rules.why_target_excluded(task.target, now, more)
            or rules.why_account_excluded(task.target, names, now, more)
        )

    def account_exclusion(self, tx: Connection, target: str, names: Iterable[str], now: datetime) -> str | None:
        """Return why an account is never touched, by its id and its name, or ``None``."""
        return self._rules.why_account_excluded(target, names, now, holds.standing_exclusions(tx))

    def briefed(self, tx: Connection, task: Task, state: StateT, now: datetime) -> StateT:
        """Return what was read with what the stage and the exclusions have to say about the action."""
        briefed = replace(state, handle=task.handle)
        match task.action:
            case Action.REMOVE_FROM_GROUPS | Action.RELEASE_LICENSES:
                terms = stages.terms_of_task(tx, task)
                told: dict[str, Any] = {
                    "only": frozenset(map(fold, terms.only)) if terms.only is not None else None,
                    "spared": self._rules.spared_groups(task.target, now, holds.standing_exclusions(tx)),
                }
                return replace(briefed, **told)
            case Action.STAMP | Action.STAMP_GROUP:
                return replace(briefed, delete_at=carried_out.deletion_of(tx, task.case_id, task.account_id))
            case _:
                return briefed

    def contested(self, tx: Connection, task: Task, target: Target, state: NativeState) -> Obstacle | None:
        """Match what was read back against all active identities of all sources.

        An account that is brought back, too: it would be found for somebody else who has its name by now.
        """
        is_asked = task.action.is_revoking or task.action is Action.UNDELETE
        if not is_asked or task.action.is_of_groups:
            return None
        for attribute, native in target.match.items():
            values = [value for value in state.attributes.get(native, ()) if value]
            if values and naming.active_owners(tx, attribute, values, but_not=task.identity_id):
                return _contested()
        return None

    def extended(self, tx: Connection, task: Task, state: NativeState, now: datetime) -> Obstacle | None:
        """Honor a date in the mark "To Be Deleted" that somebody has moved later in the target.

        A mark that is not there, or says an earlier date, means nothing: what is due is decided here.
        """
        until = state.stamped_until
        if not task.action.is_irreversible or until is None or until <= now:
            return None
        known = snapshots.standing(tx, task.target, state.id)
        if known is not None and known.left.stamped_until is not None and until <= known.left.stamped_until:
            return None  # our own date
        return Obstacle(Consequence.POSTPONE, f"extended in {task.target} until {until:%Y-%m-%d %H:%M} UTC", until)

    def unapproved(
        self,
        tx: Connection,
        task: Task,
        state: NativeState,
        connector: Connector[Any],
        now: datetime,
        stale: StaleAccount | None = None,
    ) -> Obstacle | None:
        """Hold what was read against the approvals of the case; those that it contradicts lapse.

        Protected accounts wait for a person, unless the approvals of the stage cover exactly this state; so does a
        group that somebody has begun to need since, unless an operator has seen it like this. So does what cannot be
        undone where something before it was left out: the account may have been in use until now. And so does what
        is done because nobody uses the account (``stale``), where the target does not tell that any more.
        """
        case = cases.case_by_id(tx, task.case_id)
        lapsed = lapsing.lapse_drifted(
            tx,
            task,
            native_id=state.id,
            decisive=connector.decisive(state),
            version=lapsing.rule_version(self._rules, case),
            now=now,
        )
        spared = self._spared(tx, task, state, connector)
        if spared is not None:
            lapsed |= lapsing.lapse_older(tx, task, spared[0], since=spared[1], now=now)
        if stale is not None:
            lapsed |= sign_ins.lapse_earlier(tx, task, stale, now)
        if not approvals.conditions(tx, task.case_id, task.stage_id)[1]:
            why = f": {lapsed[task.stage_id]}" if task.stage_id in lapsed else ""
            return Obstacle(Consequence.POSTPONE, f"the approval of its stage has lapsed{why}; it has to be given anew")
        why = _protected(tx, task, state) or _changed(tx, task, state) or _unprepared(tx, task, spared)
        why = why or (sign_ins.why_untold(tx, task, stale) if stale is not None else "")
        if not task.action.is_revoking or not why or connector.is_as_wanted(task.action, state):
            return None
        return _asks(why)

    def undecided(
        self,
        tx: Connection,
        task: Task,
        state: NativeState,
        connector: Connector[Any],
        stale: StaleAccount | None = None,
    ) -> Obstacle | None:
        """Return what a person has to decide after all, because they have taken their approval back since the read."""
        why = _protected(tx, task, state) if task.action.is_revoking else ""
        why = why or _unprepared(tx, task, self._spared(tx, task, state, connector))
        why = why or (sign_ins.why_untold(tx, task, stale) if stale is not None else "")
        return _asks(why) if why else self.out_of_place(tx, task, state, connector)

    def _spared(
        self, tx: Connection, task: Task, state: NativeState, connector: Connector[Any]
    ) -> tuple[str, datetime] | None:
        """Return what was left out of the work before something that cannot be undone, and since when that is so.

        What the configuration of a target leaves out for the container is no part of it.
        """
        if not task.action.is_irreversible:
            return None
        allowed = connector.allowed_in(_home(tx, task, state)) if state.container is not None else None
        left_out = [
            (before, at)
            for before, at in carried_out.left_out_before(tx, task)
            if not before.reason.startswith(BY_HAND) and (allowed is None or before.action in allowed)
        ]
        if not left_out:
            return None
        before, at = left_out[-1]
        return f"{before.action} was left out ({before.reason})", at

    def out_of_place(
        self, tx: Connection, task: Task, state: NativeState, connector: Connector[Any]
    ) -> Obstacle | None:
        """Leave out what is not for the accounts of a container; about one that has no rule, a person decides.

        To be asked once approvals that no longer hold have lapsed.
        """
        if not task.action.is_revoking or task.action.is_of_groups or state.container is None:
            return None
        home = _home(tx, task, state)
        allowed = connector.allowed_in(home)
        if allowed is not None:
            is_left_out = task.action not in allowed
            return Obstacle(Consequence.SKIP, f"not for accounts in {home}") if is_left_out else None
        if _is_approved(tx, task) or connector.is_as_wanted(task.action, state):
            return None
        return _asks(f"{PROTECTED}in {home}, a container that the target's configuration does not name")


def _unprepared(tx: Connection, task: Task, spared: tuple[str, datetime] | None) -> str:
    """Return why a person has to decide about an account that was spared, unless they have since."""
    if spared is None or _is_approved(tx, task):
        return ""
    return f"{SPARED}{spared[0]}, and the account may have been in use until now"


def _protected(tx: Connection, task: Task, state: NativeState) -> str:
    """Return why a person has to decide about what there is, unless that was approved for the stage."""
    return f"{PROTECTED}{state.protection}" if state.protection and not _is_approved(tx, task) else ""


def _is_approved(tx: Connection, task: Task) -> bool:
    """Whether an approval stands for the stage of a task."""
    return any(each.stage_id == task.stage_id for each in approvals.standing(tx, task.case_id))


def _asks(why: str) -> Obstacle:
    return Obstacle(Consequence.ASK, f"{why}; approving its stage lets exactly this state through")


def _home(tx: Connection, task: Task, state: NativeState) -> str:
    """Return where an account was before the bridge moved it; where it is, if others have moved it since."""
    known = snapshots.standing(tx, task.target, state.id)
    if known is None or left_by_now(known, state).container != state.container:
        return state.container or ""
    return known.original.container or ""


def _changed(tx: Connection, task: Task, state: NativeState) -> str:
    """Return what somebody has done to a group since it was to be given up, unless that was seen and approved.

    An approval of another stage will do: what it was not given for would have ended it.
    """
    if not isinstance(state, GroupState):
        return ""
    known = snapshots.standing(tx, task.target, state.id)
    before = left_by_now(known, state) if known is not None else target_groups.asked_state(tx, task.account_id)
    changes = list(state.changes_since(before)) if isinstance(before, GroupState) else []
    if not changes or any(each.covers(task.account_id) for each in approvals.standing(tx, task.case_id)):
        return ""
    return f"{CHANGED}{', '.join(changes)}"


def _contested() -> Obstacle:
    return Obstacle(
        Consequence.ASK,
        "contested: another active identity owns this account; "
        "cancel the case, or retry it once the other identity has left, too",
    )
