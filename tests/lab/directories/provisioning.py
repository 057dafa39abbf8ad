"""Makes a domain for ``samba.py``; run by the Python that Samba's library belongs to, which is not ours."""

from __future__ import annotations

import logging
import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB

UNITS = ("People", "Groups", "Disabled", "Services")
EVERYTHING = "(A;CI;RPWPCRCCDCLCLORCSDDTSW;;;{sid})"
"""Create, delete, read and write whatever is beneath (MS-DTYP section 2.5.1.1)."""


def main(settings: str, address: str, password: str) -> None:
    """Make the domain, and in it the units, and an account each for the connector and for somebody who only reads."""
    parameters = LoadParm()
    parameters.load(settings)
    provision(
        logging.getLogger(),
        system_session(),
        smbconf=settings,
        lp=parameters,
        realm="EXAMPLE.COM",
        domain="EXAMPLE",
        hostname="dc1",
        hostip=address,
        adminpass=password,
        dns_backend="NONE",
        serverrole="active directory domain controller",
        dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
        # Rules for a file share that nobody uses; they would need more packages, and a file system that keeps them.
        skip_sysvolacl=True,
    )
    database = SamDB(url=parameters.private_path("sam.ldb"), session_info=system_session(), lp=parameters)
    base = str(database.domain_dn())
    for name in UNITS:
        database.add({"dn": f"OU={name},{base}", "objectClass": "organizationalUnit"})
    for name in ("scimbridge", "reader"):
        database.add(
            {
                "dn": f"CN={name},OU=Services,{base}",
                "objectClass": "user",
                "sAMAccountName": name,
                "userAccountControl": "66048",
                "unicodePwd": f'"{password}"'.encode("utf-16-le"),
            }
        )
    sid = ndr_unpack(security.dom_sid, _value(database, f"CN=scimbridge,OU=Services,{base}", "objectSid"))
    for name in ("People", "Groups", "Disabled"):
        _allow(database, f"OU={name},{base}", EVERYTHING.format(sid=sid))


def _value(database: SamDB, dn: str, attribute: str) -> bytes:
    found = database.search(base=dn, scope=ldb.SCOPE_BASE, attrs=[attribute])
    return bytes(found[0][attribute][0])


def _allow(database: SamDB, dn: str, rule: str) -> None:
    domain = security.dom_sid(database.get_domain_sid())
    before = ndr_unpack(security.descriptor, _value(database, dn, "nTSecurityDescriptor")).as_sddl(domain)
    head, _, rules = before.partition("D:")
    flags, bracket, rest = rules.partition("(")
    after = security.descriptor.from_sddl(f"{head}D:{flags}{rule}{bracket}{rest}", domain)
    message = ldb.Message(ldb.Dn(database, dn))
    message["rules"] = ldb.MessageElement(ndr_pack(after), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    database.modify(message, controls=["sd_flags:1:4"])


if __name__ == "__main__":
    main(*sys.argv[1:])
