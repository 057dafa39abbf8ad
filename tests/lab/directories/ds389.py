"""389 Directory Server with memberOf, referential integrity and an account policy that notes sign-ins.

It is made without its installer, which takes ten times longer.
"""

from __future__ import annotations

import getpass
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ldap3

from tests.lab.directories.lab import BASE, FEW, PASSWORD, Lab, done, named
from tests.servers import quiet_port

TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
SETTINGS = Path("/etc/dirsrv")
PLUGINS = ("memberof plugin", "referential integrity postoperation", "account policy plugin")
DISABLED_ROLE = f"cn=nsManagedDisabledRole,{BASE}"


class Ds389Lab(Lab):
    """ns-slapd, on a socket of its own, and on a port of the loopback that it insists upon."""

    flavor = "389ds"
    admin_dn = "cn=Directory Manager"
    service_dn = f"cn=scimbridge,ou=Services,{BASE}"
    reader_dn = f"cn=reader,ou=Services,{BASE}"
    changes_by_itself = frozenset({"modifyTimestamp", "modifiersName", "entryusn", "lastLoginTime"})

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "ldapi"

    def build(self) -> None:
        if not TEMPLATE.exists():
            message = "389 Directory Server is missing (Debian: 389-ds-base)"
            raise RuntimeError(message)
        for name in ("run", "log", "db", "bak", "ldif", "lock", "tmp", "inst"):
            (self.folder / name).mkdir()
        shutil.copytree(SETTINGS / "schema", self.folder / "etc" / "schema")
        for each in (SETTINGS / "config").iterdir():
            shutil.copy(each, self.folder / "etc")
        (self.folder / "etc" / "dse.ldif").write_text(_configured(TEMPLATE.read_text(), self._values()))

    def _values(self) -> dict[str, object]:
        places = {
            f"{name}_dir": self.folder / name for name in ("lock", "tmp", "ldif", "bak", "run", "inst", "log", "db")
        }
        return {
            **places,
            "schema_dir": self.folder / "etc" / "schema",
            "cert_dir": self.folder / "etc",
            "config_dir": self.folder / "etc",
            "db_home_dir": self.folder / "db",
            "db_lib": "bdb",
            "fqdn": "localhost",
            "ds_port": quiet_port(),
            "ds_user": getpass.getuser(),
            "ds_suffix": BASE,
            "rootdn": self.admin_dn,
            "ds_passwd": "{CLEAR}" + self.password,
            "ldapi": self.socket,
            "ldapi_enabled": "on",
            "ldapi_autobind": "off",
        }

    def command(self) -> Sequence[str]:
        return ["/usr/sbin/ns-slapd", "-D", str(self.folder / "etc"), "-i", str(self.folder / "run" / "pid"), "-d", "0"]

    def fill(self) -> None:
        with self.administrator() as admin:
            done(admin.add(*_BACKEND))
            done(admin.add(*_MAPPING))
            done(admin.add(BASE, ["domain"], {"dc": "example", "aci": _READ}))
            for name in ("People", "Groups", "Disabled", "Services"):
                done(admin.add(f"ou={name},{BASE}", ["organizationalUnit"], {"ou": name, **_rights(name, self)}))
            for dn in (self.service_dn, self.reader_dn):
                values = {"cn": dn.split(",")[0][3:], "userPassword": self.password}
                done(admin.add(dn, ["applicationProcess", "simpleSecurityObject"], values))
            done(admin.modify(self.reader_dn, {"nsSizeLimit": [(ldap3.MODIFY_REPLACE, [str(FEW)])]}))
            for dn, classes, values in _ROLE:
                done(admin.add(dn, classes, values))

    def person(self, name: str, number: int) -> tuple[str, Sequence[str], dict[str, Any]]:
        values = {"uid": name, "cn": "Some One", "sn": "One", "mail": f"{number}@example.com", "userPassword": PASSWORD}
        return named("uid", name, self.people), ["inetOrgPerson", "nsMemberOf"], values

    def group(self, name: str, members: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
        return ["groupOfNames"], {"cn": name, **({"member": list(members)} if members else {})}

    def lock_by_role(self, entry_id: str) -> None:
        with self.administrator() as admin:
            done(admin.modify(self.dn_of(entry_id), {"nsRoleDN": [(ldap3.MODIFY_ADD, [DISABLED_ROLE])]}))


BACKEND_DN = "cn=userroot,cn=ldbm database,cn=plugins,cn=config"
_BACKEND = (
    BACKEND_DN,
    ["extensibleObject", "nsBackendInstance"],
    {"cn": "userroot", "nsslapd-suffix": BASE},
)
_MAPPING = (
    f'cn="{BASE}",cn=mapping tree,cn=config',
    ["extensibleObject", "nsMappingTree"],
    {"cn": BASE, "nsslapd-state": "backend", "nsslapd-backend": "userroot"},
)
_READ = [
    '(targetattr="*")(version 3.0; acl "read"; allow (read, search, compare) userdn="ldap:///all";)',
    '(targetattr="userPassword")(version 3.0; acl "passwords"; deny (read, compare) userdn="ldap:///all";)',
]
_INACTIVE = f"cn=nsAccountInactivationTmp,{BASE}"
_ROLE: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    (
        DISABLED_ROLE,
        ["LDAPsubentry", "nsRoleDefinition", "nsSimpleRoleDefinition", "nsManagedRoleDefinition"],
        {"cn": "nsManagedDisabledRole"},
    ),
    (_INACTIVE, ["nsContainer"], {"cn": "nsAccountInactivationTmp"}),
    (
        f'cn="{DISABLED_ROLE}",{_INACTIVE}',
        ["extensibleObject", "cosTemplate", "ldapSubEntry"],
        {"nsAccountLock": "true", "cosPriority": "1", "cn": DISABLED_ROLE},
    ),
    (
        f"cn=nsAccountInactivation_cos,{BASE}",
        ["LDAPsubentry", "cosSuperDefinition", "cosClassicDefinition"],
        {
            "cosTemplateDn": _INACTIVE,
            "cosAttribute": "nsAccountLock operational",
            "cosSpecifier": "nsRole",
            "cn": "nsAccountInactivation_cos",
        },
    ),
)


def _rights(name: str, lab: Lab) -> dict[str, list[str]]:
    if name == "Services":
        return {}
    who = f'userdn="ldap:///{lab.service_dn}"'
    return {
        "aci": [
            f'(targetattr="*")(version 3.0; acl "manage"; allow (all) {who};)',
            f'(target="ldap:///ou={name},{BASE}")(version 3.0; acl "move"; allow (moddn) {who};)',
        ]
    }


def _configured(template: str, values: dict[str, object]) -> str:
    text = re.sub(r"%(\w+)%", lambda found: str(values[found[1]]), template)
    text = text.replace("dn: cn=config\ncn: config\n", "dn: cn=config\ncn: config\nnsslapd-listenhost: 127.0.0.1\n", 1)
    text = text.replace("alwaysrecordlogin: no", "alwaysrecordlogin: yes\nstateattrname: lastLoginTime")
    entries = text.split("\n\n")
    return "\n\n".join(_switched_on(each) if _is_wanted(each) else each for each in entries)


def _is_wanted(entry: str) -> bool:
    return any(f"dn: cn={name},cn=plugins,cn=config" in entry.lower() for name in PLUGINS)


def _switched_on(entry: str) -> str:
    return re.sub(r"(?im)^nsslapd-pluginenabled: *off$", "nsslapd-pluginEnabled: on", entry)
