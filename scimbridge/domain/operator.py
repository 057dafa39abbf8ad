"""Operators: people who use the API, with what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an operator may do. Each may do what those before it may."""

    VIEWER = "viewer"
    """Look."""

    OPERATOR = "operator"
    """Decide about people, cases, holds and targets."""

    ADMIN = "admin"
    """Let others in."""

    def covers(self, other: Role) -> bool:
        """Whether somebody of this role may do what takes another one."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who has shown who they are."""

    name: str
    role: Role
