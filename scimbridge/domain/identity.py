"""An identity: a SCIM User of a source, as the source last described it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scimbridge.domain.ids import IdentityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person or service as one source knows it.

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
    def is_gone(self) -> bool:
        """Whether the source says that this identity has no access any more."""
        return not self.active or self.deleted_at is not None

    def as_it_is(self) -> Identity:
        """Return the same identity without the groups that it has left."""
        if not self.left:
            return self
        return replace(self, groups=tuple(name for name in self.groups if name not in self.left), left=())
