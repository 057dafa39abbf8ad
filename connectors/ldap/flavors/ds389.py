"""389 Directory Server, also as Red Hat Directory Server and beneath FreeIPA."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from connectors.ldap.entry import Edit, Entry, swapped
from connectors.ldap.flavors.flavor import other_server
from connectors.ldap.flavors.times import Times
from connectors.ldap.flavors.user_password import UserPassword

LOCK = "nsAccountLock"
LOCKED = "true"
RIGHTS = "attributeLevelRights"
EFFECTIVE_RIGHTS = "1.3.6.1.4.1.42.2.27.9.5.2"
"""The control "get effective rights"; every account may ask about its own."""

MAY_WRITE = set("wo")
"""Add values, and take them away."""


ROLES = "nsRole"


class Ds389Times(Times):
    """The account policy plugin notes sign-ins."""

    def locked_since(self, entry: Entry) -> datetime | None:
        """Return when the entry was last changed, unless a role may have locked it: that is not written there."""
        return None if entry.get(ROLES) else super().locked_since(entry)


class Ds389(UserPassword):
    """Accounts have an nsUniqueId. Requests know no conditions, so that old values are named instead."""

    id_attribute = "nsUniqueId"
    id_pattern = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{8}){3}")
    dn_attribute = "entrydn"
    lock_attribute = LOCK
    rights_attributes = (RIGHTS,)
    times = Ds389Times(signed_in=("lastLoginTime",), also=(ROLES,))
    snapshot = (LOCK, "nsRoleDN", "description", "mail", "manager", "employeeType", "loginShell")

    def is_locked(self, entry: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the lock says ``true``: the server takes ``1``, ``yes`` and ``on``, and lets people in."""
        return any(value.casefold() == LOCKED for value in entry.get(LOCK, ()))

    def lock(self, entry: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return the lock, in place of a value that locks nobody out."""
        return Edit((swapped(LOCK, entry.get(LOCK, ()), (LOCKED,)),))

    def unlock(self, entry: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return what was there before. A lock by a role is not on the entry, and stays."""
        return Edit((swapped(LOCK, entry.get(LOCK, ()), before.get(LOCK, ())),))

    def why_not_changed(self, edit: Edit) -> str:
        """Say where the lock is that is not on the entry."""
        return "a role locks the account (nsRoleDN): take it out of that role" if edit.attributes == (LOCK,) else ""

    def rights_controls(self, bind_dn: str) -> tuple[tuple[str, bool, bytes], ...]:
        """Return the question what one may do; servers that do not know it answer as if it had not been asked."""
        return ((EFFECTIVE_RIGHTS, False, b"dn:" + bind_dn.encode()),)

    def may_not_write(self, samples: Sequence[Entry], attributes: Sequence[str]) -> dict[str, int]:
        """Count where an attribute may not be written, or the entry's class does not let it have it."""
        told = [_rights_in(said) for sample in samples for said in sample.get(RIGHTS)]
        counts = {name: sum(not each.get(name.casefold(), set()) >= MAY_WRITE for each in told) for name in attributes}
        return {name: count for name, count in counts.items() if count}

    def vouch(self, server: Entry) -> None:
        """Look at the vendor's name."""
        if not any("389" in name or "Red Hat" in name for name in server.get("vendorName")):
            raise other_server("a 389 Directory Server")


def _rights_in(said: str) -> dict[str, set[str]]:
    """Return the rights by attribute, of a text like ``cn:rscwo, sn:none``."""
    pairs = (each.strip().partition(":") for each in said.split(","))
    return {name.casefold(): set() if rights == "none" else set(rights) for name, _, rights in pairs}
