"""Who came into a group and who left it, by one request."""

from __future__ import annotations

from dataclasses import dataclass, field

from scimbridge.domain.resource import MemberIds, MemberKind

MOST_AT_ONCE = 500
"""People who may lose something by one request. Nobody takes out more by hand: beyond it, an operator is asked."""

MOST_BACK_AT_ONCE = 100
"""Accounts that one request may give back, each in a millisecond or two; beyond it, a sweeper does, a few at a time."""


def _nobody() -> dict[MemberKind, set[str]]:
    return {kind: set() for kind in MemberKind}


@dataclass(slots=True)
class Moves:
    """Who came into a group and who left it, by one request.

    Attributes:
        came: Counted for every group.
        left: Counted for every group.
        are_noted: Whether it is known who; for groups that grant something.
    """

    came: int = 0
    left: int = 0
    are_noted: bool = False
    _were_in: dict[MemberKind, set[str]] = field(default_factory=_nobody)
    _were_out: dict[MemberKind, set[str]] = field(default_factory=_nobody)
    _are_in: dict[MemberKind, set[str]] = field(default_factory=_nobody)

    @property
    def changed(self) -> bool:
        """Whether anybody came or left."""
        return bool(self.came or self.left)

    def note(self, found: MemberIds, *, is_in: bool) -> None:
        """Note members who are in from now on, or out, and were not before this change."""
        for kind, ids in ((MemberKind.USER, found.users), (MemberKind.GROUP, found.nested)):
            were_in, were_out, are_in = self._were_in[kind], self._were_out[kind], self._are_in[kind]
            # What they were before the request shows when they are noted first.
            if is_in:
                were_out |= ids - were_in
                are_in |= ids
            else:
                were_in |= ids - were_out
                are_in -= ids
            self.are_noted |= bool(ids)

    def who(self, kind: MemberKind, *, left: bool) -> set[str]:
        """Return who left, or came, when the whole request is looked at."""
        are_in = self._are_in[kind]
        return self._were_in[kind] - are_in if left else self._were_out[kind] & are_in
