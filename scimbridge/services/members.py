"""Who came into a group and who left it, by one request."""

from __future__ import annotations

from dataclasses import dataclass, field

from scimbridge.domain.resource import MemberKind

MOST_AT_ONCE = 500
"""People who may lose something by one request. Nobody takes out more by hand: beyond it, an operator is asked."""


@dataclass(slots=True)
class Moves:
    """Who came into a group and who left it, by one request.

    Attributes:
        came: Counted for every group.
        left: Counted for every group.
        members: Everyone who came or left, with what they were before and after; for groups that grant something.
    """

    came: int = 0
    left: int = 0
    members: dict[str, tuple[bool, bool, MemberKind]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anybody came or left."""
        return bool(self.came or self.left)

    def note(self, found: dict[str, MemberKind], *, is_in: bool) -> None:
        """Note members who are in from now on, or out, and were not before this change."""
        for member_id, kind in found.items():
            was_in = self.members[member_id][0] if member_id in self.members else not is_in
            self.members[member_id] = (was_in, is_in, kind)

    def who(self, kind: MemberKind, *, left: bool) -> list[str]:
        """Return who left, or came, when the whole request is looked at."""
        return sorted(
            member_id
            for member_id, (was_in, is_in, found) in self.members.items()
            if found is kind and was_in is left and is_in is not left
        )
