"""Holds, floods, exclusions and inquiries."""

from __future__ import annotations

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.models.steps import TooLate
from scimbridge.api.values import At, Count, Moment, Name, Reason, Text
from scimbridge.domain.action import Action, GuardClass
from scimbridge.domain.exclusion import Spared
from scimbridge.domain.flood import Decision
from scimbridge.domain.guard import GuardScope
from scimbridge.domain.hold import Scope
from scimbridge.domain.inquiry import Cause
from scimbridge.domain.task import TaskState


class HoldRequest(Model):
    """What to hold."""

    scope: Scope
    subject: Name | None = None
    """The name of the source or target, the id of the case, or the id or userName of the person."""

    reason: Reason
    legal: bool = False
    """A legal hold: nothing but lifting it by its id, with a reason, or its date, ends it."""

    until: Moment | None = None
    """When it ends by itself; else it stands until it is lifted."""


class HoldLine(Answer):
    """A hold."""

    id: str
    scope: Scope
    subject: str | None
    reason: str
    placed_by: str
    placed_at: At
    until: At | None
    """When it ends by itself; never where null."""

    legal: bool
    flood_id: str | None


class Placed(HoldLine):
    """A new hold."""

    too_late_for: list[TooLate]
    """Attempts whose request may have left already."""


class Holds(Answer):
    """The holds that stand; those of floods are with each flood."""

    items: list[HoldLine]


class LiftRequest(Model):
    """Why a hold may be lifted."""

    reason: Text = ""
    """A legal hold needs one."""


class FloodLine(Answer):
    """A flood: more identities than a limit of the guard allows."""

    id: str
    scope: GuardScope
    subject: str | None
    guard_class: GuardClass = Field(alias="class")
    reason: str
    opened_at: At
    cases: int
    held: int
    started: int
    decision: Decision | None
    gives_back: bool
    closed_at: At | None
    closed_by: str | None
    closing_reason: str | None
    settled_at: At | None
    """When the decision had been carried out for all of its cases."""


class FloodChoice(Model):
    """Which floods."""

    decided: bool = False
    """Those that somebody has decided about; else those that wait for a decision."""


class Floods(Answer):
    """Floods."""

    items: list[FloodLine]


class HeldCase(Answer):
    """A case that a flood holds."""

    case_id: str
    source: str
    user_name: str
    hold_id: str | None


class StartedTask(Answer):
    """A task that has changed something, or may have, before the flood was held."""

    case_id: str
    source: str
    user_name: str
    action: Action
    target: str
    state: TaskState
    may_have_left: bool


class FloodStory(FloodLine):
    """A flood, with whom it holds and what had started; both lists are capped at 1000."""

    holds: list[HeldCase]
    tasks_started: list[StartedTask]
    beside: list[str]
    """Other floods that wait, and have some of the same cases."""


class FloodReleaseRequest(Model):
    """Why a flood was meant."""

    reason: Reason
    cases: Count | None = None
    """How many cases the flood had when you looked at it."""


class FloodCancelRequest(Model):
    """Why a flood was a mistake."""

    reason: Reason
    restore: bool = False
    """Give back what was taken, although the source says that they left."""


class ExclusionRequest(Model):
    """Whom or what to spare."""

    of: Spared
    match: Text | None = None
    """For `match`: a SCIM filter (RFC 7644 §3.4.2.2) over identities."""

    subject: Name | None = None
    """Else the id or name; of a person, the userName does, too."""

    target: Name | None = None
    """For `account` and `group`: only there."""

    until: Moment | None = None
    reason: Reason


class ExclusionLine(Answer):
    """An exclusion; one of the configuration has no id."""

    id: str | None
    made_at: str = Field(alias="from")
    """`run time` or `configuration`."""

    of: Spared
    match: str | None
    subject: str | None
    target: str | None
    until: At | None
    reason: str
    placed_by: str | None
    placed_at: At | None


class Exclusions(Answer):
    """All exclusions."""

    items: list[ExclusionLine]


class Excluded(Answer):
    """A new exclusion."""

    id: str
    reach: int | None
    """How many active identities it spares now; null where it is of something else."""


class Ended(Answer):
    """What was ended."""

    id: str


class InquiryLine(Answer):
    """A question: did these people lose the targets?"""

    id: str
    source: str
    cause: Cause
    group_id: str
    group: str
    targets: list[str]
    people: int
    opened_at: At
    verdict: str | None
    """What was answered; null where nobody has yet."""

    closed_by: str | None
    closed_at: At | None


class InquiryChoice(Model):
    """Which inquiries."""

    answered: bool = False
    """Those that somebody has answered, the newest answer first; else those that wait, the oldest first."""


class Inquiries(Answer):
    """Inquiries; at most 1000."""

    items: list[InquiryLine]


class Asked(Answer):
    """Somebody whom an inquiry is about."""

    id: str
    user_name: str


class InquiryStory(InquiryLine):
    """An inquiry, and whom it is about by now."""

    count: int
    """How many; none any more once it is answered."""

    about: list[Asked]
    """At most 1000 of them."""


class Confirmed(Answer):
    """What came of confirming."""

    id: str
    lost: int
    """For how many people it is a fact now."""
