"""What ``scimbridge check`` says about a directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry
from connectors.ldap.flavors import FLAVORS
from scimbridge.sdk import TargetUnusableError

SAMPLES = 20
"""How many accounts and groups are looked at for what the bind account may write."""

OF_THE_SERVER = [
    *("subschemaSubentry", "supportedControl", "supportedCapabilities", "vendorName", "configurationNamingContext"),
]


class Checkup:
    """Looks at all that the configuration names, and writes nothing."""

    def __init__(self, config: LdapConfig, directory: Directory) -> None:
        self._config = config
        self._directory = directory
        self._flavor = FLAVORS[config.flavor]

    def run(self) -> str:
        """Return one sentence about what was found.

        Raises:
            TargetUnusableError: It is no such server, or something that the configuration names is not there.
        """
        server = self._directory.get("", OF_THE_SERVER)
        if server is None:
            raise TargetUnusableError("the directory does not tell what it is")
        self._flavor.vouch(server)
        self._directory.search(self._config.base_dn, "(objectClass=*)", [], scope="BASE")
        for key in ("disabled_ou", "disabled_groups_ou", "groups_dn", "group_stand_in", "containers"):
            for named in _named(getattr(self._config, key)):
                if self._directory.get(named, []) is None:
                    raise TargetUnusableError(f"{key}: {named} does not exist, or may not be read")
        found = [*self._flavor.examine(self._directory, server, self._config.base_dn), *self._rights()]
        return "; ".join(["signed in", "base_dn is there", *found])

    def _rights(self) -> Iterator[str]:
        """Yield what the bind account may not do, where the server tells; asked of a few entries that are there."""
        told = self._flavor.rights_attributes
        if not told:
            return
        config = self._config
        controls = self._flavor.rights_controls(config.bind_dn)
        named = (config.stamp_attribute, config.hide_attribute, config.unmanaged_attribute, *config.archive_attributes)
        of_accounts = [self._flavor.lock_attribute, *(each for each in named if each)]
        places = [("accounts", config.base_dn, config.user_filter, of_accounts)]
        places.append(
            ("groups", config.groups_dn or config.base_dn, self._flavor.group_filter, config.member_attributes)
        )
        for what, base, filter_, attributes in places:
            samples = self._directory.sample(base, filter_, told, SAMPLES)
            if controls:
                samples = self._asked(samples, [*told, *attributes], controls)
            for name, count in self._flavor.may_not_write(samples, attributes).items():
                yield f"WARNING: the bind account may not write {name} on {count} of {len(samples)} {what} looked at"
        container = self._directory.get(config.disabled_ou, told) if config.disabled_ou else None
        if container is not None and self._flavor.may_not_add(container):
            yield "WARNING: the bind account may not put accounts into disabled_ou"

    def _asked(
        self, samples: Iterable[Entry], attributes: Sequence[str], controls: Sequence[tuple[str, bool, bytes]]
    ) -> list[Entry]:
        """Return entries with what is told about one at a time only."""
        with self._directory.conversation() as talk:
            found = [talk.get(each.dn, attributes, controls=controls) for each in samples]
        return [each for each in found if each is not None]


def _named(value: str | Iterable[str] | None) -> Iterable[str]:
    """Return the DNs that a key names, be it one or several."""
    return [value] if isinstance(value, str) else value or ()
