"""Accounts, as they are found and read."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.ldap import dn
from connectors.ldap.archiving import kept
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry, equals, is_group
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.memberships import Memberships
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    AmbiguousAccountError,
    Person,
    RejectedError,
    TargetUnusableError,
)
from scimbridge.sdk.stamp import UNMANAGED, date_in, stamp_in


class Accounts:
    """The accounts of a directory.

    Args:
        config: Where they are, and how they are found.
        directory: The connection to it.
        memberships: What tells their groups.
    """

    def __init__(self, config: LdapConfig, directory: Directory, memberships: Memberships) -> None:
        self._config = config
        self._directory = directory
        self._memberships = memberships
        self._flavor = FLAVORS[config.flavor]
        named = (config.stamp_attribute, config.hide_attribute, config.unmanaged_attribute)
        self._names = list(
            dict.fromkeys(
                (
                    *config.match.values(),
                    *config.lock_also,
                    *config.archive_attributes,
                    *memberships.told_of_members,
                    *self._flavor.snapshot,
                    "objectClass",
                    *(each for each in named if each),
                )
            )
        )

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any; marked ones are not the bridge's."""
        for scim_attribute, attribute in self._config.match.items():
            values = person.get(scim_attribute)
            found = self._matching(equals(attribute, values)) if values else []
            if len(found) > 1:
                raise AmbiguousAccountError(f"{len(found)} accounts have the same {attribute}", found)
            if found:
                return found[0]
        return None

    def entry(self, account_id: str, more: Sequence[str] = ()) -> Entry:
        """Return an account's entry, wherever beneath ``base_dn`` it has moved to; with more attributes than usual.

        Raises:
            AccountNotFoundError: There is none.
            RejectedError: It is not beneath ``base_dn``.
        """
        names = [*self._names, *more]
        return self._checked(account_id, self._flavor.look_up(self._directory, self._config.base_dn, account_id, names))

    def glance(self, account_id: str, attributes: Sequence[str]) -> Entry:
        """Return an account's entry with a few attributes, for a look right before a change; raises like ``entry``."""
        told = ["objectClass", *attributes]
        return self._checked(account_id, self._flavor.glance(self._directory, self._config.base_dn, account_id, told))

    def _checked(self, account_id: str, found: Entry | None) -> Entry:
        if found is None or is_group(found):
            raise AccountNotFoundError(f"no entry beneath base_dn has the {self._flavor.id_attribute} {account_id}")
        if not dn.is_below(found.dn, self._config.base_dn):
            raise RejectedError("the account was moved out of base_dn, where the bridge may not touch it")
        return found

    def read(self, account_id: str, more: Sequence[str] = ()) -> AccountState:
        """Return an account with all that can be told of it; with more of its attributes for the snapshot."""
        entry = self.entry(account_id, more)
        values = {name: told for name, told in entry.attributes.items() if name in self._names}
        values |= kept(entry, more, self._names)
        stamp_text = _marked(values.get(self._config.stamp_attribute, ()))
        hidden, unmanaged = self._config.hide_attribute, self._config.unmanaged_attribute
        return AccountState(
            id=entry.id,
            name=entry.dn,
            suspended=self._flavor.is_locked(values),
            attributes=values,
            groups=self._memberships.of(entry),
            container=entry.container,
            stamp=stamp_in(stamp_text),
            stamped_until=date_in(stamp_text),
            hidden=is_true(values.get(hidden, ())) if hidden else None,
            unmanaged=any(UNMANAGED in text for text in values.get(unmanaged, ())) if unmanaged else None,
            protected=self._protection(entry),
        )

    def _matching(self, by: str) -> list[AccountRef]:
        unmanaged = self._config.unmanaged_attribute
        names = [unmanaged] if unmanaged else []
        entries = self._directory.search(self._config.base_dn, f"(&{self._config.user_filter}{by})", names)
        if not all(entry.id for entry in entries):
            raise TargetUnusableError(
                f"the bind account may not read {self._flavor.id_attribute}, the only lasting name of an account"
            )
        return [
            AccountRef(entry.id, entry.dn)
            for entry in entries
            if not any(UNMANAGED in text for name in names for text in entry.get(name))
        ]

    def _protection(self, entry: Entry) -> str:
        if dn.is_same(entry.dn, self._config.bind_dn):
            return "the bridge's own account in the directory (bind_dn)"
        for each in self._config.protected:
            if dn.is_same(entry.dn, each) or dn.is_below(entry.dn, each):
                return f"named in protected ({each})"
        return self._flavor.protection(entry)


def is_true(values: tuple[str, ...]) -> bool:
    """Whether a yes-or-no attribute says yes (RFC 4517 section 3.3.3)."""
    return any(value.casefold() == "true" for value in values)


def _marked(values: tuple[str, ...]) -> str:
    return next((value for value in values if stamp_in(value)), "")
