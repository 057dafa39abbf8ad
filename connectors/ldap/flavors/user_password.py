"""Servers that keep passwords in ``userPassword``, and let nobody in where there is none."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.ldap.entry import Change, Edit
from connectors.ldap.flavors.flavor import Flavor, Lookup

PASSWORD = "userPassword"  # noqa: S105  # the attribute's name


class UserPassword(Flavor):
    """A server that keeps passwords as RFC 4519 section 2.41 has it."""

    def new_password(self) -> tuple[Edit, ...]:
        """Return no password at all; where there is none, nobody signs in with one."""
        return (Edit((Change(PASSWORD, is_whole=True),)),)

    def has_no_password(
        self, directory: Lookup, entry_id: str, base: str, before: Mapping[str, tuple[str, ...]]
    ) -> bool:
        """Ask by a filter; the password itself is never read."""
        del before
        return bool(directory.search(base, f"(&{self.id_filter([entry_id])}(!({PASSWORD}=*)))", []))
