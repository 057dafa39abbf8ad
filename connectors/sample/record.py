"""An account of a sample target, and what the connector needs of such a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol, Self

from connectors.sample.group import GroupSystem
from scimbridge.sdk import Entitlement


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the target holds about an account.

    Attributes:
        sessions: How many are alive.
        password: Changes with every reset; who left does not know the new one.
        groups: Ids; so are licenses and what it owns.
        note: A text that people write; the stamp stands behind it.
        mail_to: Where its mail goes instead.
        unmanaged: The bridge keeps away from it.
        created_at: When it was made (ISO 8601); empty where nobody knows, like the other times.
        signed_in_at: When somebody last signed in with it, or ``never``.
        expires_at: When it ends by itself, or ``never``.
    """

    id: str
    name: str
    external_id: str = ""
    mail: str = ""
    employee_number: str = ""
    suspended: bool = False
    sessions: int = 0
    password: str = "chosen"  # noqa: S105  # says whose it is, and is none
    groups: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    container: str = ""
    note: str = ""
    hidden: bool = False
    mail_to: str = ""
    archived: bool = False
    unmanaged: bool = False
    created_at: str = ""
    signed_in_at: str = ""
    expires_at: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data; ``from_json`` reads it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the record that ``to_json`` wrote."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: _read(value) for name, value in document.items() if name in known})


def _read(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Edit = Callable[[Record], Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed behind a position.

    Attributes:
        records: Accounts as they are now.
        gone: Ids of those that were removed.
        position: Where the next look goes on; where it was, if nothing has changed.
    """

    records: Sequence[Record]
    gone: Sequence[str]
    position: str


class System(GroupSystem, Protocol):
    """One function per call to the target, whose accounts live in a file, or in memory in the engine's tests.

    Each call may raise what the target's faults make of it.
    """

    def find(self, attribute: str, value: str) -> Sequence[Record]:
        """Return the accounts that have exactly this value."""

    def get(self, account_id: str) -> Record | None:
        """Return an account."""

    def listed(self, after: str, count: int) -> Sequence[Record]:
        """Return so many accounts behind an id, in the order of ids."""

    def position(self) -> str:
        """Return where the target's changes stand now; empty where it counts none."""

    def changed_since(self, position: str, count: int) -> Changes | None:
        """Return so many changes behind a position, in their order; ``None`` where it is none of this target."""

    def change(self, what: str, account_id: str, edit: Edit) -> bool:
        """Change an account in one go; False where it is gone."""

    def transfer(self, account_id: str, successor_id: str, thing: str) -> bool:
        """Let another account own something; False where one of them is gone."""

    def remove(self, account_id: str) -> bool:
        """Remove an account; False where it is gone already."""

    def deleted(self, account_id: str) -> Record | None:
        """Return an account that was removed and is still kept."""

    def bring_back(self, account_id: str) -> bool:
        """Bring a removed account back, suspended, in no groups and without licenses; False where it is not kept."""

    def purge(self, account_id: str) -> bool:
        """Keep a removed account no longer; False where it is not kept."""

    def archive(self, account_id: str) -> str | None:
        """Begin to archive an account: the handle of the work, or ``None`` where it is done at once."""

    def is_archiving(self, handle: str) -> bool:
        """Whether the target still works on it."""

    def entitlement(self, entitlement_id: str) -> Entitlement | None:
        """Return a group, a license or a thing; ``None`` where there is none (any more)."""

    def has_other_owner(self, thing_id: str, account_id: str) -> bool:
        """Whether somebody else who can sign in owns something, too."""

    def free_seats(self, license_id: str) -> int:
        """Return how many accounts can still have a license."""

    def has_container(self, name: str) -> bool:
        """Whether there is such a container."""

    def describe(self) -> str:
        """Return one sentence about what is there."""
