"""Asking hooks, outside of any transaction, and doing what they say. A hook that is broken lets nothing through."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.task import TaskState
from scimbridge.hooks.hook import BrokenHookError, Hook
from scimbridge.sdk.hook import HookAnswer, HookRequest, HookStage, HookTask, Verdict
from scimbridge.services import settling
from scimbridge.store import assignments, cases, holds, hook_calls, identities, journal, stages, tasks
from scimbridge.store.database import Database
from scimbridge.store.values import Row

BATCH = 32
AT_ONCE = 8
LEASE = timedelta(minutes=5)
"""Longer than a whole batch can take; when it is over, somebody else asks again."""

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)

log = structlog.get_logger("scimbridge.hooking")


class Hooking:
    """Asks the hooks that cases wait for."""

    def __init__(self, database: Database, hooks: Mapping[str, Hook]) -> None:
        self._database = database
        self._hooks = hooks

    def run(self, now: datetime) -> int:
        """Ask what is due, once. Returns how many questions were asked."""
        with self._database.read() as tx:
            is_idle = not hook_calls.has_due(tx, now)
        if is_idle:
            return 0
        with self._database.write() as tx:
            leased = hook_calls.lease(tx, now, now + LEASE, BATCH)
        with ThreadPoolExecutor(AT_ONCE, "hook") as pool:
            list(pool.map(lambda call: self._settle(call, now), leased))
        return len(leased)

    def _settle(self, call: Row, now: datetime) -> None:
        with self._database.read() as tx:
            request = self._question(tx, call, now)
        if request is None:
            self._apply(call, HookAnswer.proceed(reason="nobody waits for it any more"), now)
            return
        try:
            hook = self._hooks.get(call["hook"])
            if hook is None:
                raise BrokenHookError("the configuration has no such hook any more")
            answer = hook.ask(request, now=now)
        except BrokenHookError as error:
            self._postpone(call, str(error), now)
        else:
            self._apply(call, answer, now)

    def _question(self, tx: Connection, call: Row, now: datetime) -> HookRequest | None:
        """Return what a hook is asked, or ``None`` where the case has ended or a person has lifted its hold."""
        case = cases.case_by_id(tx, call["case_id"])
        if case.state is not CaseState.OPEN or not hook_calls.is_held(tx, call):
            return None
        identity = identities.identity_by_id(tx, case.identity_id, now)
        return HookRequest(
            id=call["id"],
            hook=call["hook"],
            case_id=case.id,
            rule=case.rule,
            trigger=str(case.trigger or ""),
            trigger_at=case.trigger_at,
            requested_by=case.opened_by,
            source=case.source,
            identity_id=identity.id,
            user_name=identity.user_name,
            external_id=identity.external_id,
            active=identity.active and identity.deleted_at is None,
            document=identity.document,
            groups=identity.groups,
            stages=_stages(tx, case),
        )

    def _postpone(self, call: Row, why: str, now: datetime) -> None:
        delay = min(FIRST_DELAY * 2 ** min(call["attempts"] - 1, 20), LONGEST_DELAY)
        with self._database.write() as tx:
            case = cases.case_by_id(tx, call["case_id"])
            if hook_calls.postpone(tx, call, why, now + delay) and call["attempts"] == 1:
                _record(tx, "hook broken", case, call, why, now)
        log.warning("hook broken", action="hook.broken", hook=call["hook"], case=call["case_id"], reason=why)

    def _apply(self, call: Row, answer: HookAnswer, now: datetime) -> None:
        with self._database.write() as tx:
            cases.lock_identity(tx, cases.case_by_id(tx, call["case_id"]).identity_id)
            case = cases.case_by_id(tx, call["case_id"])
            stands = hook_calls.is_held(tx, call)
            if not hook_calls.answer(tx, call, f"{answer.verdict}: {answer.reason}".rstrip(": "), now):
                return
            if case.state is not CaseState.OPEN or not stands:
                if stands:
                    holds.lift(tx, call["hold_id"], by=_by(call), now=now)
                return
            _record(tx, "hook answered", case, call, _said(answer), now)
            self._follow(tx, call, case, answer, now)

    def _follow(self, tx: Connection, call: Row, case: Case, answer: HookAnswer, now: datetime) -> None:
        match answer.verdict:
            case Verdict.HOLD:
                hook_calls.say(tx, call, f"hook {call['hook']!r}: {answer.reason}")
                return
            case Verdict.SKIP if call["is_addition"]:
                # The case has other reasons, too: which of it is to be called off, a person decides.
                why = f"hook {call['hook']!r} says to skip what was added: {answer.reason}; cancel the case, or lift"
                hook_calls.say(tx, call, why)
                return
            case Verdict.SKIP:
                settling.cancel(tx, case, f"hook {call['hook']!r}: {answer.reason}", now, actor=_by(call))
                assignments.forget(tx, case.identity_id)
            case Verdict.PROCEED:
                _set_graces(tx, case, answer.graces)
        holds.lift(tx, call["hold_id"], by=_by(call), now=now)


def _stages(tx: Connection, case: Case) -> tuple[HookStage, ...]:
    own = tasks.task_rows_of_case(tx, case.id)
    return tuple(
        HookStage(
            number=row["number"],
            after=stages.stage_after(row),
            due_at=row["due_at"],
            tasks=tuple(
                HookTask(target=task["target"], action=Action(task["action"]))
                for task in own
                if task["stage_id"] == row["id"]
            ),
        )
        for row in stages.stage_rows(tx, case.id)
    )


def _set_graces(tx: Connection, case: Case, graces: Mapping[int, timedelta]) -> None:
    """Give planned stages other graces. Both conditions of what cannot be undone stay: approval, and the order."""
    own = tasks.task_rows_of_case(tx, case.id)
    for row in stages.stage_rows(tx, case.id):
        grace = graces.get(row["number"])
        if grace is None:
            continue
        due_at = case.trigger_at + grace
        stages.set_grace(tx, case.id, row["id"], grace, due_at)
        for task in own:
            if task["stage_id"] == row["id"] and task["state"] == TaskState.PLANNED:
                tasks.move_due_date(tx, task["id"], due_at)


def _record(tx: Connection, event: str, case: Case, call: Row, reason: str, now: datetime) -> None:
    journal.record(
        tx,
        event,
        now,
        reason=reason,
        actor=_by(call),
        identity_id=case.identity_id,
        case_id=case.id,
        details={"call": call["id"]},
    )


def _said(answer: HookAnswer) -> str:
    graces = ", ".join(f"stage {number} after {grace}" for number, grace in sorted(answer.graces.items()))
    return "; ".join(part for part in (str(answer.verdict), answer.reason, graces) if part)


def _by(call: Row) -> str:
    return f"hook {call['hook']}"
