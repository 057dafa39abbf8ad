"""What every sample directory offers: people to add and look at, and an account of who wrote what."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

BASE_DN = "dc=example,dc=com"
PEOPLE_DN = f"ou=People,{BASE_DN}"
GROUPS_DN = f"ou=Groups,{BASE_DN}"
ADMIN_DN = f"cn=admin,{BASE_DN}"
SERVICE_DN = f"cn=scimbridge,ou=Services,{BASE_DN}"
READER_DN = f"cn=reader,ou=Services,{BASE_DN}"
POLICY_DN = f"cn=default,ou=Policies,{BASE_DN}"
SAMPLE_PASSWORD = "sample-password"  # noqa: S105  # of people who do not exist

CHANGES_BY_ITSELF = frozenset({"entryCSN", "modifyTimestamp", "modifiersName"})
"""Attributes that a directory writes on its own with every change."""

_SKELETON: tuple[tuple[str, tuple[str, ...], Mapping[str, str]], ...] = (
    (BASE_DN, ("dcObject", "organization"), {"dc": "example", "o": "Example"}),
    *((f"ou={name},{BASE_DN}", ("organizationalUnit",), {"ou": name}) for name in ("People", "Groups", "Policies")),
    (f"ou=Services,{BASE_DN}", ("organizationalUnit",), {"ou": "Services"}),
    # Without pwdLockout a server stores pwdAccountLockedTime and lets people in all the same.
    (POLICY_DN, ("device", "pwdPolicy"), {"cn": "default", "pwdAttribute": "userPassword", "pwdLockout": "TRUE"}),
)


class DirectoryError(Exception):
    """The sample directory cannot be started, or refused what was asked of it."""


@dataclass(frozen=True, slots=True)
class Write:
    """One writing request that the directory received from somebody other than its administrator.

    Attributes:
        operation: ``add``, ``modify``, ``modrdn`` or ``delete``.
        dn: The entry it named.
        by: The DN that sent it.
        result: The result code of the answer; 0 is success.
        changed: Whether anything is different since; false for a modify to what already was.
    """

    operation: str
    dn: str
    by: str
    result: int
    changed: bool


class DemoDirectory(ABC):
    """A private LDAP server with people in it, for the demo and for tests.

    Its methods act as the directory's administrator, around any connector.

    Attributes:
        service_password: Of ``SERVICE_DN``, which may lock and delete people.
        reader_password: Of ``READER_DN``, which may read, and list no more than three entries at a time.
    """

    def __init__(self) -> None:
        self.admin_password = secrets.token_urlsafe(16)
        self.service_password = secrets.token_urlsafe(16)
        self.reader_password = secrets.token_urlsafe(16)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it listens."""

    @abstractmethod
    def start(self) -> None:
        """Start it, with what it held before if it ran before."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; a second call does nothing."""

    @abstractmethod
    def writes(self) -> list[Write]:
        """Return all writing requests so far, oldest first, the administrator's left out."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add_person(
        self, uid: str, cn: str, sn: str, mail: str, *, password: str = SAMPLE_PASSWORD, **extra: str
    ) -> str:
        """Add somebody who can sign in, and return the immutable id of the new entry."""
        values = {"uid": uid, "cn": cn, "sn": sn, "mail": mail, "userPassword": password, **extra}
        dn = self.dn_of(uid)
        with self.administrator() as connection:
            _done(connection.add(dn, "inetOrgPerson", values))
            return _one(connection, dn, "(objectClass=*)", ldap3.BASE)["entryUUID"][0]

    def get(self, uid: str) -> dict[str, tuple[str, ...]] | None:
        """Return all attributes of the person with this uid, those of the server and the ``dn`` among them."""
        return self._get(f"(uid={escape_filter_chars(uid)})")

    def get_by_id(self, entry_id: str) -> dict[str, tuple[str, ...]] | None:
        """Return all attributes of the entry with this immutable id."""
        return self._get(f"(entryUUID={escape_filter_chars(entry_id)})")

    def set(self, uid: str, attribute: str, *values: str) -> None:
        """Replace the values of a person's attribute; none removes it."""
        with self.administrator() as connection:
            _done(connection.modify(self.dn_of(uid), {attribute: [(ldap3.MODIFY_REPLACE, list(values))]}))

    def can_bind(self, uid: str, password: str = SAMPLE_PASSWORD) -> bool:
        """Whether somebody can sign in with this password."""
        found = self.get(uid)
        return found is not None and self.can_bind_as(found["dn"][0], password)

    def can_bind_as(self, dn: str, password: str) -> bool:
        """Whether an entry can sign in with this password."""
        connection = self._connection(dn, password)
        with suppress(LDAPException):
            accepted: bool = connection.bind(read_server_info=False)[0]
            connection.unbind()
            return accepted
        return False

    @staticmethod
    def dn_of(uid: str) -> str:
        """Return the DN that ``add_person`` gives."""
        return f"uid={escape_rdn(uid)},{PEOPLE_DN}"

    @contextmanager
    def administrator(self) -> Iterator[Any]:
        """Lend a connection that may do anything."""
        with self.signed_in(ADMIN_DN, self.admin_password) as connection:
            yield connection

    @contextmanager
    def signed_in(self, dn: str, password: str) -> Iterator[Any]:
        """Lend a connection (ldap3, SAFE_SYNC) that is bound as somebody."""
        connection = self._connection(dn, password)
        _done(connection.bind(read_server_info=False))
        try:
            yield connection
        finally:
            connection.unbind()

    def _connection(self, dn: str, password: str) -> Any:
        server = ldap3.Server(self.url, get_info=ldap3.NONE, connect_timeout=5)
        return ldap3.Connection(
            server, dn, password, client_strategy=ldap3.SAFE_SYNC, receive_timeout=10, check_names=False
        )

    def _get(self, filter_: str) -> dict[str, tuple[str, ...]] | None:
        with self.administrator() as connection:
            return _one(connection, BASE_DN, filter_, ldap3.SUBTREE) or None

    def _build(self) -> None:
        """Add what every directory starts with."""
        with self.administrator() as connection:
            for dn, classes, values in _SKELETON:
                _done(connection.add(dn, list(classes), dict(values)))
            for dn, password in ((SERVICE_DN, self.service_password), (READER_DN, self.reader_password)):
                name = dn.split(",")[0].removeprefix("cn=")
                _done(
                    connection.add(
                        dn, ["applicationProcess", "simpleSecurityObject"], {"cn": name, "userPassword": password}
                    )
                )


def _done(answer: tuple[bool, Mapping[str, Any], Any, Any]) -> None:
    result = answer[1]
    if result["result"] != 0:
        raise DirectoryError(f"{result['type']}: {result['description']} {result['message']}".strip())


def _one(connection: Any, base: str, filter_: str, scope: str) -> dict[str, tuple[str, ...]]:
    answer = connection.search(base, filter_, scope, attributes=["*", "+"])
    _done(answer)
    for found in answer[2]:
        raw: Mapping[str, list[bytes]] = found["raw_attributes"]
        values = {name: tuple(sorted(value.decode() for value in values)) for name, values in raw.items()}
        return {**values, "dn": (found["dn"],)}
    return {}
