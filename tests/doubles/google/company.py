"""A customer of Google Workspace, as the double holds it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]


@dataclass
class Mail:
    """The Gmail settings of a person; of delegates by their address, whether they have agreed."""

    forwarding_addresses: list[str] = field(default_factory=list)
    auto_forwarding: Document = field(default_factory=lambda: {"enabled": False})
    vacation: Document = field(default_factory=lambda: {"enableAutoReply": False})
    delegates: dict[str, str] = field(default_factory=dict)


@dataclass
class User:
    """A person: what the API shows of them, and what stands behind it.

    Attributes:
        document: As ``users.get`` returns it.
        app_passwords: Names by the number of the password.
        tokens: Names of applications by their client id.
        sessions: How many are open.
        is_on_hold: Google Vault keeps what belongs to them.
    """

    document: Document
    mail: Mail = field(default_factory=Mail)
    app_passwords: dict[int, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    backup_codes: int = 10
    sessions: int = 0
    is_deleted: bool = False
    is_on_hold: bool = False

    @property
    def id(self) -> str:
        """The immutable id."""
        return str(self.document["id"])

    @property
    def email(self) -> str:
        """The primary address."""
        return str(self.document["primaryEmail"])

    @property
    def addresses(self) -> set[str]:
        """All addresses, folded."""
        return {each.casefold() for each in (self.email, *self.document.get("aliases", ()))}

    @property
    def is_admin(self) -> bool:
        """Whether they may administer anything."""
        return bool(self.document["isAdmin"] or self.document["isDelegatedAdmin"])


@dataclass
class Group:
    """A group, and its members by their id: role and delivery."""

    document: Document
    members: dict[str, Document] = field(default_factory=dict)
    is_dynamic: bool = False
    settings: Document = field(
        default_factory=lambda: {
            "archiveOnly": "false",
            "whoCanPostMessage": "ALL_IN_DOMAIN_CAN_POST",
            "whoCanJoin": "CAN_REQUEST_TO_JOIN",
        }
    )

    @property
    def id(self) -> str:
        """The immutable id."""
        return str(self.document["id"])

    @property
    def email(self) -> str:
        """Its address."""
        return str(self.document["email"])


class Company:
    """Everything that a customer has."""

    def __init__(self, domain: str = "example.com") -> None:
        self.domain = domain
        self.customer_id = "C01abc234"
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.org_units = {"/", "/Staff", "/Leavers"}
        self.roles: dict[str, Document] = {}
        self.role_assignments: dict[str, Document] = {}
        self.licenses: dict[tuple[str, str], set[str]] = {}
        self.seats: dict[tuple[str, str], int] = {}
        self.archived_seats = 1000
        self.completes_transfers = False
        self.transfers: dict[str, Document] = {}
        self._numbers: Iterator[int] = itertools.count(100_000_000_000_000_000)

    def number(self) -> str:
        """Return an id that nothing else has."""
        return str(next(self._numbers))

    # -- what a test arranges, and sees -----------------------------------------

    def hire(self, name: str, **attributes: Any) -> User:
        """Add somebody; ``name`` is the address, or what stands before its @."""
        email = name if "@" in name else f"{name}@{self.domain}"
        document: Document = {
            "kind": "admin#directory#user",
            "id": self.number(),
            "primaryEmail": email,
            "name": {"givenName": "Some", "familyName": "Body", "fullName": "Some Body"},
            "isAdmin": False,
            "isDelegatedAdmin": False,
            "suspended": False,
            "archived": False,
            "orgUnitPath": "/Staff",
            "includeInGlobalAddressList": True,
            "customerId": self.customer_id,
            "isMailboxSetup": True,
            "lastLoginTime": "1970-01-01T00:00:00.000Z",
            "creationTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            **attributes,
        }
        user = User(document)
        self.users[user.id] = user
        return user

    def form(self, name: str, *members: User | Group, is_dynamic: bool = False) -> Group:
        """Add a group with members."""
        document = {
            "kind": "admin#directory#group",
            "id": self.number(),
            "email": f"{name.replace(' ', '-')}@{self.domain}",
            "name": name,
        }
        group = Group(document, is_dynamic=is_dynamic)
        for each in members:
            group.members[each.id] = {"role": "MEMBER", "delivery_settings": "ALL_MAIL"}
        self.groups[document["id"]] = group
        return group

    def appoint(self, who: User | Group, role_name: str, *, is_super: bool = False) -> str:
        """Give somebody, or the members of a group, a role of administrators; returns the assignment's id."""
        role_id, assignment_id = self.number(), self.number()
        self.roles[role_id] = {"roleId": role_id, "roleName": role_name, "isSuperAdminRole": is_super}
        self.role_assignments[assignment_id] = {
            "roleAssignmentId": assignment_id,
            "roleId": role_id,
            "assignedTo": who.id,
            "assigneeType": "user" if isinstance(who, User) else "group",
            "scopeType": "CUSTOMER",
        }
        if isinstance(who, User):
            who.document["isAdmin" if is_super else "isDelegatedAdmin"] = True
        return assignment_id

    def license(self, user: User, product: str, sku: str) -> None:
        """Give somebody a license."""
        self.licenses.setdefault((product, sku), set()).add(user.email)

    # -- look-ups ----------------------------------------------------------------

    def user(self, key: str) -> User | None:
        """Return who has this id, address or alias, if they are not deleted."""
        for user in self.users.values():
            if not user.is_deleted and (user.id == key or key.casefold() in user.addresses):
                return user
        return None

    def group(self, key: str) -> Group | None:
        """Return the group of this id or address."""
        for group in self.groups.values():
            addresses = {each.casefold() for each in (group.email, *group.document.get("aliases", ()))}
            if key == group.id or key.casefold() in addresses:
                return group
        return None

    def groups_of(self, user: User) -> list[Group]:
        """Return the groups that somebody is in directly."""
        return [group for group in self.groups.values() if user.id in group.members]
