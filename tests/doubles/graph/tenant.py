"""A tenant of Entra ID, as the double holds it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]

NO_ROLE = str(uuid.UUID(int=0))
"""What is assigned where an application has no roles."""


@dataclass
class User:
    """A person: what Graph shows, and what stands behind it.

    Attributes:
        grants: Applications that the person let act for them, by the id of the grant.
        methods: Kinds of authentication methods by their id; the first phone is the default one.
        rules: Inbox rules by their id; ``None`` where there is no mailbox.
        reply: The automatic reply.
        is_kept: Nobody removes them for good, once they are deleted.
    """

    document: Document
    grants: dict[str, str] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    rules: dict[str, Document] | None = field(default_factory=dict)
    reply: Document = field(default_factory=lambda: {"status": "disabled", "externalAudience": "none"})
    sessions: int = 0
    password: str = ""
    is_deleted: bool = False
    is_kept: bool = False

    @property
    def id(self) -> str:
        """The object id."""
        return str(self.document["id"])

    @property
    def upn(self) -> str:
        """The user principal name."""
        return str(self.document["userPrincipalName"])


@dataclass
class Group:
    """A group; members and owners by their ids."""

    document: Document
    members: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The object id."""
        return str(self.document["id"])


@dataclass
class Application:
    """An application, or the service principal that stands for one: its kind says which.

    Attributes:
        document: Of an application: by which id it signs in, and its secrets, as Graph shows them.
    """

    id: str
    kind: str
    name: str
    owners: set[str] = field(default_factory=set)
    document: Document = field(default_factory=dict)


class Tenant:
    """Everything in a tenant.

    Attributes:
        assignments: Of users and groups to applications, by their id.
        eligible: Roles that Privileged Identity Management keeps ready, by the id of the schedule.
        scheduled: Roles that it gives for a time, by the id of the schedule.
        has_premium: Whether the tenant has a license for Privileged Identity Management.
        managers: Whose manager is who, by their ids.
        forget_changes: Lets all tokens of lists of changes run out.
    """

    def __init__(self) -> None:
        self.applications: dict[str, Application] = {}
        self.assignments: dict[str, Document] = {}
        self.eligible: dict[str, Document] = {}
        self.scheduled: dict[str, Document] = {}
        self.has_premium = True
        self.managers: dict[str, str] = {}
        self.forget_changes: Callable[[], None] = lambda: None
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.roles: dict[str, str] = {}
        self.role_assignments: dict[str, Document] = {}
        self.devices: dict[str, Document] = {}
        self.skus: dict[str, str] = {}
        self.seats: dict[str, int] = {}

    def hire(self, name: str, **attributes: Any) -> User:
        """Add somebody; ``name`` is the user principal name, or what stands before its @."""
        upn = name if "@" in name else f"{name}@example.com"
        document: Document = {
            "id": str(uuid.uuid4()),
            "userPrincipalName": upn,
            "mail": upn,
            "displayName": "Some Body",
            "accountEnabled": True,
            "userType": "Member",
            "employeeId": None,
            "onPremisesImmutableId": None,
            "onPremisesSyncEnabled": None,
            "onPremisesExtensionAttributes": {f"extensionAttribute{number}": None for number in range(1, 16)},
            "assignedLicenses": [],
            "licenseAssignmentStates": [],
            "createdDateTime": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "signInActivity": None,
            **attributes,
        }
        user = User(document)
        self.users[user.id] = user
        return user

    def form(self, name: str, *members: User, **attributes: Any) -> Group:
        """Add a group with members."""
        document: Document = {
            "id": str(uuid.uuid4()),
            "displayName": name,
            "groupTypes": [],
            "mailEnabled": False,
            "securityEnabled": True,
            "isAssignableToRole": None,
            "onPremisesSyncEnabled": None,
            "description": None,
            "assignedLicenses": [],
            "createdDateTime": "2020-03-01T09:00:00Z",
            **attributes,
        }
        group = Group(document, {user.id for user in members})
        self.groups[group.id] = group
        return group

    def appoint(self, user: User, role: str) -> str:
        """Give somebody a directory role; returns the assignment's id."""
        return self._keep(self.role_assignments, user, role, "/")

    def make_eligible(self, user: User, role: str, scope: str = "/") -> str:
        """Let somebody activate a directory role; returns the schedule's id."""
        return self._keep(self.eligible, user, role, scope)

    def schedule(self, user: User, role: str) -> str:
        """Give somebody a directory role from some day on; returns the schedule's id."""
        return self._keep(self.scheduled, user, role, "/")

    def publish(self, name: str, kind: str = "servicePrincipal", **document: Any) -> Application:
        """Add an application."""
        application = Application(str(uuid.uuid4()), kind, name, document=document)
        self.applications[application.id] = application
        return application

    def assign(self, to: User | Group, application: Application, role: str = NO_ROLE) -> Document:
        """Let a user or a group use an application; returns the assignment."""
        assignment = {
            "id": secrets.token_urlsafe(24),
            "principalId": to.id,
            "principalType": "User" if isinstance(to, User) else "Group",
            "resourceId": application.id,
            "resourceDisplayName": application.name,
            "appRoleId": role,
        }
        self.assignments[assignment["id"]] = assignment
        return assignment

    def bury(self, user: User) -> None:
        """Delete somebody, who is in no group any more then."""
        user.is_deleted = True
        for group in self.groups.values():
            group.members.discard(user.id)
            group.owners.discard(user.id)

    def _keep(self, held: dict[str, Document], user: User, role: str, scope: str) -> str:
        role_id = next((key for key, name in self.roles.items() if name == role), None) or str(uuid.uuid4())
        self.roles[role_id] = role
        kept = {
            "id": uuid.uuid4().hex,
            "principalId": user.id,
            "roleDefinitionId": role_id,
            "directoryScopeId": scope,
        }
        held[kept["id"]] = kept
        return kept["id"]

    def sell(self, name: str, seats: int = 100) -> str:
        """Add a subscription; returns its SKU."""
        sku = str(uuid.uuid4())
        self.skus[sku], self.seats[sku] = name, seats
        return sku

    def license(self, user: User, sku: str, *, by: Group | None = None) -> None:
        """Give somebody a license, directly or through a group."""
        user.document["assignedLicenses"] = [*user.document["assignedLicenses"], {"skuId": sku, "disabledPlans": []}]
        state: Document = {
            "skuId": sku,
            "assignedByGroup": by.id if by else None,
            "state": "Active",
            "disabledPlans": [],
        }
        user.document["licenseAssignmentStates"] = [*user.document["licenseAssignmentStates"], state]

    def enroll(self, user: User) -> str:
        """Register a device of somebody; returns its object id."""
        device = str(uuid.uuid4())
        self.devices[device] = {"id": device, "deviceId": str(uuid.uuid4()), "accountEnabled": True}
        user.devices.append(device)
        return device

    def user(self, key: str) -> User | None:
        """Return who has this object id or user principal name, if they are not deleted."""
        for user in self.users.values():
            if not user.is_deleted and (user.id == key or user.upn.casefold() == key.casefold()):
                return user
        return None

    def has_role(self, user: User) -> bool:
        """Whether somebody has any directory role."""
        return any(each["principalId"] == user.id for each in self.role_assignments.values())
