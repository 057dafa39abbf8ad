"""A rule asks somebody before anything happens: who lets go, calls off, holds, or does not answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from scimbridge.domain.case import CaseState
from scimbridge.hooks.hook import BrokenHookError
from scimbridge.sdk.hook import HookAnswer, HookRequest, Verdict
from scimbridge.store import cases
from scimbridge.store.schema import hook_calls as call_table
from tests.services.machine.judge import Law, Write
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import BETWEEN_STAGES, a_name
from tests.services.machine.play import Draw

LONG = timedelta(days=1, hours=12)
ANSWERS: dict[str, HookAnswer | None] = {
    "proceed": HookAnswer.proceed(),
    "at once": HookAnswer.proceed(graces={0: timedelta()}),
    "later": HookAnswer.proceed(graces={0: LONG, 1: LONG + BETWEEN_STAGES}),
    "skip": HookAnswer.skip("on leave"),
    "hold": HookAnswer.hold("payroll is closed"),
    "broken": None,
}


class KnownHook:
    """Answers as it is told, and keeps what it said about each case."""

    def __init__(self) -> None:
        self.says = "proceed"
        self.said: dict[str, HookAnswer] = {}

    def ask(self, request: HookRequest, *, now: datetime) -> HookAnswer:
        answer = ANSWERS[self.says]
        if answer is None:
            self.said.pop(request.case_id, None)
            raise BrokenHookError("503")
        self.said[request.case_id] = answer
        return answer


class HookRules(LuckRules):
    """Attributes:
    hook: Whom the rule asks.
    overruled: Cases that an operator has let go without it.
    skipped: Cases that it has called off.
    """

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.hook = KnownHook()
        self.overruled: set[str] = set()
        self.skipped: set[str] = set()
        return {**super().settings(draw), "hooks": {"payroll": self.hook}}

    def hook_of(self) -> str | None:
        return "payroll"

    @rule(says=st.sampled_from(list(ANSWERS)))
    def the_hook_is_told_what_to_say(self, says: str) -> None:
        self.hook.says = says

    @rule(name=a_name, says=st.sampled_from(list(ANSWERS)))
    def leave_and_be_asked_about(self, name: str, says: str) -> None:
        self.hook.says = says
        self.deactivate(name)
        self.advance(self.grace)
        self.drain()

    @rule(name=a_name)
    def overrule_the_hook(self, name: str) -> None:
        ids = self.open_cases_of(name)
        for hold in self.bench.holding.standing():
            if hold.subject in ids and hold.placed_by == "hook payroll":
                self.bench.holding.lift(hold.id, reason="urgent", by="ops", now=self.clock())
                self.overruled.add(hold.subject)

    def clear_the_way(self, name: str) -> None:
        self.hook.says = "proceed"
        super().clear_the_way(name)

    def laws(self) -> list[Law]:
        return [*super().laws(), self._is_let_go]

    def sweep(self) -> None:
        try:
            self.bench.hooking.run(self.clock())
        finally:
            self._note_skipped()
        super().sweep()

    def attend(self) -> None:
        super().attend()
        self.hook.says = "proceed"
        if not self._is_asking():
            for name in self.names:
                self.overrule_the_hook(name)

    def next_date(self) -> datetime | None:
        return self.clock.now + timedelta(minutes=10) if self._is_asking() else super().next_date()

    def grace_of(self, case_id: str, what: str) -> timedelta:
        planned = super().grace_of(case_id, what)
        answer = self.hook.said.get(case_id)
        told = answer.graces.get(1 if what == "delete" else 0, planned) if answer is not None else planned
        return min(told, planned) if case_id in self.overruled else told

    def _is_let_go(self, write: Write) -> None:
        if write.takes and write.case_id not in self.overruled:
            answer = self.hook.said.get(write.case_id)
            assert answer is not None, "touched before the hook has answered"
            assert answer.verdict is Verdict.PROCEED, f"touched although the hook said {answer.verdict}"

    def _note_skipped(self) -> None:
        skipped = {case_id for case_id, answer in self.hook.said.items() if answer.verdict is Verdict.SKIP}
        everybody = {one.id: (name, one) for name, everyone in self.people.items() for one in everyone}
        for case_id in skipped - self.skipped:
            with self.database.read() as tx:
                case = cases.case_by_id(tx, case_id)
            if case.state is CaseState.CANCELED and "hook" in case.reason:
                self.skipped.add(case_id)
                name, known = everybody[case.identity_id]
                self.called_off(name, known)

    def _is_asking(self) -> bool:
        with self.database.read() as tx:
            return tx.execute(select(call_table.c.id).where(call_table.c.answered_at.is_(None))).first() is not None
