"""OpenLDAP with memberof, refint, ppolicy and lastbind."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scimbridge.demo.directory import MODULES, SCHEMAS, find_slapd
from tests.lab.directories.lab import BASE, PASSWORD, Lab, named

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
index objectClass,entryUUID,uid,mail,cn,member eq
limits dn.exact="cn=admin,{base}" size=unlimited
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

    def make_posix(self, entry_id: str, **values: str) -> None:
        """Give somebody what machines of their own look at."""
        classes = ["inetOrgPerson", "posixAccount", "shadowAccount"]
        numbers = {"uidNumber": ["1000"], "gidNumber": ["1000"], "homeDirectory": ["/home/somebody"]}
        said = {name: [value] for name, value in values.items()}
        self.modify(self.dn_of(entry_id), objectClass=classes, **numbers, **said)


def _quoted(path: Path) -> str:
    return str(path).replace("/", "%2F")
