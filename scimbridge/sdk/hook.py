"""Hooks: whom a rule asks before anything happens. A hook is a callable that gets a request and returns an answer.

An installed package offers one as an entry point in the group ``scimbridge.hooks``; a rule names it with ``hook``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from scimbridge.domain.action import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTask:
    """One action at one target."""

    target: str
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class HookStage:
    """One stage of what is planned.

    Attributes:
        number: By which an answer names it; the first is 0.
        after: Its grace.
        due_at: When it is due (UTC).
    """

    number: int
    after: timedelta
    due_at: datetime
    tasks: tuple[HookTask, ...] = ()

    @property
    def is_irreversible(self) -> bool:
        """Whether something in it cannot be undone."""
        return any(task.action.is_irreversible for task in self.tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """What a hook is asked about.

    Attributes:
        id: The same whenever the same thing is asked again.
        hook: The name by which the rule calls the hook.
        trigger: The fact that began the case, such as ``deactivated``.
        trigger_at: When it was committed (UTC); graces count from here.
        requested_by: The operator who asked for it, where it was one.
        document: The SCIM document (RFC 7643 §4.1), without ``id`` and ``meta``.
        groups: Display names of the groups that the person is in, or left a short while ago.
        stages: What is planned.
    """

    id: str
    hook: str
    case_id: str
    rule: str
    trigger: str
    trigger_at: datetime
    source: str
    identity_id: str
    user_name: str
    external_id: str | None
    active: bool
    document: Mapping[str, Any]
    groups: tuple[str, ...]
    stages: tuple[HookStage, ...]
    requested_by: str | None = None


class Verdict(StrEnum):
    """What a hook says."""

    PROCEED = "proceed"
    SKIP = "skip"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """What a hook answers; made by ``proceed``, ``skip`` or ``hold``.

    Attributes:
        reason: Shown to operators.
        graces: Other graces, by the number of the stage.
    """

    verdict: Verdict
    reason: str = ""
    graces: Mapping[int, timedelta] = field(default_factory=dict)

    @classmethod
    def proceed(cls, graces: Mapping[int, timedelta] | None = None, *, reason: str = "") -> HookAnswer:
        """Let it happen, with other graces for some stages where these are given."""
        return cls(verdict=Verdict.PROCEED, reason=reason, graces=dict(graces or {}))

    @classmethod
    def skip(cls, reason: str) -> HookAnswer:
        """Call it off."""
        return cls(verdict=Verdict.SKIP, reason=reason)

    @classmethod
    def hold(cls, reason: str) -> HookAnswer:
        """Have a person decide."""
        return cls(verdict=Verdict.HOLD, reason=reason)


HookFunction = Callable[[HookRequest], HookAnswer]
"""What an entry point of the group ``scimbridge.hooks`` has to be."""
