"""All accounts of a directory, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry
from connectors.ldap.flavors import FLAVORS
from scimbridge.sdk import AccountPage, AccountSummary, RejectedError, TargetUnusableError
from scimbridge.sdk.stamp import UNMANAGED


class Listing:
    """Lists accounts over one connection, so that one server tells all of a list.

    Args:
        config: Where they are, and how they are found.
        directory: The connection to it.

    Attributes:
        names: The attributes that a summary is made of.
        scope: What decides which accounts are listed, and what of them; a cursor is good for one scope alone.
    """

    def __init__(self, config: LdapConfig, directory: Directory) -> None:
        self._config = config
        self._directory = directory
        self._flavor = FLAVORS[config.flavor]
        marked = [config.unmanaged_attribute] if config.unmanaged_attribute else []
        wanted = (*config.match.values(), self._flavor.lock_attribute, *marked, *self._flavor.times.names)
        self.names = tuple(dict.fromkeys(wanted))
        self.scope = [config.flavor, config.base_dn, config.user_filter, self.names]

    def accounts(self, since: str | None) -> Iterator[AccountPage]:
        """Yield the accounts beneath ``base_dn`` that match ``user_filter``, or what has changed among them.

        Raises:
            RejectedError: The directory gives out only a part of them.
        """
        config, times = self._config, self._flavor.times
        with self._directory.conversation() as talk:
            course = self._flavor.course(talk, config.base_dn, config.user_filter, self.scope, since)
            within = times.signed_in_within(talk)
            names = tuple(dict.fromkeys((*self.names, *course.names)))
            for part in talk.parts(config.base_dn, f"(&{config.user_filter}{course.filter})", names):
                course.saw(part)
                yield AccountPage(accounts=tuple(self._summary(entry, within) for entry in part))
            for gone in course.gone():
                yield AccountPage(gone=gone)
            yield AccountPage(end=course.end())

    def summary(self, entry: Entry) -> AccountSummary:
        """Return what an entry tells."""
        with self._directory.conversation() as talk:
            return self._summary(entry, self._flavor.times.signed_in_within(talk))

    def _summary(self, entry: Entry, within: timedelta | None) -> AccountSummary:
        if not entry.id:
            raise TargetUnusableError(
                f"the bind account may not read {self._flavor.id_attribute}, the only lasting name of an account"
            )
        times, marked = self._flavor.times, self._config.unmanaged_attribute
        suspended = self._is_locked(entry)
        return AccountSummary(
            id=entry.id,
            name=entry.dn,
            attributes={name: entry.get(name) for name in self._config.match.values()},
            suspended=suspended,
            suspended_since=times.locked_since(entry) if suspended else None,
            signed_in_at=None if within is None else times.signed_in_at(entry),
            signed_in_within=within or timedelta(),
            expires_at=times.ends_at(entry),
            created_at=times.created_at(entry),
            container=entry.container,
            unmanaged=any(UNMANAGED in text for text in entry.get(marked)) if marked else None,
        )

    def _is_locked(self, entry: Entry) -> bool | None:
        with suppress(RejectedError):  # the attribute that tells may not be read
            lock = self._flavor.lock_attribute
            return self._flavor.is_locked({lock: entry.get(lock)})
        return None
