"""Who is in the demo, and how it has to end for each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

GROUP = "Break Glass"
TARGETS = ("application", "directory")

SUSPENDED = ("PATCH at application", "modify at directory")
DELETED = ("DELETE at application", "delete at directory")
RESTORED = SUSPENDED


class Access(StrEnum):
    """What somebody has at a target, read from the target itself."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    GONE = "gone"


@dataclass(slots=True)
class Person:
    """Somebody with an account at both targets.

    Attributes:
        source: The identity provider that knows them.
        part: What happens to them, for the last table.
        ends: Their access at the end, at every target.
        changes: What the targets' own logs have to show for them, and nothing beside.
        values: What stands for variables in the traffic; the bridge's ids are added.
    """

    name: str
    family: str
    source: str
    part: str
    ends: Access
    user_type: str = "Employee"
    changes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {
            "user_name": self.user_name,
            "given": self.name,
            "family": self.family,
            "external_id": f"{self.source}-{self.name.lower()}",
            "employee_number": str(1000 + sum(self.name.encode())),
            "user_type": self.user_type,
            "group": GROUP,
        }

    @property
    def user_name(self) -> str:
        """Their userName, and their mail address."""
        return f"{self.name.lower()}@example.com"

    @property
    def identity_id(self) -> str:
        """The bridge's id of the identity; empty until it was created."""
        return self.values.get("id", "")


def everybody() -> list[Person]:
    """Return the cast, as it is before the first scene."""
    return [
        Person(
            "Ada", "Example", "entra", "disabled; suspended, then deleted", Access.GONE, changes=SUSPENDED + DELETED
        ),
        Person("Ben", "Example", "entra", "disabled; hired again during grace", Access.ACTIVE),
        Person("Cleo", "Example", "entra", f"disabled; excluded, in {GROUP}", Access.ACTIVE),
        Person("Dora", "Example", "entra", "stays", Access.ACTIVE),
        Person("Eli", "Example", "entra", "DELETE; suspended, then deleted", Access.GONE, changes=SUSPENDED + DELETED),
        Person(
            "Noor",
            "Example",
            "okta",
            "deactivated; suspended",
            Access.SUSPENDED,
            user_type="Contractor",
            changes=SUSPENDED,
        ),
        Person(
            "Omar",
            "Example",
            "okta",
            "suspended; hired again, restored",
            Access.ACTIVE,
            changes=SUSPENDED + RESTORED,
        ),
    ]
