"""What helps where something waits, as the pages have it: a link to what one does there, instead of a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from scimbridge.services.story import Reason, Why


@dataclass(frozen=True, slots=True)
class NextStep:
    """What one can do.

    Attributes:
        label: What the link says; empty where there is nothing to go to.
        href: Where it leads; on the page of the case where it begins with ``#``.
        rest: What follows the link.
        takes_acting: Whether only those can do it who may act.
    """

    label: str
    href: str = ""
    rest: str = ""
    takes_acting: bool = True


_RETRY = NextStep("Retry", "#act-retry", " tries it now.")
_APPROVE = NextStep("Look at what stage {about} will do, and approve", "/cases/{case}/approve/{about}")
_WAITING = NextStep("Queues", "/queues", " shows how many wait there.", takes_acting=False)

_STEPS: Mapping[Why, NextStep] = {
    Why.HOLD: NextStep("Lift the hold", "/holds/{about}"),
    Why.LEGAL_HOLD: NextStep("Look at the legal hold", "/holds/{about}", "; lifting it takes a reason."),
    Why.HOOK: NextStep("Lift the hold", "/holds/{about}", " to go on without its answer."),
    Why.FLOOD: NextStep("Decide about the flood", "/guard/{about}", ", or lift the hold below for this case alone."),
    Why.NO_TARGET: NextStep("Cancel", "#act-cancel", " ends the case."),
    Why.UNUSABLE: NextStep(
        "Resume {about}", "/targets/{about}", " once it is mended and scimbridge was started again."
    ),
    Why.PAUSED: NextStep("Resume {about}", "/targets/{about}", " to let it go on."),
    Why.OBSERVING: NextStep("Arm {about}", "/targets/{about}", ' for a time; mode = "enforce" is for good.'),
    Why.OBSERVED: NextStep("Arm {about}", "/targets/{about}", ", then “Do what was observed” above does it."),
    Why.LATE: _RETRY,
    Why.BACKOFF: _RETRY,
    Why.GRACE: NextStep("Cancel", "#act-cancel", " calls it off."),
    Why.APPROVAL: _APPROVE,
    Why.LAPSED: _APPROVE,
    Why.PROTECTED: _APPROVE,
    Why.CHANGED: _APPROVE,
    Why.SPARED: _APPROVE,
    Why.UNTOLD: _APPROVE,
    Why.AMBIGUOUS: NextStep("Choose the account", "#task-{about}", " at the task below."),
    Why.CONTESTED: NextStep("Retry", "#act-retry", " once that is settled; or see to it by hand, and say so below."),
    Why.NEEDS_PERSON: NextStep("Retry", "#act-retry", " once that is mended; or see to it by hand, and say so below."),
    Why.FULL: _WAITING,
    Why.LETTING_GO: _WAITING,
    Why.FREEZE: NextStep("Schedules", "/schedules", " has when the freeze ends.", takes_acting=False),
    Why.EXCLUDED: NextStep("Exclusions", "/exclusions", " has all of them.", takes_acting=False),
    Why.NO_ACCOUNT: NextStep(
        "Check {about}", "/targets/{about}", " if there is one all the same; its `match` may be wrong."
    ),
}
"""By what keeps a case. What is not here is done at the machine, as the reason's own step says."""


def next_step(reason: Reason, case_id: str, *, may_act: bool) -> NextStep | None:
    """Return what helps, for somebody who may act or only look; ``None`` where there is nothing for them to do."""
    known = _STEPS.get(reason.why)
    if known is None or not (reason.step or reason.about):
        return NextStep("", rest=reason.step, takes_acting=False) if reason.step else None
    if known.takes_acting and not may_act:
        return None
    href = known.href.format(about=quote(reason.about), case=case_id)
    return NextStep(known.label.format(about=reason.about), href, known.rest, known.takes_acting)


_CONTROLS = (
    ("cases request USERNAME", "“Have them leave” on the person's page"),
    ("guard show", "its page under Guard"),
    ("targets resume", "Resume on its page"),
    ("operator sign-in", "the operator's page"),
)
"""What is told or refused with a command in it, and what that is called on the pages."""

_COMMANDS = [(re.compile(f"`(?:scimbridge )?{command}[^`]*`"), control) for command, control in _CONTROLS]


def on_a_page(text: str) -> str:
    """Return a sentence with the pages' own words in place of commands that they have a control for."""
    if "`" in text:
        for command, control in _COMMANDS:
            text = command.sub(control, text)
    return text
