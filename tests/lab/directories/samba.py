"""Samba as an Active Directory domain controller."""

from __future__ import annotations

import itertools
import os
import secrets
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ldap3

from tests.lab.directories.lab import BASE, PASSWORD, Lab, done, named

SAMBA = Path("/usr/sbin/samba")
RULES = "nTSecurityDescriptor"
RULES_ONLY = ("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")
DELETE, DELETE_TREE, DELETE_CHILD = 0x10000, 0x40, 0x2
PROVISIONING = Path(__file__).with_name("provisioning.py")

_SETTINGS = """[global]
netbios name = DC1
realm = EXAMPLE.COM
workgroup = EXAMPLE
server role = active directory domain controller
server services = ldap
interfaces = {address}/8
bind interfaces only = yes
prefork children = 1
ldb:nosync = yes
tls enabled = no
ldap server require strong auth = no
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/run
ncalrpc dir = {folder}/ncalrpc
binddns dir = {folder}/bind-dns
log file = {folder}/samba.log
[sysvol]
path = {folder}/state/sysvol
read only = no
[netlogon]
path = {folder}/state/sysvol/example.com/scripts
read only = no
"""


class SambaLab(Lab):
    """A domain of its own, on a socket, and on an address of the loopback that no other has."""

    flavor = "active-directory"
    people = f"OU=People,{BASE}"
    groups = f"OU=Groups,{BASE}"
    disabled = f"OU=Disabled,{BASE}"
    admin_dn = f"CN=Administrator,CN=Users,{BASE}"
    service_dn = f"CN=scimbridge,OU=Services,{BASE}"
    reader_dn = f"CN=reader,OU=Services,{BASE}"
    match = {"userName": "userPrincipalName", "emails.value": "mail"}  # noqa: RUF012  # a ClassVar of the base class
    class_below = "nTFRSSubscriptions"
    owner_attribute = "managedBy"
    hide_attribute = "showInAdvancedViewOnly"
    unmanaged_attribute = "adminDescription"
    # The signs of a sign-in, and of the password that a bind compares with.
    changes_by_itself = frozenset(
        {
            "whenChanged",
            "uSNChanged",
            "lastLogon",
            "lastLogonTimestamp",
            "logonCount",
            "badPwdCount",
            "badPasswordTime",
            "dSCorePropagationData",
            "modifyTimeStamp",
        }
    )
    _accounts = itertools.count(1)

    @property
    def socket(self) -> Path:
        return self.folder / "private" / "ldapi"

    def build(self) -> None:
        if not SAMBA.exists():
            message = "Samba is missing (Debian: samba samba-dsdb-modules samba-ad-provision)"
            raise RuntimeError(message)
        if os.geteuid() != 0:
            message = "Samba listens on ports that only root may use: run these tests as root"
            raise RuntimeError(message)
        for name in ("private", "state", "cache", "lock", "run", "ncalrpc", "bind-dns"):
            (self.folder / name).mkdir()
        address = f"127.77.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
        settings = self.folder / "smb.conf"
        settings.write_text(_SETTINGS.format(folder=self.folder, address=address))
        # Samba's own library belongs to the system's Python.
        provision = ["/usr/bin/python3", "-I", str(PROVISIONING), str(settings), address, self.password]
        done = subprocess.run(provision, capture_output=True, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])

    def command(self) -> Sequence[str]:
        return [str(SAMBA), "-i", "-M", "prefork", "-s", str(self.folder / "smb.conf")]

    def person(self, name: str, number: int) -> tuple[str, Sequence[str], dict[str, Any]]:
        values = {
            "sAMAccountName": f"user{next(self._accounts)}",
            "userPrincipalName": name,
            "mail": f"{number}@example.com",
            "userAccountControl": "512",
            "unicodePwd": f'"{PASSWORD}"'.encode("utf-16-le"),
        }
        return named("CN", name, self.people), ["user"], values

    def group(self, name: str, members: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
        return ["group"], {"sAMAccountName": name, **({"member": list(members)} if members else {})}

    def add_unit(self, name: str) -> str:
        """Add a container of accounts, and return its DN."""
        dn = named("OU", name, self.people)
        with self.administrator() as admin:
            done(admin.add(dn, ["organizationalUnit"], {}))
        return dn

    def forbid(self, dn: str, rights: int) -> None:
        """Deny rights on an entry to everybody, as the Windows tools do to protect it (MS-DTYP section 2.4.4)."""
        rule = struct.pack("<BBHI", 1, 0, 20, rights) + bytes((1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0))
        with self.administrator() as admin:
            found = admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=[RULES], controls=[RULES_ONLY])
            descriptor = found[2][0]["raw_attributes"][RULES][0]
            at = struct.unpack_from("<I", descriptor, 16)[0]
            revision, size, count = struct.unpack_from("<HHH", descriptor, at)
            head = struct.pack("<HHH", revision, size + len(rule), count + 1) + descriptor[at + 6 : at + 8]
            changed = descriptor[:at] + head + rule + descriptor[at + 8 :]
            done(admin.modify(dn, {RULES: [(ldap3.MODIFY_REPLACE, [changed])]}, controls=[RULES_ONLY]))

    def asked_for(self, entry_id: str, attribute: str) -> bytes:
        """Return the value of an attribute that is told only to who asks for it."""
        with self.administrator() as admin:
            found = admin.search(self.dn_of(entry_id), "(objectClass=*)", ldap3.BASE, attributes=[attribute])
        return bytes(found[2][0]["raw_attributes"][attribute][0])

    @property
    def highest(self) -> int:
        """The number of the newest change."""
        with self.administrator() as admin:
            found = admin.search("", "(objectClass=*)", ldap3.BASE, attributes=["highestCommittedUSN"])
        return int(found[2][0]["raw_attributes"]["highestCommittedUSN"][0])

    @property
    def count(self) -> str:
        """What the controller calls its own count of changes."""
        with self.administrator() as admin:
            root = admin.search("", "(objectClass=*)", ldap3.BASE, attributes=["dsServiceName"])
            service = root[2][0]["raw_attributes"]["dsServiceName"][0].decode()
            found = admin.search(service, "(objectClass=*)", ldap3.BASE, attributes=["invocationId"])
        return str(uuid.UUID(bytes_le=found[2][0]["raw_attributes"]["invocationId"][0]))

    def add_foreign_member(self, group_dn: str, sid: str) -> None:
        """Put somebody of a trusted domain into a group; the directory makes an entry that stands for them."""
        with self.administrator() as admin:
            done(admin.modify(group_dn, {"member": [(ldap3.MODIFY_ADD, [f"<SID={sid}>"])]}))

    def as_namesake(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return {**attributes, "sAMAccountName": f"{attributes['sAMAccountName']} too"}

    def make_primary(self, account_id: str, group_dn: str) -> None:
        """Make a group that an account is in its primary group."""
        with self.administrator() as admin:
            found = admin.search(group_dn, "(objectClass=*)", ldap3.BASE, attributes=["objectSid"])
        sid = found[2][0]["raw_attributes"]["objectSid"][0]
        self.modify(self.dn_of(account_id), primaryGroupID=[str(struct.unpack("<I", sid[-4:])[0])])

    def add_namesake(self, name: str) -> str:
        return self.add_person(name, userPrincipalName=f"{name}-namesake")
