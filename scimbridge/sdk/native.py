"""What a connector says about anything at a target: what accounts and groups have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from scimbridge.domain.action import Action
from scimbridge.sdk.stamp import stamp_of


class HasId(Protocol):
    """Something that the target has an id for."""

    @property
    def id(self) -> str:
        """The target's immutable id."""


class HasName(HasId, Protocol):
    """Something that people have a name for, too."""

    @property
    def name(self) -> str:
        """What people call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeState(ABC):
    """What was read. The first one is the snapshot that undo works from.

    What a target does not have, or does not tell, is ``None``: then nobody can say whether it is as wanted.

    Attributes:
        id: The target's immutable id; no other account and no group there has it.
        name: What people call it.
        attributes: Values by the target's attribute name; of an account at least those that ``match`` names.
        container: Where it is: an OU, an org unit.
        stamp: The bridge's mark "To Be Deleted", as it stands there; empty where there is none.
        stamped_until: The date in the mark (UTC), where it can be read.
        unmanaged: Whether it carries the mark that keeps the bridge away from it.
        deleted: It was deleted, and the target still keeps it.
        protected: Why only a person may decide about it: a directory role, the last owner of something.
        original: The state before the bridge first touched it; set by the engine.
        left: The state as the bridge left it last; set by the engine.
        delete_at: When its case deletes it (UTC), for the stamp; set by the engine where it does.
        handle: What the target called the work that it accepted earlier; set by the engine.
    """

    _by_engine: ClassVar[tuple[str, ...]] = ("original", "left", "delete_at")
    _flags: ClassVar[tuple[str, ...]] = ("unmanaged", "deleted")

    id: str
    name: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    container: str | None = None
    stamp: str | None = None
    stamped_until: datetime | None = None
    unmanaged: bool | None = None
    deleted: bool = False
    protected: str = ""
    original: Self | None = None
    left: Self | None = None
    delete_at: datetime | None = None
    handle: str | None = None

    def __post_init__(self) -> None:
        """Refuse a flag that is none: a text like "false" would count as so."""
        for name in self._flags:
            if not isinstance(getattr(self, name), bool | None):
                raise TypeError(f"{name} is True, False or None, and not {type(getattr(self, name)).__name__}")

    @property
    def is_stamped(self) -> bool:
        """Whether it has the mark, and the mark says no earlier date than the one that is planned.

        A later one is the wish of whoever moved it, and stays; so does what is no date.
        """
        if not self.stamp or self.delete_at is None:
            return bool(self.stamp)
        if self.stamped_until is None:
            return self.stamp != stamp_of(None)
        return self.stamped_until >= self.delete_at.replace(microsecond=0)

    @abstractmethod
    def is_as_wanted_by(self, action: Action) -> bool | None:
        """Whether it is already what an action would make it; ``None`` where that cannot be told."""

    @property
    def protection(self) -> str:
        """Why only a person may decide about it, as part of a sentence; empty where anybody may."""
        return self.protected

    @property
    @abstractmethod
    def decisive(self) -> Mapping[str, Any]:
        """What an approval is given for."""

    @property
    @abstractmethod
    def evidence(self) -> Mapping[str, Any]:
        """What is kept of it as proof: nobody's name, and only what the target tells."""

    @property
    def names(self) -> Mapping[str, str]:
        """The names of what ``decisive`` has ids of."""
        return {}

    def withheld_by(self, action: Action) -> tuple[HasName, ...]:
        """Return what an action that gives back does not, because it would give power over others."""
        del action
        return ()

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return plain data for the store; what the engine set is not part of it."""

    def with_original(self, original: NativeState | None, left: NativeState | None = None) -> Self:
        """Return this state beside the snapshot, and beside how the bridge left it last."""
        beside: dict[str, Any] = {"original": original, "left": left}
        return replace(self, **beside)

    def seen_again(self, now: NativeState) -> Self:
        """Return a later read of the same account or group with what the engine had set here."""
        assert isinstance(now, type(self))  # noqa: S101 - one id is not an account first, and then a group
        return replace(now, **{name: getattr(self, name) for name in self._by_engine})

    def stays(self, name: str) -> bool:
        """Whether undo leaves a value as it is: it is the original one, or somebody else has set it since."""
        now = getattr(self, name)
        if self.original is None or now == getattr(self.original, name):
            return True
        return self.left is not None and now != getattr(self.left, name)

    def had(self, name: str) -> bool:
        """Whether it had a value before the bridge came; so it does where the bridge never touched it."""
        return self.original is None or bool(getattr(self.original, name))

    def _given(self, name: str) -> tuple[Any, ...]:
        """Return what the bridge gave, and is still there."""
        if self.original is None or self.left is None:
            return ()
        had = {each.id for each in getattr(self.original, name) or ()}
        gave = {each.id for each in getattr(self.left, name) or ()} - had
        return tuple(each for each in getattr(self, name) or () if each.id in gave)

    def _taken(self, name: str) -> tuple[Any, ...]:
        """Return what the bridge took and is not there again; what it left there, somebody else has taken."""
        if self.original is None:
            return ()
        listed: tuple[HasId, ...] = (*(getattr(self, name) or ()), *(getattr(self.left, name, None) or ()))
        is_there = {each.id for each in listed}
        return tuple(each for each in getattr(self.original, name) or () if each.id not in is_there)
