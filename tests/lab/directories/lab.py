"""What every directory of the lab offers, whatever its flavor; all of it goes around the connector."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import quote

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

from connectors.ldap import LdapConfig, LdapConnector
from connectors.ldap.flavors import FLAVORS, FlavorName
from scimbridge.child import dying_with_parent
from scimbridge.sdk import Context, Permit
from tests.lab.connecting import allow
from tests.lab.directories.counting import CountingSocket

BASE = "dc=example,dc=com"
PASSWORD = "Sample-2468-password"
START_TIMEOUT = 200.0
FEW = 10
"""How many entries a search of the reader's may find, where the server has such limits."""


class Lab(ABC):
    """A private directory server with people and groups.

    Its data are beneath ``dc=example,dc=com``: People, Groups, Disabled. The connector's account may manage these,
    the reader's may only read.

    Attributes:
        folder: A short path, because sockets are in it.
        counter: What the connector speaks through.
    """

    flavor: ClassVar[FlavorName]
    people: ClassVar[str] = f"ou=People,{BASE}"
    groups: ClassVar[str] = f"ou=Groups,{BASE}"
    disabled: ClassVar[str] = f"ou=Disabled,{BASE}"
    admin_dn: ClassVar[str]
    service_dn: ClassVar[str]
    reader_dn: ClassVar[str]
    match: ClassVar[Mapping[str, str]] = {"userName": "uid", "emails.value": "mail"}
    class_below: ClassVar[str] = "device"
    stand_in: ClassVar[str | None] = None
    owner_attribute: ClassVar[str] = "owner"
    hide_attribute: ClassVar[str] = "carLicense"
    unmanaged_attribute: ClassVar[str] = "businessCategory"
    changes_by_itself: ClassVar[frozenset[str]]
    password: ClassVar[str] = "Lab-2468-password"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lab-"))
        self.counter: CountingSocket | None = None
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Any = None

    # -- life

    @property
    @abstractmethod
    def socket(self) -> Path:
        """The server's own socket."""

    @abstractmethod
    def build(self) -> None:
        """Make what the server needs before it starts."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return what starts it, in the foreground."""

    def fill(self) -> None:
        """Add what is still missing once it runs; nothing where absent."""
        return

    def __enter__(self) -> Self:
        try:
            self.build()
            self.start()
            self.fill()
            self.add_old_groups()
            self.counter = CountingSocket(self.folder / "counted", self.socket)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        with (self.folder / "server.log").open("ab") as log:
            # Samba ends where its input does, and so with the process that runs the tests.
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # as in scimbridge.demo.directory
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens(self.socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"the server did not start; {self.folder} says why"
                raise RuntimeError(message)
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server; its data stay."""
        if self._admin is not None:
            self._admin.unbind()
            self._admin = None
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def close(self) -> None:
        """Stop the server for good."""
        if self.counter is not None:
            self.counter.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- connectors

    @property
    def url(self) -> str:
        return f"ldapi://{quote(str(self.folder / 'counted'), safe='')}"

    def config(self, **changes: Any) -> LdapConfig:
        settings = {
            "connector": "ldap",
            "flavor": self.flavor,
            "url": self.url,
            "bind_dn": self.service_dn,
            "bind_password": self.password,
            "base_dn": BASE,
            "match": dict(self.match),
            "disabled_ou": self.disabled,
            "hide_attribute": self.hide_attribute,
            "unmanaged_attribute": self.unmanaged_attribute,
            "group_stand_in": self.stand_in,
            "archive_attributes": ["mobile", "title"],
            "disabled_groups_ou": f"ou=Old,{self.groups}",
            "privileged_groups": [self.group_dn("Power")],
            "connect_timeout": 60,
            "receive_timeout": 60,
        }
        return LdapConfig.model_validate({**settings, **changes})

    def connector(self, permit: Permit = allow, **changes: Any) -> LdapConnector:
        return LdapConnector(self.config(**changes), Context(target="directory", permit=permit))

    @property
    def writes(self) -> int:
        assert self.counter
        return self.counter.writes

    # -- people and groups

    @abstractmethod
    def person(self, name: str, number: int) -> tuple[str, Sequence[str], dict[str, Any]]:
        """Return the DN, classes and attributes of somebody who can sign in with ``PASSWORD``."""

    @abstractmethod
    def group(self, name: str, members: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
        """Return classes and attributes of a group."""

    def add_person(self, name: str, **extra: Any) -> str:
        """Add somebody, and return the id."""
        dn, classes, attributes = self.person(name, next(self._numbers))
        with self.administrator() as admin:
            done(admin.add(dn, list(classes), {**attributes, **extra}))
        return self.id_at(dn)

    def add_group(self, name: str, *members: str) -> str:
        """Add a group with the entries of these ids, and return its DN."""
        dn = self.group_dn(name)
        classes, attributes = self.group(name, [self.dn_of(member) for member in members])
        with self.administrator() as admin:
            done(admin.add(dn, list(classes), attributes))
        return dn

    def add_namesake(self, name: str) -> str:
        """Add somebody else whose entry has a name that is free again."""
        return self.add_person(name)

    def add_old_groups(self) -> None:
        """Add the container of groups that are given up."""
        with self.administrator() as admin:
            done(admin.add(f"ou=Old,{self.groups}", ["organizationalUnit"], {}))

    def add_group_elsewhere(self, name: str, *members: str) -> str:
        """Add a group where the connector's account may change nothing."""
        dn = named("cn", name, self.service_dn.split(",", 1)[1])
        classes, attributes = self.group(name, [self.dn_of(member) for member in members])
        with self.administrator() as admin:
            done(admin.add(dn, list(classes), attributes))
        return dn

    def add_namesake_group(self, name: str, *members: str) -> str:
        """Add one more group of a name, in another place."""
        dn = named("cn", name, f"ou=Old,{self.groups}")
        classes, attributes = self.group(name, [self.dn_of(member) for member in members])
        with self.administrator() as admin:
            done(admin.add(dn, list(classes), self.as_namesake(attributes)))
        return dn

    def as_namesake(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return a group's attributes without what no two may have."""
        return attributes

    def add_below(self, entry_id: str) -> None:
        """Put an entry below somebody's."""
        with self.administrator() as admin:
            done(admin.add(f"cn=below,{self.dn_of(entry_id)}", [self.class_below], {"cn": "below"}))

    def group_dn(self, name: str) -> str:
        return f"cn={escape_rdn(name)},{self.groups}"

    def modify(self, dn: str, **values: Any) -> None:
        """Replace the values of attributes; ``[]`` removes one."""
        changes = {name: [(ldap3.MODIFY_REPLACE, value)] for name, value in values.items()}
        with self.administrator() as admin:
            done(admin.modify(dn, changes))

    def add_members(self, group_dn: str, *members: str) -> None:
        with self.administrator() as admin:
            done(admin.modify(group_dn, {"member": [(ldap3.MODIFY_ADD, [self.dn_of(each) for each in members])]}))

    def make_powerful(self, group_dn: str) -> None:
        """Put a group into the one that gives power over others."""
        power = self.group_dn("Power")
        if self._one(power, "(objectClass=*)", ldap3.BASE) is None:
            self.add_group("Power", self.id_at(group_dn))
        else:
            self.add_members(power, self.id_at(group_dn))

    def remove_member(self, group_dn: str, member: str) -> None:
        with self.administrator() as admin:
            done(admin.modify(group_dn, {"member": [(ldap3.MODIFY_DELETE, [self.dn_of(member)])]}))

    def members_of(self, group_dn: str) -> set[str]:
        found = self._one(group_dn, "(objectClass=*)", ldap3.BASE)
        assert found is not None
        return {value.decode().casefold() for value in found[1].get("member", ())}

    def move(self, entry_id: str, rdn: str, container: str) -> None:
        with self.administrator() as admin:
            done(admin.modify_dn(self.dn_of(entry_id), rdn, new_superior=container))

    def delete(self, dn: str) -> None:
        with self.administrator() as admin:
            done(admin.delete(dn))

    def look(self, entry_id: str) -> dict[str, tuple[bytes, ...]] | None:
        """Return all attributes of an entry but those that change by themselves, with its DN."""
        found = self._by_id(entry_id)
        if found is None:
            return None
        dn, raw = found
        kept = {name: tuple(sorted(values)) for name, values in raw.items() if name not in self.changes_by_itself}
        return {**kept, "dn": (dn.encode(),)}

    def values(self, entry_id: str, attribute: str) -> tuple[str, ...]:
        found = self.look(entry_id)
        assert found is not None
        return tuple(value.decode() for value in found.get(attribute, ()))

    def dn_of(self, entry_id: str) -> str:
        found = self._by_id(entry_id)
        assert found is not None
        return found[0]

    def id_at(self, dn: str) -> str:
        found = self._one(dn, "(objectClass=*)", ldap3.BASE)
        assert found is not None
        return FLAVORS[self.flavor].id_of(found[1][FLAVORS[self.flavor].id_attribute][0])

    def can_bind(self, entry_id: str, password: str = PASSWORD) -> bool:
        found = self._by_id(entry_id)
        return found is not None and self.can_bind_as(found[0], password)

    def can_bind_as(self, dn: str, password: str) -> bool:
        connection = self._connection(dn, password)
        with suppress(LDAPException):
            accepted: bool = connection.bind(read_server_info=False)[0]
            connection.unbind()
            return accepted
        return False

    @contextmanager
    def administrator(self) -> Iterator[Any]:
        """Lend the one connection that may do anything; for one thread at a time."""
        if self._admin is None:
            self._admin = self._connection(self.admin_dn, self.password)
            done(self._admin.bind(read_server_info=False))
        yield self._admin

    def _connection(self, dn: str, password: str) -> Any:
        server = ldap3.Server(f"ldapi://{quote(str(self.socket), safe='')}", get_info=ldap3.NONE, connect_timeout=60)
        return ldap3.Connection(
            server,
            dn,
            password,
            client_strategy=ldap3.SAFE_SYNC,
            receive_timeout=60,
            check_names=False,
            auto_referrals=False,
        )

    def _by_id(self, entry_id: str) -> tuple[str, dict[str, list[bytes]]] | None:
        return self._one(BASE, FLAVORS[self.flavor].id_filter([entry_id]), ldap3.SUBTREE)

    def _one(self, base: str, filter_: str, scope: str) -> tuple[str, dict[str, list[bytes]]] | None:
        with self.administrator() as admin:
            answer = admin.search(base, filter_, scope, attributes=["*", "+", FLAVORS[self.flavor].id_attribute])
        for found in answer[2]:
            if found["type"] == "searchResEntry":
                return found["dn"], dict(found["raw_attributes"])
        return None


def named(attribute: str, value: str, container: str) -> str:
    """Return the DN of an entry in a container."""
    return f"{attribute}={escape_rdn(value)},{container}"


def by_value(attribute: str, value: str) -> str:
    """Return a filter for a value, taken by the letter."""
    return f"({attribute}={escape_filter_chars(value)})"


def done(answer: tuple[bool, Mapping[str, Any], Any, Any]) -> None:
    """Complain where a request was refused."""
    result = answer[1]
    if result["result"] != 0:
        message = f"{result['type']}: {result['description']} {result['message']}"
        raise RuntimeError(message)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
