"""Active Directory, and Samba where it stands in for one."""

from __future__ import annotations

import secrets
import struct
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence

from connectors.ldap import dn
from connectors.ldap.entry import Change, Edit, Entry, escaped, swapped
from connectors.ldap.flavors.course import Course
from connectors.ldap.flavors.flavor import Flavor, Lookup, other_server
from connectors.ldap.flavors.times import Talk
from connectors.ldap.flavors.windows_course import ByNumber
from connectors.ldap.flavors.windows_times import WindowsTimes
from scimbridge.sdk import RejectedError, TargetUnusableError

LOCK = "userAccountControl"
DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE (MS-ADTS section 2.2.16); the other bits are other people's business."""

CAPABILITY = "1.2.840.113556.1.4.800"
"""LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS section 3.1.1.3.4.3.1)."""

GROUPS = "tokenGroups"
"""SIDs of all groups that an account is in, at any depth, its primary group too (MS-ADTS section 3.1.1.4.5.19)."""

KIND = "groupType"
SECURITY = 0x80000000
"""GROUP_TYPE_SECURITY_ENABLED (MS-ADTS section 2.2.12); without it, a group is for distribution only."""

BACK_LINK = "memberOf"
FEATURES = "msDS-EnabledFeature"
RECYCLE_BIN = ("cn", "recycle bin feature")

PRIMARY = "primaryGroupID"
USUAL_PRIMARY_GROUPS = ("513", "514", "515", "516", "521")
"""Domain Users, Guests, Computers, Controllers, and Read-only Controllers."""

PASSWORD = "unicodePwd"  # noqa: S105  # the attribute's name
SET_AT = "pwdLastSet"
MAY_WRITE = "allowedAttributesEffective"
MAY_ADD = "allowedChildClassesEffective"
RULES = "nTSecurityDescriptor"
DENIED = 1  # ACCESS_DENIED_ACE_TYPE
DELETE = 0x10000
EVERYONE = bytes((1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0))
"""S-1-1-0."""

_OF_THE_DOMAIN = {
    512: "Domain Admins",
    516: "Domain Controllers",
    517: "Cert Publishers",
    518: "Schema Admins",
    519: "Enterprise Admins",
    520: "Group Policy Creator Owners",
    521: "Read-only Domain Controllers",
    526: "Key Admins",
    527: "Enterprise Key Admins",
}
_BUILT_IN = {
    544: "Administrators",
    548: "Account Operators",
    549: "Server Operators",
    550: "Print Operators",
    551: "Backup Operators",
    552: "Replicator",
}
"""Groups that give power over others, by the last part of their SID (MS-DTYP section 2.4.2.4)."""


class ActiveDirectory(Flavor):
    """Accounts have an objectGUID, by which each request calls them: a rename in between cannot mislead it."""

    defaults = {  # noqa: RUF012  # a ClassVar of the base class
        "match": {"userName": "userPrincipalName"},
        "user_filter": "(&(objectCategory=person)(objectClass=user))",
        "stamp_attribute": "info",
        "group_stamp_attribute": "info",
    }
    id_attribute = "objectGUID"
    renames_whole = True
    longest_name = 64
    dn_attribute = "distinguishedName"
    lock_attribute = LOCK
    snapshot = (
        *(LOCK, "accountExpires", "pwdLastSet", "primaryGroupID", "sAMAccountName", "userPrincipalName"),
        *("description", "info", "mail", "manager", "adminCount", "isCriticalSystemObject"),
    )
    rights_attributes = (MAY_WRITE, MAY_ADD)
    membership_attributes = (BACK_LINK, PRIMARY)
    group_attributes = ("objectSid", "adminCount", "isCriticalSystemObject")
    group_filter = "(objectClass=group)"
    group_snapshot = ("objectClass", "description", "info", KIND, "mail", "sAMAccountName")
    owner_attributes = ("managedBy",)
    changed_attributes = ("whenChanged",)
    disables_groups = True
    longest_text = 1024
    times = WindowsTimes()

    def course(self, talk: Talk, base: str, accounts: str, scope: object, since: str | None) -> Course:
        """Return how a list goes on at one domain controller."""
        del base, accounts
        return ByNumber(talk, scope, since)

    def id_of(self, octets: bytes) -> str:
        """Return a GUID as people write it; its first three parts come in the order of little machines."""
        return str(uuid.UUID(bytes_le=octets)) if len(octets) == 16 else ""

    def id_filter(self, ids: Collection[str]) -> str:
        """Return a filter for these GUIDs, in the order of their octets there."""
        octets = (uuid.UUID(each).bytes_le if self.is_id(each) else b"" for each in ids)
        return "(|" + "".join(f"({self.id_attribute}={escaped(each)})" for each in octets) + ")"

    def address(self, entry_id: str, name: str) -> str:
        """Return the entry by its GUID, wherever it is (MS-ADTS section 3.1.1.3.1.2.4)."""
        del name
        return f"<GUID={entry_id}>"

    def look_up(self, directory: Lookup, base: str, entry_id: str, attributes: Sequence[str]) -> Entry | None:
        """Return the entry with all groups that it is in; the directory works them out for one entry at a time only."""
        return self.glance(directory, base, entry_id, [*attributes, GROUPS])

    def glance(self, directory: Lookup, base: str, entry_id: str, attributes: Sequence[str]) -> Entry | None:
        """Return the entry by its GUID."""
        found = directory.get(self.address(entry_id, ""), attributes) if self.is_id(entry_id) else None
        if found is None and directory.get(base, []) is None:
            raise TargetUnusableError(
                f"{base} does not exist, or may not be read, so that nothing is known of accounts"
            )
        return found

    def is_locked(self, entry: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the bit is set."""
        return bool(_control(entry) & DISABLED)

    def lock(self, entry: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the bit set, and the others as they are."""
        return _with_control(entry, _control(entry) | DISABLED)

    def unlock(self, entry: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the bit taken off, and the others as they are now."""
        del before
        return _with_control(entry, _control(entry) & ~DISABLED)

    def protection(self, entry: Entry) -> str:
        """Return what the directory itself says about an account: built in, or watched over as an administrator's."""
        if entry.get("isCriticalSystemObject") == ("TRUE",):
            return "part of the directory itself (isCriticalSystemObject)"
        groups = _powers(entry)
        if groups:
            return f"in {', '.join(groups)}, which gives power over others"
        if any(value not in ("", "0") for value in entry.get("adminCount")):
            return "an administrator's account, or was one (adminCount)"
        return ""

    def groups_kept(self, account: Entry, groups_dn: str) -> dict[str, int]:
        """Return that the primary group stays, and how many groups are elsewhere."""
        elsewhere = sum(not dn.is_below(each, groups_dn) for each in account.get(BACK_LINK))
        return {"primary group": len(account.get(PRIMARY)), **({"groups elsewhere": elsewhere} if elsewhere else {})}

    def examine(self, directory: Lookup, server: Entry, base: str) -> Iterator[str]:
        """Yield whether what is deleted can be brought back (MS-ADTS section 3.1.1.9.1)."""
        del base
        for configuration in server.get("configurationNamingContext"):
            partitions = directory.get(f"CN=Partitions,{configuration}", [FEATURES])
            if partitions is not None:
                is_on = any(RECYCLE_BIN in dn.parse(each)[0] for each in partitions.get(FEATURES))
                yield "the Recycle Bin keeps deleted accounts" if is_on else "the Recycle Bin is off"

    def has_power_over_others(self, account: Entry) -> bool:
        """Whether one of its groups, or of the groups that these are in, is such a group."""
        return bool(_powers(account))

    def is_powerful(self, group: Entry) -> bool:
        """Whether it is one of the groups that every domain has, or the directory watches over it as over those."""
        return any(map(power_of, group.octets.get("objectSid", ()))) or group.get("adminCount") not in ((), ("0",))

    def is_group_disabled(self, group: Entry) -> bool | None:
        """Whether it is a distribution group."""
        kind = group.get(KIND)
        return None if not kind else not int(kind[0]) & SECURITY

    def disable_group(self, group: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the bit taken off, and the others as they are."""
        return _with_kind(group, is_security=False)

    def enable_group(self, group: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the bit set, and the others as they are."""
        return _with_kind(group, is_security=True)

    def primary_groups(self, directory: Lookup, base: str) -> set[str]:
        """Return the last parts of SIDs: of the groups that many accounts have, and of those that some chose."""
        usual = "".join(f"(!({PRIMARY}={each}))" for each in USUAL_PRIMARY_GROUPS)
        chosen = directory.search(base, f"(&({PRIMARY}=*){usual})", [PRIMARY])
        return {*USUAL_PRIMARY_GROUPS, *(each for entry in chosen for each in entry.get(PRIMARY))}

    def is_filled_otherwise(self, group: Entry, primary: Collection[str]) -> bool:
        """Whether its SID ends in one of them."""
        sids = (sid for sid in group.octets.get("objectSid", ()) if len(sid) >= 12)
        return any(str(struct.unpack("<I", sid[-4:])[0]) in primary for sid in sids)

    def vouch(self, server: Entry) -> None:
        """Look for what only such servers say of themselves."""
        if CAPABILITY not in server.get("supportedCapabilities"):
            raise other_server("Active Directory")

    def may_not_write(self, samples: Sequence[Entry], attributes: Sequence[str]) -> dict[str, int]:
        """Count what the directory works out for each entry: what the one who asks may write there."""
        allowed = [{name.casefold() for name in sample.get(MAY_WRITE)} for sample in samples]
        counts = {name: sum(name.casefold() not in each for each in allowed) for name in attributes}
        return {name: count for name, count in counts.items() if count}

    def may_not_add(self, container: Entry) -> bool:
        """Look for people among what the one who asks may put there."""
        return "user" not in {name.casefold() for name in container.get(MAY_ADD)}

    def new_password(self) -> tuple[Edit, ...]:
        """Return two random passwords: after a single change, the old one still opens some doors for an hour.

        KB 906305. The zero in ``pwdLastSet`` is how a second run knows that this was done.
        """
        first, second = (f'"{secrets.token_urlsafe(48)}aA1!"'.encode("utf-16-le") for _ in range(2))
        return (
            Edit((Change(PASSWORD, add=(first,), is_whole=True),)),
            Edit((Change(PASSWORD, add=(second,), is_whole=True), Change(SET_AT, add=("0",), is_whole=True))),
        )

    def has_no_password(
        self, directory: Lookup, entry_id: str, base: str, before: Mapping[str, tuple[str, ...]]
    ) -> bool:
        """Look for the zero, where none was there before."""
        now = self.glance(directory, base, entry_id, [SET_AT])
        return now is not None and now.get(SET_AT) == ("0",) and before.get(SET_AT, ("0",)) != ("0",)

    def why_not_deleted(self, directory: Lookup, entry_id: str, name: str) -> str:
        """Look for the rule by which nobody may delete the account."""
        entry = directory.get(self.address(entry_id, name), [RULES], with_rules=True)
        if entry is not None and any(map(forbids_deletion, entry.octets.get(RULES, ()))):
            return "it is protected from accidental deletion: take the tick off its Object page first"
        return ""


def forbids_deletion(descriptor: bytes) -> bool:
    """Whether a security descriptor denies everybody to delete the entry (MS-DTYP sections 2.4.4.2, 2.4.5, 2.4.6)."""
    if len(descriptor) < 20:
        return False
    at = struct.unpack_from("<I", descriptor, 16)[0]
    if at == 0 or len(descriptor) < at + 8:
        return False
    count = struct.unpack_from("<H", descriptor, at + 4)[0]
    at += 8
    for _ in range(count):
        kind, _flags, size, mask = struct.unpack_from("<BBHI", descriptor, at)
        if kind == DENIED and mask & DELETE and descriptor[at + 8 : at + size] == EVERYONE:
            return True
        at += size
    return False


def power_of(sid: bytes) -> str:
    """Return the name of the group with this SID where it gives power over others; empty where it does not."""
    if len(sid) < 12 or len(sid) != 8 + 4 * sid[1]:
        return ""
    authority, *parts = struct.unpack_from(f"<{sid[1]}I", sid, 8)
    if authority == 32 and len(parts) == 1:
        return _BUILT_IN.get(parts[0], "")
    return _OF_THE_DOMAIN.get(parts[-1], "") if authority == 21 and parts else ""


def _powers(account: Entry) -> list[str]:
    return sorted({name for name in map(power_of, account.octets.get(GROUPS, ())) if name})


def _control(entry: Mapping[str, tuple[str, ...]]) -> int:
    values = entry.get(LOCK, ())
    if not values:
        raise RejectedError(f"the entry has no {LOCK}, or the bind account may not read it")
    return int(values[0])


def _with_kind(group: Mapping[str, tuple[str, ...]], *, is_security: bool) -> Edit:
    values = group.get(KIND, ())
    if not values:
        raise RejectedError(f"the group has no {KIND}, or the bind account may not read it")
    bits = int(values[0]) & 0xFFFFFFFF
    wanted = bits | SECURITY if is_security else bits & ~SECURITY
    # It is written as a signed number of 32 bits.
    return Edit((swapped(KIND, values, (str(wanted - (1 << 32) if wanted & SECURITY else wanted),)),))


def _with_control(entry: Mapping[str, tuple[str, ...]], control: int) -> Edit:
    return Edit((swapped(LOCK, entry.get(LOCK, ()), (str(control),)),))
