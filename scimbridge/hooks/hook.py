"""What every hook is to the bridge, and what is wrong with one that does not answer as it should."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from scimbridge.errors import BridgeError
from scimbridge.sdk.hook import HookAnswer, HookRequest, Verdict

LONGEST_REASON = 500
LONGEST_GRACE = timedelta(days=3660)


class BrokenHookError(BridgeError):
    """A hook did not answer, or not as it should. Nothing is let through; it is asked again later."""


class Hook(Protocol):
    """Something that a rule can ask."""

    def ask(self, request: HookRequest, *, now: datetime) -> HookAnswer:
        """Return the answer.

        Raises:
            BrokenHookError: There is none that could be followed.
        """


def checked(answer: HookAnswer, request: HookRequest) -> HookAnswer:
    """Return an answer that can be followed.

    Other graces may be longer or shorter, but what cannot be undone comes no sooner than the rule has it, and the
    stages stay in their order.

    Raises:
        BrokenHookError: It cannot.
    """
    if answer.verdict is not Verdict.PROCEED:
        if not answer.reason.strip():
            raise BrokenHookError(f"it answers {answer.verdict} without a reason")
        if answer.graces:
            raise BrokenHookError(f"it answers {answer.verdict} with graces, which go with proceed")
    if len(answer.reason) > LONGEST_REASON:
        raise BrokenHookError(f"its reason is longer than {LONGEST_REASON} characters")
    _check_graces(answer, request)
    return answer


def _check_graces(answer: HookAnswer, request: HookRequest) -> None:
    stages = {stage.number: stage for stage in request.stages}
    if answer.graces and len(stages) < len(request.stages):
        raise BrokenHookError("it gives graces for a case that has stages of several rules")
    for number, grace in answer.graces.items():
        if number not in stages:
            raise BrokenHookError(f"it gives a grace for stage {number}, which there is not")
        if not timedelta() <= grace <= LONGEST_GRACE:
            raise BrokenHookError(f"its grace for stage {number} is below nothing, or longer than ten years")
        if stages[number].is_irreversible and grace < stages[number].after:
            raise BrokenHookError(f"it shortens stage {number}, which cannot be undone")
    graces = [answer.graces.get(number, stage.after) for number, stage in sorted(stages.items())]
    if graces != sorted(graces):
        raise BrokenHookError("its graces put a later stage before an earlier one")
