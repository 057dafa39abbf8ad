"""389 Directory Server, also as Red Hat Directory Server and beneath FreeIPA."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.ldap.entry import Change, Edit, Entry, swapped
from connectors.ldap.flavors.flavor import Flavor, Lookup, other_server

LOCK = "nsAccountLock"
LOCKED = "true"
PASSWORD = "userPassword"  # noqa: S105  # the attribute's name


class Ds389(Flavor):
    """Accounts have an nsUniqueId. Requests know no conditions, so that old values are named instead."""

    id_attribute = "nsUniqueId"
    id_pattern = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{8}){3}")
    dn_attribute = "entrydn"
    lock_attribute = LOCK
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

    def vouch(self, server: Entry) -> None:
        """Look at the vendor's name."""
        if not any("389" in name or "Red Hat" in name for name in server.get("vendorName")):
            raise other_server("a 389 Directory Server")

    def new_password(self) -> tuple[Edit, ...]:
        """Return no password at all; where there is none, nobody signs in with one."""
        return (Edit((Change(PASSWORD, is_whole=True),)),)

    def has_no_password(
        self, directory: Lookup, entry_id: str, base: str, before: Mapping[str, tuple[str, ...]]
    ) -> bool:
        """Ask by a filter; the password itself is never read."""
        del before
        return bool(directory.search(base, f"(&{self.id_filter([entry_id])}(!({PASSWORD}=*)))", []))
