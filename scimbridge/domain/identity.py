"""An identity: a SCIM User of a source, as the source last described it; or a group of which a target is the source.

What a case can be about is one kind of thing, so that holds, the guard, locks and the history need not ask which: a
group at a target that is to be given up is an identity, whose source is that target. It is never active, nobody
signs in with it, and no source of SCIM can have such a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from scimbridge.domain.ids import IdentityId
from scimbridge.domain.lightweight import lightweight

AT_TARGET = "@"
"""How the source of a group begins that is at a target; the target's name follows."""


def source_at(target: str) -> str:
    """Return the source of the groups at a target."""
    return f"{AT_TARGET}{target}"


def target_of(source: str) -> str:
    """Return the target whose groups a source has."""
    return source.removeprefix(AT_TARGET)


@lightweight(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person or service as one source knows it, or a group at a target.

    Attributes:
        document: The SCIM document (RFC 7643 §4.1), without ``id`` and ``meta``.
        groups: Display names of the groups it is in, or left within the membership memory.
        left: Those of them that it has left.
    """

    id: IdentityId
    source: str
    user_name: str
    external_id: str | None
    active: bool
    deleted_at: datetime | None
    document: Mapping[str, Any]
    groups: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether it is a group at a target."""
        return self.source.startswith(AT_TARGET)

    @property
    def is_gone(self) -> bool:
        """Whether the source says that this identity has no access any more."""
        return not self.active or self.deleted_at is not None

    def as_it_is(self) -> Identity:
        """Return the same identity without the groups that it has left."""
        if not self.left:
            return self
        return replace(self, groups=tuple(name for name in self.groups if name not in self.left), left=())
