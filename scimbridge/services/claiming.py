"""Claiming: the transaction in which a worker takes a task, and everything is checked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.letting_go import attempts_at_once
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.sdk.config import Mode
from scimbridge.sdk.listing import AccountSummary
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.state import AccountRef
from scimbridge.services import keeping, preconditions, settling, sign_ins
from scimbridge.services.arming import mode_at
from scimbridge.services.eligibility import Consequence, Eligibility, Obstacle, ObstacleError
from scimbridge.services.fleet import Fleet
from scimbridge.services.guarding import Guarding
from scimbridge.services.leases import TERMS, Terms
from scimbridge.store import (
    accounts,
    agenda,
    attempts,
    carried_out,
    cases,
    holds,
    identities,
    journal,
    snapshots,
    stale_accounts,
    targets,
    tasks,
)
from scimbridge.store.accounts import Account
from scimbridge.store.attempts import Attempt
from scimbridge.store.database import Database
from scimbridge.store.values import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that this worker, and nobody else, works on.

    Attributes:
        mode: Whether the target acts or observes, at the time of the claim.
        follows_observed: It cannot be undone, and what comes before it was only observed: then it is observed, too.
        stale: What the target has to say once more, where the task's reason is that nobody uses the account.
        told: What it says to that; ``None`` where it was not asked, or does not tell.
    """

    task: Task
    account: Account
    attempt: Attempt
    identity: Identity
    mode: Mode
    follows_observed: bool = False
    stale: StaleAccount | None = None
    told: AccountSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """An account that this worker, and nobody else, looks up."""

    account: Account
    attempt: Attempt
    identity: Identity


class Full(Enum):
    """There is work, but the target takes no more attempts just now."""

    FULL = auto()


FULL = Full.FULL


class Claiming:
    """Hands out work on accounts. SQL decides; whoever asked for it does not matter."""

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        eligibility: Eligibility,
        guarding: Guarding,
        worker: str,
        terms: Terms = TERMS,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._eligibility = eligibility
        self._guarding = guarding
        self._worker = worker
        self._terms = terms

    def claim(self, account_id: str, now: datetime) -> Claim | LookUp | Full | None:
        """Return the next piece of work on an account, or ``None`` when there is none for us now.

        Tasks that may not be done any more come to their end on the way.
        """
        with self._database.write() as tx:
            holds.enter(tx)
            account = accounts.account_by_id(tx, account_id)
            if account.target not in self._fleet:
                return None
            while (task := agenda.next_runnable(tx, account_id, now)) is not None:
                cases.lock_identity(tx, task.identity_id)
                task = tasks.task_by_id(tx, task.id, lock=True)
                if not task.is_runnable(now):
                    continue  # decided about while we waited for the lock
                identity = identities.identity_by_id(tx, task.identity_id, now)
                case = cases.case_by_id(tx, task.case_id)
                obstacle = self._eligibility.obstacle(tx, case, task, account, identity, now)
                if obstacle is None:
                    # Nobody loses an account for good that was never suspended, because a switch was turned in between.
                    follows_observed = task.action.is_irreversible and carried_out.follows_observed(tx, task)
                    mode = Mode.OBSERVE if follows_observed else mode_at(tx, self._fleet[account.target], now)
                    if mode is Mode.ENFORCE and self._guarding.admit_late(tx, task, now):
                        continue  # the guard may hold it by now
                    stale = self._eligibility.stale(tx, case, task, identity)
                    return self._start(tx, task, account, identity, mode, follows_observed, stale, now)
                if not _stop(tx, task, obstacle, now):
                    return None
            return self._start_look_up(tx, account, now)

    def was_planned_unseen(self, claim: Claim) -> bool:
        """Whether nobody could tell what the target can do when the task was planned."""
        with self._database.read() as tx:
            return journal.was_planned_unseen(tx, claim.task.case_id, claim.task.target)

    def has_snapshot(self, claim: Claim, native_id: str) -> bool:
        """Whether it is kept how the account or group was before the bridge first touched it."""
        with self._database.read() as tx:
            return snapshots.standing(tx, claim.task.target, native_id) is not None

    def accept_read(self, claim: Claim, state: NativeState, now: datetime) -> NativeState:
        """Commit what was read, before anything changes, and check everything again.

        Returns:
            The state beside the snapshot.

        Raises:
            ObstacleError: The task may not be done (any more).
        """
        with self._database.write() as tx:
            holds.enter(tx)
            cases.lock_identity(tx, claim.task.identity_id)
            attempts.store_state(tx, claim.attempt, state, now)
            target, stale = self._fleet[claim.task.target], _asked_about(claim, state)
            obstacle = (
                self._obstacle_now(tx, claim, now)
                or self._eligibility.contested(tx, claim.task, target, state)
                or preconditions.obstacle(claim.task, state)
                or (_used(stale, claim.told) if stale is not None else None)
            )
            if obstacle is None:
                connector = self._fleet.connector(target.name)
                stale = sign_ins.note_told(tx, stale, claim.told, now) if stale is not None else None
                obstacle = self._eligibility.unapproved(tx, claim.task, state, connector, now, stale)
                obstacle = obstacle or self._eligibility.out_of_place(tx, claim.task, state, connector)
                obstacle = obstacle or self._eligibility.extended(tx, claim.task, state, now)
            if obstacle is None:
                state = self._beside_snapshot(tx, claim, self._eligibility.briefed(tx, claim.task, state, now), now)
                if claim.mode is Mode.ENFORCE and not claim.task.action.is_irreversible:
                    attempts.confirm(tx, claim.attempt, now)
        if obstacle is not None:
            raise ObstacleError(obstacle)
        return state

    def confirm(self, claim: Claim, now: datetime, state: NativeState | None = None) -> None:
        """Check everything once more, right before a request that cannot be taken back.

        Args:
            claim: What is about to be done.
            now: When (UTC).
            state: What was read, where there is something: somebody may have come since to whom it belongs.

        Raises:
            ObstacleError: The request must not be sent.
        """
        with self._database.write() as tx:
            holds.enter(tx)
            cases.lock_identity(tx, claim.task.identity_id)
            obstacle = self._obstacle_now(tx, claim, now)
            if obstacle is None and state is not None:
                target = self._fleet[claim.task.target]
                connector = self._fleet.connector(target.name)
                obstacle = self._eligibility.contested(tx, claim.task, target, state)
                stale = _asked_about(claim, state)
                known = stale_accounts.of_case(tx, stale.case_id).get(stale.target) if stale is not None else None
                obstacle = obstacle or self._eligibility.undecided(tx, claim.task, state, connector, known)
            if obstacle is None:
                attempts.confirm(tx, claim.attempt, now)
        if obstacle is not None:
            raise ObstacleError(obstacle)

    def link(self, claim: Claim | LookUp, ref: AccountRef, now: datetime) -> bool:
        """Link the account to what was found.

        False if another attempt works on the same native account, or somebody has chosen another one meanwhile.

        Raises:
            ObstacleError: The account is excluded: the bridge does not take it up, not even again.
        """
        with self._database.write() as tx:
            spared = self._eligibility.account_exclusion(tx, claim.account.target, (ref.id, ref.name), now)
            if spared is not None:
                raise ObstacleError(Obstacle(Consequence.SKIP, f"excluded: {spared}"))
            if accounts.account_by_id(tx, claim.account.id).native_id not in (None, ref.id):
                return False
            if not attempts.take_key(tx, claim.attempt, ref.id):
                return False
            accounts.link(tx, claim.account.id, ref, now)
            journal.record(
                tx,
                "account linked",
                now,
                reason=f"found at {claim.account.target}",
                identity_id=claim.identity.id,
                target=claim.account.target,
                details={"account": claim.account.id},
                personal={"native_id": ref.id, "name": ref.name},
            )
        return True

    def _beside_snapshot(self, tx: Connection, claim: Claim, state: NativeState, now: datetime) -> NativeState:
        """Return the state with its snapshot; it becomes the snapshot itself if it is about to be touched."""
        action, connector = claim.task.action, self._fleet.connector(claim.task.target)

        def touches(seen: NativeState) -> bool:
            return claim.mode is Mode.ENFORCE and not connector.is_as_wanted(action, seen)

        return keeping.beside_snapshot(tx, claim.task.target, state, action, now, touches=touches)

    def _obstacle_now(self, tx: Connection, claim: Claim, now: datetime) -> Obstacle | None:
        if not attempts.is_live(tx, claim.attempt.id):
            return Obstacle(Consequence.HOLD, "the lease has run out; the next attempt looks first")
        account = accounts.account_by_id(tx, claim.account.id)
        identity = identities.identity_by_id(tx, claim.task.identity_id, now)
        case = cases.case_by_id(tx, claim.task.case_id)
        return self._eligibility.obstacle(tx, case, claim.task, account, identity, now)

    def _has_room(self, tx: Connection, name: str, now: datetime) -> bool:
        """Whether the target takes one more attempt. Asked last: everybody locks identities before targets."""
        row = targets.lock(tx, name)
        if row["paused_at"] is not None:
            return False
        most = attempts_at_once(self._fleet[name].concurrency, row["resumed_at"], now)
        return attempts.live_count(tx, name) + places_taken(row, now) < most

    def _start(
        self,
        tx: Connection,
        task: Task,
        account: Account,
        identity: Identity,
        mode: Mode,
        follows_observed: bool,
        stale: StaleAccount | None,
        now: datetime,
    ) -> Claim | Full | None:
        if not self._has_room(tx, account.target, now):
            return FULL
        attempt = self._begin(tx, account, task.id, now)
        if attempt is None:
            return None
        started = task.start(now)
        tasks.save(tx, task, started)
        return Claim(
            task=started,
            account=account,
            attempt=attempt,
            identity=identity,
            mode=mode,
            follows_observed=follows_observed,
            stale=stale,
        )

    def _start_look_up(self, tx: Connection, account: Account, now: datetime) -> LookUp | Full | None:
        if not account.is_to_be_looked_up(now):
            return None
        cases.lock_identity(tx, account.identity_id)
        account = accounts.account_by_id(tx, account.id)
        if not account.is_to_be_looked_up(now):
            return None  # linked, or its person was erased, while we waited for the lock
        if not self._has_room(tx, account.target, now):
            return FULL
        attempt = self._begin(tx, account, None, now)
        if attempt is None:
            return None
        identity = identities.identity_as_is(tx, account.identity_id)
        return LookUp(account=account, attempt=attempt, identity=identity)

    def _begin(self, tx: Connection, account: Account, task_id: str | None, now: datetime) -> Attempt | None:
        lease_until = now + self._terms.length
        return attempts.begin(tx, account, task_id=task_id, worker=self._worker, now=now, lease_until=lease_until)


def _asked_about(claim: Claim, state: NativeState) -> StaleAccount | None:
    """Return what the target has to say once more; nobody signs in with an account that it has deleted."""
    return claim.stale if not state.deleted else None


def _used(stale: StaleAccount, told: AccountSummary | None) -> Obstacle | None:
    why = sign_ins.why_used(stale, told)
    return Obstacle(Consequence.CALL_OFF, why) if why is not None else None


def places_taken(target: Row, now: datetime) -> int:
    """Return how many of a target's places are taken by a run of reconciliation that reads it just now."""
    return int(target["read_until"] is not None and target["read_until"] > now)


def _stop(tx: Connection, task: Task, obstacle: Obstacle, now: datetime) -> bool:
    """Give a task that is not running the end that an obstacle asks for; false where it stays as it is."""
    match obstacle.consequence:
        case Consequence.CANCEL | Consequence.CALL_OFF:
            tasks.save(tx, task, task.cancel(obstacle.reason), finished_at=now)
            event = "task canceled"
        case Consequence.SKIP:
            tasks.save(tx, task, task.skip(obstacle.reason), finished_at=now)
            event = "task skipped"
        case Consequence.ASK:
            tasks.save(tx, task, task.ask(obstacle.reason))
            event = "needs a person"
        case Consequence.POSTPONE:
            tasks.save(tx, task, task.postpone(obstacle.reason, obstacle.until))
            event = "task postponed"
        case Consequence.HOLD:
            return False
    journal.record(tx, event, now, reason=obstacle.reason, task=task, details={"action": task.action})
    settling.settle(tx, task.case_id, now)
    return True
