"""What is done to many cases, and what came of it."""

from __future__ import annotations

from pydantic import Field

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.models.cases import CaseFilter, CaseLine
from scimbridge.api.values import At, Count, Id, Moment, Reason, Stage, Text
from scimbridge.domain.intent import CaseAction

MOST_IDS = 1000


class ManyRequest(Model):
    """What to do, and to which cases: those that are named, or those that fit."""

    action: CaseAction
    stage: Stage = 1
    """For `expedite`: which stage skips its grace."""

    hold_until: Moment | None = None
    """For `hold`: when the holds end by themselves; else they stand until they are lifted."""

    ids: list[Id] | None = Field(default=None, min_length=1, max_length=MOST_IDS)
    query: CaseFilter | None = None


class LeftOut(Answer):
    """Cases to which it is not done."""

    why: str
    count: int
    first: list[CaseLine]


class ManyPreview(Answer):
    """What would be done."""

    action: CaseAction
    count: int
    first: list[CaseLine]
    """The newest ten."""

    left_out: list[LeftOut]
    unknown: list[str]
    """Ids that no case has."""

    final: int
    """How many of them would be let do something that cannot be undone."""

    can_be_undone: bool
    afterwards: str
    """How it is taken back, or that it cannot be."""

    digest: str
    """What stands for what would be done, and to which cases; send it back, and that is done to these only."""

    until: At
    """Cases opened later are not in it."""


class ActRequest(ManyRequest):
    """What to do to many."""

    reason: Reason
    count: Count
    """As the preview said. Where it is another number by now, nothing is done."""

    digest: Text | None = None
    """From the preview. Where it would be something else, or done to other cases by now, nothing is done. Only
    where you name the cases by their ids may it be left out."""

    until: Moment
    """From the preview."""


class Acted(Answer):
    """What became of one case."""

    case_id: str
    done: bool
    said: str
    made: str | None
    """The hold that was placed, or the case that gives back."""


class ManyReport(Answer):
    """What became of all."""

    done: int
    results: list[Acted]
    more: bool
    """There are more than one request does: preview and ask again."""
