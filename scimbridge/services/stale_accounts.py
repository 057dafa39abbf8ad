"""Stale accounts: what runs of reconciliation say about accounts that nobody uses, as facts where a rule is for it.

Only what a complete run has found counts, asked for exactly as the target's settings say: whoever asks about another
time only asks. Where the target has stopped noting sign-ins, everybody seems to have gone; nothing follows from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from scimbridge.domain.case import CaseKind, CaseState
from scimbridge.domain.identity import Identity
from scimbridge.domain.plan import amend, plan_fact
from scimbridge.domain.reconciliation import AWAKE, AccountFinding, Mismatch, Run
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.stale_account import StaleAccount
from scimbridge.domain.task import Task
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.services import settling
from scimbridge.services.due_dates import Pass
from scimbridge.services.fleet import Fleet
from scimbridge.services.grants import Standing
from scimbridge.services.intake import Submit
from scimbridge.services.planning import Planner
from scimbridge.services.reconciliation_runs import asked_for
from scimbridge.services.returning import Returning
from scimbridge.store import (
    accounts,
    carried_out,
    cases,
    findings,
    holds,
    identities,
    journal,
    reconciliations,
    stale_accounts,
    tasks,
)
from scimbridge.store.accounts import Account
from scimbridge.store.database import Database

BATCH = 500

GONE = "a later reconciliation does not find any more that nobody uses the account"


class StaleAccounts:
    """Opens the cases of accounts that nobody uses, and calls them off.

    Args:
        database: The store.
        fleet: The targets.
        rulebook: Who leaves how.
        planner: Opens cases.
        returning: Gives back what was taken.
        standing: Knows for what other reason somebody loses a target.
        submit: Tells workers.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        rulebook: Rulebook,
        planner: Planner,
        returning: Returning,
        standing: Standing,
        submit: Submit,
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._rulebook = rulebook
        self._planner = planner
        self._returning = returning
        self._standing = standing
        self._submit = submit

    def run(self, now: datetime) -> int:
        """Take in the runs that have been completed since. Returns for how many accounts that was a fact.

        It may be broken off anywhere, and done by several at once: nothing is taken twice.
        """
        with self._database.read() as tx:
            found = reconciliations.untaken(tx)
        return sum(self._take_in(run, now) for run in found)

    def called_off(self, tx: Connection, task: Task, now: datetime) -> None:
        """Take in that the target says, right before a task, that somebody uses the account.

        The caller holds the identity's lock.
        """
        case = cases.case_by_id(tx, task.case_id)
        stale_accounts.end(tx, case.id, task.target, now)
        verdict = self._returning.used_again(tx, case, task.target, task.reason, now)
        if verdict.wakeups:
            self._database.on_commit(partial(self._submit, verdict.wakeups))

    def _take_in(self, run: Run, now: datetime) -> int:
        one_pass = Pass("stale")
        facts = 0
        if self._is_asked_as_configured(run) and self._is_believed(run, now):
            for about, see_to in self._to_see_to(run, now):
                facts += bool(one_pass.see_to(about, see_to))
                if one_pass.is_over:
                    break
        if not one_pass.locked:
            with self._database.write() as tx:
                reconciliations.note_taken(tx, run.id, now)
        return facts

    def _to_see_to(self, run: Run, now: datetime) -> Iterator[tuple[str, Callable[[], bool]]]:
        """Yield what is to be looked at after a run: what cases were opened for before, and what it has found."""
        for stale in self._noted(run):
            yield stale.case_id, partial(self._call_off, run, stale, now)
        if any(Trigger.STALE in rule.when for rule in self._rulebook.rules.rules):
            for found in self._found(run):
                yield found.id, partial(self._take, run, found, now)

    def _is_asked_as_configured(self, run: Run) -> bool:
        wanted = self._fleet[run.target].stale_after if run.target in self._fleet else None
        return wanted is not None and run.unused_for == asked_for(wanted)

    def _is_believed(self, run: Run, now: datetime) -> bool:
        if run.notes_sign_ins or not (run.counts or {}).get(Mismatch.STALE):
            return run.notes_sign_ins
        reason = (
            f"nobody at all has signed in within {AWAKE.days} days, as far as the target tells: it seems to have "
            "stopped noting it, and nobody is taken for somebody who uses it no more"
        )
        with self._database.write() as tx:
            journal.record(tx, "sign-ins not believed", now, reason=reason, target=run.target, details={"run": run.id})
        return False

    # -- what is no more

    def _noted(self, run: Run) -> list[StaleAccount]:
        with self._database.read() as tx:
            return stale_accounts.of_open_cases(tx, run.target)

    def _call_off(self, run: Run, stale: StaleAccount, now: datetime) -> bool:
        """Call off what was not begun and a run does not find any more. It is no fact, whatever comes of it."""
        with self._database.write() as tx:
            self._call_off_unfound(tx, run, stale, now)
        return False

    def _call_off_unfound(self, tx: Connection, run: Run, stale: StaleAccount, now: datetime) -> None:
        case = cases.case_by_id(tx, stale.case_id)
        cases.lock_identity(tx, case.identity_id)
        case = cases.case_by_id(tx, stale.case_id)
        own = self._account(tx, case.identity_id, stale.target)
        is_over = case.state is not CaseState.OPEN or stale.target not in stale_accounts.of_case(tx, case.id)
        if is_over or own is None or own.native_id is None:
            return
        # What is spared by now may be stale as before: whether it is spared is asked before each task.
        is_found = findings.has(tx, run.id, own.native_id, (Mismatch.STALE, Mismatch.LEFT_ALONE))
        if is_found or carried_out.may_have_changed(tx, case.id, stale.target):
            return
        # Asked last: what a run has found is forgotten once a later one has been completed.
        if not reconciliations.stands(tx, run):
            return
        stale_accounts.end(tx, case.id, stale.target, now)
        identity = identities.identity_by_id(tx, case.identity_id, now)
        if case.is_narrow and stale.target not in self._standing.lost(tx, identity):
            settling.stop_revoking(tx, case, frozenset({stale.target}), GONE, now)

    # -- what is new

    def _found(self, run: Run) -> Iterator[AccountFinding]:
        before: str | None = None
        while True:
            with self._database.read() as tx:
                page = findings.listed(
                    tx, {run.id: run.target}, kind=Mismatch.STALE, text="", before=before, limit=BATCH
                )
            yield from page
            if len(page) < BATCH:
                return
            before = page[-1].id

    def _take(self, run: Run, found: AccountFinding, now: datetime) -> bool:
        """Open or amend the case of whoever has an account that nobody uses, if a rule says so."""
        active = [owner for owner in found.owners if not owner.is_gone]
        if run.since is None or len(active) != 1 or not active[0].linked:
            return False
        with self._database.write() as tx:
            cases.lock_identity(tx, active[0].identity_id)
            identity = identities.identity_by_id(tx, active[0].identity_id, now)
            own = self._account(tx, identity.id, run.target)
            if (
                own is None
                or own.native_id != found.native_id
                or not self._is_so_still(tx, identity, own, run, run.since)
            ):
                return False
            stale = StaleAccount(
                case_id="",
                target=run.target,
                run_id=run.id,
                since=run.since,
                signed_in_at=found.signed_in_at,
            )
            fact = _fact(identity, stale, now)
            if not self._leads_to_work(tx, identity, own, fact):
                return False
            verdict = self._planner.take(tx, fact, identity)
            case = cases.open_case_of(tx, [identity.id])
            if case is not None:
                stale_accounts.note(tx, replace(stale, case_id=case.id))
        self._submit(verdict.wakeups)
        return True

    def _is_so_still(self, tx: Connection, identity: Identity, own: Account, run: Run, since: datetime) -> bool:
        """Whether what a run has found is about somebody's account still, and nothing has come between.

        The time begins anew where a case about it has ended: they were to go, and came back, or somebody has decided
        that they stay.
        """
        return (
            not identity.is_gone
            and not accounts.active_sharers(tx, own, identity.id)
            and not cases.has_ended_since(tx, identity.id, run.target, since)
            and reconciliations.stands(tx, run)
        )

    def _leads_to_work(self, tx: Connection, identity: Identity, own: Account, fact: Fact) -> bool:
        """Whether something is to be done by a rule; nothing is kept of what leads to nothing, night for night."""
        rules, more = self._rulebook.rules, holds.standing_exclusions(tx)
        rule = rules.first_match(fact.trigger, identity)
        if rule is None or rules.why_excluded(identity, rule, fact.at, more):
            return False
        names = [name for name in (own.native_id, own.name) if name]
        if rules.why_target_excluded(own.target, fact.at, more):
            return False
        if rules.why_account_excluded(own.target, names, fact.at, more):
            return False
        planned = plan_fact(rule, fact, self._planner.capabilities)
        if not any(task.target == own.target for stage in planned for task in stage.tasks):
            return False
        case = cases.open_case_of(tx, [identity.id])
        if case is None:
            return True
        is_known = case.kind is not CaseKind.LEAVE or own.target in stale_accounts.of_case(tx, case.id)
        if is_known or not case.is_narrow:
            return False
        return bool(amend(tasks.tasks_of_case(tx, case.id), planned))

    def _account(self, tx: Connection, identity_id: str, target: str) -> Account | None:
        own = accounts.accounts_of(tx, [identity_id])
        return next((each for each in own if each.target == target), None)


def _fact(identity: Identity, stale: StaleAccount, now: datetime) -> Fact:
    return Fact(
        trigger=Trigger.STALE,
        identity_id=identity.id,
        source=identity.source,
        at=now,
        targets=(stale.target,),
        reason=stale.said,
    )
