"""A notice: one thing that people are told, as plain data. How it reads is the templates' affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What people are told. Templates are named after it."""

    LEAVER = "leaver"
    """Somebody loses access, or a group is given up: what happens when, and how to stop it."""

    GUARD_TRIPPED = "guard_tripped"
    """More people would lose access than the guard allows; the rest is held."""

    TARGET_PAUSED = "target_paused"
    """Nothing works at a target until somebody mends it."""

    DEADLINE_MISSED = "deadline_missed"
    """Something has not been done in the time that was set for it."""

    RULES_ACTIVATED = "rules_activated"
    """Other rules are in force."""

    RULES_UNUSED = "rules_unused"
    """A process does not go by the rules in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that will happen.

    Attributes:
        at: When (UTC), at the earliest.
        action: What, as the rule names it.
        targets: Where.
        is_irreversible: Nothing in the bridge can undo it.
        needs_approval: It waits for an operator who approves it.
    """

    at: datetime
    action: str
    targets: Sequence[str]
    is_irreversible: bool = False
    needs_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """Somebody loses access, or a group is given up.

    Attributes:
        person: Their name, or their userName where they have none; of a group its name.
        user_name: As their source has it.
        source: Which source said that they leave; of a group the target that it is at.
        trigger: What it said, such as ``deactivated``.
        case_id: The case.
        steps: What is left to happen, in this order.
        point_of_no_return: When the first step comes that cannot be undone (UTC), at the earliest; ``None`` where none
            does.
        hold_command: Stops everything until it is lifted.
        cancel_command: Ends the case for good.
        link: Where the case is shown.
        is_group: It is a group at a target, and nobody leaves.
    """

    kind: ClassVar[Kind] = Kind.LEAVER

    person: str
    user_name: str
    source: str
    trigger: str
    case_id: str
    steps: Sequence[Step]
    point_of_no_return: datetime | None
    hold_command: str
    cancel_command: str
    link: str
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardTripped:
    """More people would lose access than the guard allows.

    Attributes:
        flood_id: What is held, as one.
        where: What the limit is for, such as ``all targets`` or ``target crm``.
        reason: Which limit, and what came.
        release_command: Lets it go on.
        cancel_command: Cancels all of it.
        link: Where it is shown.
    """

    kind: ClassVar[Kind] = Kind.GUARD_TRIPPED

    flood_id: str
    where: str
    reason: str
    release_command: str
    cancel_command: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPaused:
    """Nothing works at a target until somebody mends it.

    Attributes:
        target: Its name.
        reason: What it answered.
        check_command: Says whether it works again.
        resume_command: Lets its work go on.
        link: Where it is shown.
    """

    kind: ClassVar[Kind] = Kind.TARGET_PAUSED

    target: str
    reason: str
    check_command: str
    resume_command: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineMissed:
    """Something has not been done in the time that was set for it.

    Attributes:
        action: What.
        target: Where.
        case_id: In which case.
        due_at: When it was due (UTC).
        deadline_at: When it should have been done (UTC).
        reason: What is in its way, as far as that is known.
        show_command: Shows the case.
        link: Where it is shown.
    """

    kind: ClassVar[Kind] = Kind.DEADLINE_MISSED

    action: str
    target: str
    case_id: str
    due_at: datetime
    deadline_at: datetime
    reason: str
    show_command: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesActivated:
    """Other rules are in force.

    Attributes:
        version: Which version.
        by: Who has activated it, or whose file it is.
        reason: Why.
        changes: Which rules are others, such as ``changed: employees``.
        warnings: What to think about, such as a step that is new and cannot be undone.
        diff_command: Shows what differs, line by line.
        back_command: Makes a draft of the version before.
        link: Where it is shown.
    """

    kind: ClassVar[Kind] = Kind.RULES_ACTIVATED

    version: int
    by: str
    reason: str
    changes: Sequence[str]
    warnings: Sequence[str]
    diff_command: str
    back_command: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesUnused:
    """A process does not go by the rules in force.

    Attributes:
        version: The version that is in force.
        where: The configuration file of the process, and its machine.
        reason: Why it does not.
        check_command: Says on that machine whether it does again.
        link: Where the version is shown.
    """

    kind: ClassVar[Kind] = Kind.RULES_UNUSED

    version: int
    where: str
    reason: str
    check_command: str
    link: str


Content = Leaver | GuardTripped | TargetPaused | DeadlineMissed | RulesActivated | RulesUnused


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that people are told.

    Attributes:
        id: Says of a repeat that it is one: the same whenever the same is told to the same people.
        at: When it came up (UTC).
        content: What it is about.
        zone: In which times are written.
    """

    id: str
    at: datetime
    content: Content
    zone: tzinfo = UTC

    @property
    def kind(self) -> Kind:
        """What people are told."""
        return self.content.kind


def variables(content: Content) -> Mapping[str, Any]:
    """Return what a template can show, by name."""
    return {field.name: getattr(content, field.name) for field in fields(content)}
