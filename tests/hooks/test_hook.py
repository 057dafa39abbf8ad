"""Which answers of a hook can be followed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.hooks.hook import BrokenHookError, checked
from scimbridge.sdk.hook import HookAnswer, HookRequest, Verdict

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "answer",
    [
        HookAnswer.proceed(),
        HookAnswer.proceed({0: timedelta()}),
        HookAnswer.proceed({0: 20 * DAY, 1: 90 * DAY}),
        HookAnswer.skip("a mistake"),
        HookAnswer.hold("ask Grace"),
    ],
)
def test_it_lets_good_answers_through(question: HookRequest, answer: HookAnswer) -> None:
    assert checked(answer, question) is answer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HookAnswer.skip(" "), "without a reason"),
        (HookAnswer.hold(""), "without a reason"),
        (HookAnswer.hold("x" * 501), "longer than 500"),
        (HookAnswer(verdict=Verdict.HOLD, reason="x", graces={0: DAY}), "go with proceed"),
        (HookAnswer.proceed({2: DAY}), "which there is not"),
        (HookAnswer.proceed({0: -DAY}), "below nothing"),
        (HookAnswer.proceed({1: 5000 * DAY}), "longer than ten years"),
        (HookAnswer.proceed({1: 29 * DAY}), "cannot be undone"),
        (HookAnswer.proceed({0: 31 * DAY}), "before an earlier one"),
    ],
)
def test_it_refuses_what_cannot_be_followed(question: HookRequest, answer: HookAnswer, why: str) -> None:
    with pytest.raises(BrokenHookError, match=why):
        checked(answer, question)
