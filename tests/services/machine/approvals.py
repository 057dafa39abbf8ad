"""What cannot be undone, and what concerns protected accounts: operators say yes, take it back, and things change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scimbridge.domain.case import CaseKind
from scimbridge.domain.hold import Scope
from scimbridge.errors import ApprovalRefusedError, NotFoundError
from scimbridge.store import cases
from tests.services.machine.faults import nothing
from tests.services.machine.judge import Law, Write
from tests.services.machine.luck import LuckRules, a_step
from tests.services.machine.model import BETWEEN_STAGES, a_name, a_target, a_truth
from tests.services.machine.play import Draw

an_operator = st.sampled_from(("ann", "bea", " Ann"))
a_stage_number = st.sampled_from((1, 2, 2))

Looks = tuple[bool, str, bool]
"""Of an account, what an approval is given for: whether it is suspended, where it is, and whether it is protected."""


@dataclass
class KnownApproval:
    """That somebody has approved a stage of a case.

    Attributes:
        looks: What the account was like at each target, with what the bridge itself has changed since.
    """

    by: str
    stage_id: str
    case_id: str
    looks: dict[str, Looks | None]


class ApprovalRules(LuckRules):
    """Attributes:
    approvals: Those that stand, as far as their accounts are as they were.
    approvers: How many different operators have to approve a deletion.
    """

    during = (*LuckRules.during, "withdraw", "legal hold")

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.approvals: list[KnownApproval] = []
        self.approvers: int = draw(st.sampled_from((1, 2, 0)), "approvers")
        return super().settings(draw)

    @rule(name=a_name, number=a_stage_number, by=an_operator, meanwhile=st.booleans(), at=a_target)
    def approve(self, name: str, number: int, by: str, meanwhile: bool, at: str) -> None:
        """Look at what a stage will do, and say yes; meanwhile an administrator may have changed something."""
        case_id = self._leave_case_of(name)
        if case_id is None:
            return
        if meanwhile:
            self._approve(
                name, case_id, number, by, lambda: self.an_administrator_moves_an_account(name, at, "elsewhere")
            )
        else:
            self._approve(name, case_id, number, by)

    def _approve(
        self, name: str, case_id: str, number: int, by: str, meanwhile: Callable[[], object] = nothing
    ) -> None:
        looks = {target: self._looks_of(name, target) for target in self.targets}
        try:
            proposal = self.bench.approving.propose(case_id, number, self.clock())
            meanwhile()
            self.bench.approving.approve(proposal, by=by, now=self.clock())
        except (ApprovalRefusedError, NotFoundError):
            return
        self.approvals.append(KnownApproval(by.strip().lower(), proposal.stage.id, case_id, looks))

    @rule(name=a_name, number=a_stage_number)
    def withdraw(self, name: str, number: int) -> None:
        case_id = self._leave_case_of(name)
        if case_id is None:
            return
        try:
            withdrawn = self.bench.approving.withdraw(case_id, number, reason="not sure", by="cyd", now=self.clock())
        except (ApprovalRefusedError, NotFoundError):
            return
        self.approvals = [each for each in self.approvals if each.stage_id != withdrawn.stage.id]

    @rule(name=a_name, at=a_target, container=st.sampled_from(("people", "elsewhere")))
    def an_administrator_moves_an_account(self, name: str, at: str, container: str) -> None:
        account = self.systems[at].accounts.get(f"native-{name}")
        if account is not None:
            account["container"] = container

    @rule(name=a_name, at=a_target, is_protected=a_truth)
    def an_account_becomes_protected(self, name: str, at: str, is_protected: bool) -> None:
        """Somebody is the only owner of something, or is no more."""
        system = self.systems[at]
        account = system.accounts.get(f"native-{name}")
        if account is not None:
            account["owns"] = [system.offer(f"Team of {name}", is_privileged=True)] if is_protected else []

    @rule(name=a_name)
    def an_approval_is_withdrawn_just_before_a_deletion(self, name: str) -> None:
        self.something_happens_just_before_a_deletion(name, "withdraw")

    @rule(name=a_name, step=a_step)
    def something_happens_just_before_a_deletion(self, name: str, step: str) -> None:
        """Everything has been asked but the last question."""
        self.clear_the_way(name)
        self.deactivate(name)
        self.advance(self.grace)
        self.drain()
        self.attend()
        self.advance(BETWEEN_STAGES)
        self.wait_for_the_schedule()
        self.happens_once(step, name, is_irreversible=True)
        self.drain()
        self.happens_no_more()

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        return {
            **super().steps(name),
            "withdraw": lambda: self.withdraw(name, 2),
            "legal hold": lambda: self.hold(Scope.IDENTITY, name, "", is_legal=True),
        }

    def is_let_through(self, write: Write) -> bool:
        looks = self._looks_of(write.name, write.target)
        return any(each.stage_id == write.stage_id and each.looks[write.target] == looks for each in self.approvals)

    def laws(self) -> list[Law]:
        return [*super().laws(), self._is_approved]

    def written(self, write: Write) -> None:
        """What the bridge changes itself is no reason for another approval; what was changed before that is one."""
        super().written(write)
        if write.what == "undelete":
            return  # there was nothing to look at, and nothing of its case was approved
        before = self._looks_of(write.name, write.target)
        assert before is not None
        suspended = {"suspend": True, "restore": False}.get(write.what, before[0])
        after = None if write.what == "delete" else (suspended, *before[1:])
        for each in self.approvals:
            if each.case_id == write.case_id:
                is_drifted = each.looks[write.target] != before
                each.looks[write.target] = None if is_drifted else after

    def attend(self) -> None:
        super().attend()
        for name in self.names:
            for case_id in self.open_cases_of(name):
                for stage in self.bench.approving.stages(case_id):
                    for by in ("ann", "bea", "dot"):  # one more than it takes: who has asked for it may not
                        self._approve(name, case_id, stage.number, by)

    def _is_approved(self, write: Write) -> None:
        """What cannot be undone needs its approvals, and whatever is done to a protected account needs one."""
        if not write.takes:
            return
        looks = self._looks_of(write.name, write.target)
        given = {
            each.by for each in self.approvals if each.stage_id == write.stage_id and each.looks[write.target] == looks
        }
        wanted = self.approvers if write.what == "delete" else 0
        assert looks is not None
        assert len(given) >= max(wanted, 1 if looks[2] else 0), f"{wanted} had to approve it, and {sorted(given)} have"

    def _looks_of(self, name: str, target: str) -> Looks | None:
        account = self.systems[target].accounts.get(f"native-{name}")
        if account is None:
            return None
        return account["suspended"], account["container"], bool(account["owns"])

    def _leave_case_of(self, name: str) -> str | None:
        with self.database.read() as tx:
            case = cases.open_case_of(tx, [known.id for known in self.people[name]])
        return case.id if case is not None and case.kind is CaseKind.LEAVE else None
