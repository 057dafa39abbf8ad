"""Who is meant by the names that stand in groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.ldap import dn
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry, equals
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.members import UID
from connectors.ldap.memberships import AT_ONCE
from scimbridge.sdk import AccountRef


class References:
    """Looks entries up by the names that groups have for them, many at once."""

    def __init__(self, config: LdapConfig, directory: Directory) -> None:
        self._config = config
        self._directory = directory
        self._flavor = FLAVORS[config.flavor]

    def by_dn(self, names: Iterable[str]) -> dict[str, AccountRef]:
        """Return entries by the DNs that name them; what is not there goes by its DN."""
        wanted = list(dict.fromkeys(names))
        found: dict[dn.Name, AccountRef] = {}
        for start in range(0, len(wanted), AT_ONCE):
            for entry in self._at(wanted[start : start + AT_ONCE]):
                found[dn.parse(entry.dn)] = AccountRef(entry.id, entry.dn)
        return {each: found.get(dn.parse(each), AccountRef(each, each)) for each in wanted}

    def by_uid(self, names: Sequence[str]) -> list[AccountRef]:
        """Return accounts by their ``uid``; a name that nobody has, or several, stands for itself."""
        ids: dict[str, set[str]] = {}
        for start in range(0, len(names), AT_ONCE):
            called = f"(&{self._config.user_filter}{equals(UID, names[start : start + AT_ONCE])})"
            for entry in self._directory.search(self._config.base_dn, called, [UID]):
                for name in entry.get(UID):
                    ids.setdefault(name, set()).add(entry.id)
        return [AccountRef(_only(ids.get(each, set())) or each, each) for each in names]

    def _at(self, names: Sequence[str]) -> Sequence[Entry]:
        if self._flavor.dn_attribute:
            return self._directory.search(self._config.base_dn, equals(self._flavor.dn_attribute, names), [])
        found = (self._directory.get(each, []) for each in names)
        return [each for each in found if each is not None]


def _only(ids: set[str]) -> str:
    return next(iter(ids)) if len(ids) == 1 else ""
