"""OpenLDAP with memberof, refint, ppolicy and lastbind."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scimbridge.demo import ber
from scimbridge.demo.directory import MODULES, SCHEMAS, find_slapd
from tests.lab.directories.lab import BASE, FEW, PASSWORD, Lab, named

AT_ONCE = 200
"""Requests that are sent before their answers are read; slapd reads no more than a thousand ahead."""

NOBODY = f"cn=nobody,{BASE}"

_SETTINGS = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
include {schemas}/nis.schema
modulepath {modules}
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy

database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw {password}
directory "{folder}/data"
maxsize 268435456
dbnosync
lastbind on
index objectClass,entryUUID,uid,mail,cn,member,uniqueMember eq
limits dn.exact="cn=admin,{base}" size=unlimited
limits dn.exact="cn=reader,ou=Services,{base}" size.soft=500 size.hard=500 size.prtotal={few}
limits * size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by dn.exact="cn=scimbridge,ou=Services,{base}" write by anonymous auth by * none
access to dn.subtree="ou=People,{base}" by dn.exact="cn=scimbridge,ou=Services,{base}" write by users read
access to dn.subtree="ou=Disabled,{base}" by dn.exact="cn=scimbridge,ou=Services,{base}" write by users read
access to dn.subtree="ou=Groups,{base}" by dn.exact="cn=scimbridge,ou=Services,{base}" write by users read
access to * by users read by anonymous auth

overlay memberof
memberof-refint TRUE
overlay refint
refint_attributes member manager owner
refint_nothing "{nobody}"
overlay ppolicy
ppolicy_default "cn=default,ou=Policies,{base}"
"""

_REPLICA_BEGINS = "# replica"
_REPLICA = (
    _REPLICA_BEGINS
    + """
syncrepl rid=1 provider={primary} searchbase="{base}" type=refreshOnly interval=01:00:00:00 bindmethod=simple
updateref {primary}
"""
)

_ENTRIES = """
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {nobody}
objectClass: organizationalRole
cn: nobody

dn: cn=default,ou=Policies,{base}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
"""


class OpenLdapLab(Lab):
    """slapd, on a socket of its own."""

    flavor = "openldap"
    admin_dn = f"cn=admin,{BASE}"
    service_dn = f"cn=scimbridge,ou=Services,{BASE}"
    stand_in = NOBODY
    reader_dn = f"cn=reader,ou=Services,{BASE}"
    changes_by_itself = frozenset({"entryCSN", "modifyTimestamp", "modifiersName", "pwdLastSuccess", "authTimestamp"})

    @property
    def socket(self) -> Path:
        return self.folder / "ldapi"

    def build(self) -> None:
        (self.folder / "data").mkdir()
        values = {
            "schemas": next(each for each in SCHEMAS if Path(each).is_dir()),
            "modules": next(each for each in MODULES if Path(each).is_dir()),
            "base": BASE,
            "folder": self.folder,
            "password": self.password,
            "nobody": NOBODY,
            "few": FEW,
        }
        (self.folder / "slapd.conf").write_text(_SETTINGS.format(**values))
        units = "".join(
            f"\ndn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n"
            for name in ("People", "Groups", "Disabled", "Policies", "Services")
        )
        accounts = "".join(
            f"\ndn: {dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\n"
            f"cn: {dn.split(',')[0][3:]}\nuserPassword: {self.password}\n"
            for dn in (self.service_dn, self.reader_dn)
        )
        head, policy = _ENTRIES.format(**values).rsplit("\n\n", 1)
        ldif = f"{head}\n{units}\n{policy}\n{accounts}"
        load = [find_slapd(), "-T", "add", "-q", "-f", str(self.folder / "slapd.conf")]
        subprocess.run(load, input=ldif.encode(), check=True, capture_output=True)

    def command(self) -> Sequence[str]:
        return [find_slapd(), "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", f"ldapi://{_quoted(self.socket)}"]

    def person(self, name: str, number: int) -> tuple[str, Sequence[str], dict[str, Any]]:
        values = {"uid": name, "cn": "Some One", "sn": "One", "mail": f"{number}@example.com", "userPassword": PASSWORD}
        return named("uid", name, self.people), ["inetOrgPerson"], values

    def group(self, name: str, members: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
        return ["groupOfNames"], {"cn": name, "member": list(members) or [NOBODY]}

    def add_many_groups(self, names: Sequence[str], *members: str) -> None:
        """Add groups, many requests at once: one by one takes longer than what is tested.

        They are of a class that no overlay minds, which would write each of them to the members, too.
        """
        bind = ber.encode(0x60, *_bind(self.admin_dn, self.password))
        adds = [ber.encode(0x68, *_group(self.group_dn(name), name, members)) for name in names]
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answers:
            connection.connect(str(self.socket))
            # What comes before the answer to the bind is refused.
            for some in ([bind], *(adds[start : start + AT_ONCE] for start in range(0, len(adds), AT_ONCE))):
                connection.sendall(b"".join(_message(number, each) for number, each in enumerate(some, 1)))
                for _ in some:
                    assert ber.read(answers).parts[1].parts[0].number == 0

    def become_replica(self, primary: str) -> None:
        """Start again as a replica, which sends whoever writes to another server."""
        self._restart(lambda settings: settings + _REPLICA.format(base=BASE, primary=primary))

    def become_primary(self) -> None:
        """Start again as a server that takes writes."""
        self._restart(lambda settings: settings.partition(_REPLICA_BEGINS)[0])

    def _restart(self, change: Callable[[str], str]) -> None:
        settings = self.folder / "slapd.conf"
        self.stop()
        settings.write_text(change(settings.read_text()))
        self.start()

    def make_posix(self, entry_id: str, **values: str) -> None:
        """Give somebody what machines of their own look at."""
        classes = ["inetOrgPerson", "posixAccount", "shadowAccount"]
        numbers = {"uidNumber": ["1000"], "gidNumber": ["1000"], "homeDirectory": ["/home/somebody"]}
        said = {name: [value] for name, value in values.items()}
        self.modify(self.dn_of(entry_id), objectClass=classes, **numbers, **said)


def _message(number: int, operation: bytes) -> bytes:
    return ber.encode(ber.SEQUENCE, ber.integer(number), operation)


def _bind(dn: str, password: str) -> tuple[bytes, ...]:
    return ber.integer(3), ber.encode(ber.STRING, dn.encode()), ber.encode(0x80, password.encode())


def _group(dn: str, name: str, members: Sequence[str]) -> tuple[bytes, bytes]:
    values = {"objectClass": ["groupOfUniqueNames"], "cn": [name], "uniqueMember": members}
    attributes = (
        ber.encode(
            ber.SEQUENCE,
            ber.encode(ber.STRING, attribute.encode()),
            ber.strings(ber.SET, [each.encode() for each in said]),
        )
        for attribute, said in values.items()
    )
    return ber.encode(ber.STRING, dn.encode()), ber.encode(ber.SEQUENCE, *attributes)


def _quoted(path: Path) -> str:
    return str(path).replace("/", "%2F")
