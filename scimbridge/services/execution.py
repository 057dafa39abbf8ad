"""Execution: what a worker does with an account that it was told about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from scimbridge import telemetry
from scimbridge.domain.action import Action
from scimbridge.domain.capability import kept_for
from scimbridge.domain.retry import backoff
from scimbridge.domain.task import Task
from scimbridge.errors import StoreError
from scimbridge.sdk.config import Mode
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import (
    ANYTHING_RAISED,
    AccountNotFoundError,
    AmbiguousAccountError,
    ConnectorError,
    ObservingError,
    RejectedError,
    RetryableError,
)
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Done, NeedsPerson
from scimbridge.sdk.state import AccountState, Person
from scimbridge.services.claiming import Claim, Claiming, Full, LookUp
from scimbridge.services.eligibility import Consequence, Obstacle, ObstacleError
from scimbridge.services.fleet import Fleet
from scimbridge.services.halt import Halt
from scimbridge.services.leases import Leases
from scimbridge.services.recording import Recording, Result
from scimbridge.services.successors import NoSuccessorError, Successors
from scimbridge.store import accounts, attempts, identities
from scimbridge.store.database import Database

BUDGET = timedelta(seconds=120)
"""A message takes no new task after this long, so that other accounts have their turn."""

SPARED = timedelta(days=1)
"""After this long it is asked again for an account that is spared: exclusions end."""

log = structlog.get_logger("scimbridge.execution")


class Execution:
    """Works off accounts: claim, read, commit the read, change, read back, record.

    ``tell`` does what the bridge does by itself; nothing where nobody is told anything.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        claiming: Claiming,
        recording: Recording,
        leases: Leases,
        clock: Callable[[], datetime],
        tell: Callable[[Claim], Done | NeedsPerson] | None,
        successors: Successors,
        halt: Halt,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._claiming = claiming
        self._recording = recording
        self._leases = leases
        self._clock = clock
        self._tell = tell
        self._successors = successors
        self._halt = halt

    def work(self, account_id: str) -> bool:
        """Do the account's ready tasks in order.

        Returns:
            False where the target had no room for it: then the rest of its queue is not for us, either.
        """
        until = self._clock() + BUDGET
        while self._clock() < until and not self._halt:
            claimed = self._work_once(account_id)
            if claimed is None or claimed is Full.FULL:
                return claimed is None
        return True

    def _work_once(self, account_id: str) -> Full | Claim | LookUp | None:
        """Make one attempt. Returns what was claimed."""
        asked_at = self._leases.now_monotonic()
        claimed = self._claiming.claim(account_id, self._clock())
        match claimed:
            case Full() | None:
                pass
            case Claim() as claim:
                with (
                    self._leases.holding(claim.attempt, asked_at),
                    telemetry.ATTEMPT_DURATION.labels(claim.task.target).time(),
                ):
                    result = self._attempt(claim)
                    task = self._recording.record(claim, result, self._clock())
                _report(task)
            case LookUp() as look_up:
                with self._leases.holding(look_up.attempt, asked_at):
                    self._look_up(look_up)
        return claimed

    def _attempt(self, claim: Claim) -> Result:
        """Run one task. Everything that goes wrong becomes a result."""
        seen: list[NativeState] = []
        try:
            result = self._perform(claim, seen)
        except (ConnectorError, ObstacleError) as error:
            result = Result(outcome=error)
        except NoSuccessorError as error:
            result = Result(outcome=NeedsPerson(str(error)))
        except StoreError as error:
            result = Result(outcome=RetryableError(str(error)))
        except ANYTHING_RAISED as error:  # a connector's bug must not take the worker along
            log.exception("attempt broke", action="attempt", task=claim.task.id, target=claim.task.target)
            why = f"unexpected {type(error).__name__} in the connector; see the worker's log"
            result = Result(outcome=RetryableError(why))
        return replace(result, before=seen[0] if seen else None)

    def _perform(self, claim: Claim, seen: list[NativeState]) -> Result:
        action = claim.task.action
        if action is Action.NOTIFY and self._tell is not None:
            return Result(outcome=self._tell(claim))
        connector = self._fleet.connector(claim.task.target)
        if action not in connector.capabilities and self._claiming.was_planned_unseen(claim):
            raise ObstacleError(Obstacle(Consequence.SKIP, f"left out: the connector cannot {action}"))
        native_id = self._native_id(connector, claim)
        read = connector.read_for if self._claiming.has_snapshot(claim, native_id) else connector.read_first
        state = _seen(read, action, native_id)
        # A list may be old by now: before anything is done for it, the target has the last word.
        if claim.stale is not None and not state.deleted:
            claim = replace(claim, told=connector.summarize(native_id))
        state = self._claiming.accept_read(claim, state, self._clock())
        seen.append(state)
        if isinstance(state, AccountState) and not connector.is_as_wanted(action, state):
            # Not before: there may be nothing to hand over.
            state = replace(state, successor=self._successors.find(claim, connector))
        if connector.is_as_wanted(action, state):
            return _done(connector, Done(changed=False), state)
        if claim.mode is Mode.OBSERVE:
            raise ObservingError("observe mode")
        if action not in connector.capabilities:
            raise ConnectorError(f"the connector cannot {action}")
        outcome = connector.perform(action, state, lambda: self._claiming.confirm(claim, self._clock(), state))
        if not isinstance(outcome, Done):
            return Result(outcome=outcome)
        result = _done(connector, outcome, _read_back(connector, action, state, outcome))
        window = kept_for(action, self._fleet[claim.task.target].abilities)
        return replace(result, window=window, verified=connector.capabilities[action].verified)

    def _native_id(self, connector: Connector[Any], claim: Claim) -> str:
        """Return the linked id, looking the account up where it was never linked."""
        if claim.account.native_id is not None:
            return claim.account.native_id
        found = self._find_and_link(connector, claim)
        if found is None:
            raise AccountNotFoundError("no account matches")
        return found

    def _find_and_link(self, connector: Connector[Any], claim: Claim | LookUp) -> str | None:
        ref = connector.find(Person(identities.match_values(claim.identity)))
        if ref is not None and not self._claiming.link(claim, ref, self._clock()):
            raise RetryableError("another attempt works on the same account just now")
        return ref.id if ref is not None else None

    def _look_up(self, look_up: LookUp) -> None:
        """Link an account in good time, so that somebody who is renamed before leaving is found."""
        account, now = look_up.account, self._clock()
        note, again_at, candidates, linked = "no account there", None, None, False
        try:
            linked = self._find_and_link(self._fleet.connector(account.target), look_up) is not None
        except AmbiguousAccountError as error:
            note, candidates = str(error), error.candidates
        except ObstacleError as error:
            note, again_at = str(error), now + SPARED
        except (ConnectorError, StoreError) as error:
            retry_after = error.retry_after if isinstance(error, RetryableError) else None
            note, again_at = str(error), now + backoff(account.link_attempts + 1, retry_after)
        except ANYTHING_RAISED as error:  # a connector's bug must not take the worker along
            log.exception("look-up broke", action="look_up", account=account.id, target=account.target)
            note = f"unexpected {type(error).__name__} in the connector; see the worker's log"
            again_at = now + backoff(account.link_attempts + 1)
        with self._database.write() as tx:
            if not attempts.is_live(tx, look_up.attempt.id):
                return  # whoever took over says what is there
            # What was said of the account meanwhile asks for another look, or has made this one needless.
            if not linked and accounts.account_by_id(tx, account.id).link_due_at == account.link_due_at:
                accounts.note_look_up(
                    tx,
                    account.id,
                    note=note,
                    again_at=again_at,
                    attempts=account.link_attempts + 1,
                    candidates=candidates,
                )
            outcome, reason = ("linked", "found") if linked else ("not linked", note)
            attempts.end(tx, look_up.attempt.id, outcome=outcome, reason=reason, now=now)


def _seen(read: Callable[[Action, str], NativeState], action: Action, native_id: str) -> NativeState:
    """Return what an action is about.

    Raises:
        RejectedError: The connector answers with something else.
    """
    state = read(action, native_id)
    if state.id != native_id:
        raise RejectedError("the connector answered with another account than it was asked for; ask whoever made it")
    return state


def _done(connector: Connector[Any], outcome: Done, after: NativeState | None) -> Result:
    decisive = connector.decisive(after) if after is not None else None
    return Result(outcome=outcome, after=after, decisive=decisive)


def _read_back(connector: Connector[Any], action: Action, before: NativeState, outcome: Done) -> NativeState | None:
    """Return the account after a change that the target reported, ``None`` where it is gone.

    What the connector says it could not give back is not missed.

    Raises:
        RetryableError: The target said that it changed something, and it has not, or not yet.
    """
    try:
        after = before.seen_again(_seen(connector.read_for, action, before.id))
    except AccountNotFoundError:
        if action.removes:
            return None
        if action is Action.UNDELETE:
            raise RetryableError("the target answered that the account is back, but it is not there yet") from None
        raise
    if connector.is_as_wanted(action, after) is False and not outcome.lost:
        thing = "group" if action.is_of_groups else "account"
        raise RetryableError(f"the target answered that it did {action} the {thing}, but the {thing} is unchanged")
    return after


def _report(task: Task) -> None:
    telemetry.TASKS_FINISHED.labels(task.target, task.action, task.state).inc()
    log.info(
        "task",
        action=f"{task.action}.{task.state}",
        task=task.id,
        case=task.case_id,
        target=task.target,
        attempts=task.attempts,
        reason=task.reason,
    )
