"""Groups, as they are found, listed and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from connectors.ldap import dn
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry, equals
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.members import POSIX_CLASS, is_posix
from connectors.ldap.memberships import Memberships
from connectors.ldap.references import References
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AmbiguousAccountError,
    GroupState,
    GroupSummary,
)
from scimbridge.sdk.stamp import date_in, stamp_in

NAME = "dn"
"""Where a group's state keeps its DN: people call a group by its ``cn``."""

STAND_IN = "group_stand_in"
"""Where a group's state keeps whether the stand-in for a last member is in it."""


class Groups:
    """The groups of a directory."""

    def __init__(self, config: LdapConfig, directory: Directory, memberships: Memberships) -> None:
        self._config = config
        self._directory = directory
        self._memberships = memberships
        self._flavor = FLAVORS[config.flavor]
        self._base = config.groups_dn or config.base_dn
        self._references = References(config, directory)
        self._filter = _group_filter(self._flavor.group_filter, config.member_attributes)
        self._plain = dict.fromkeys((*self._flavor.group_snapshot, config.group_stamp_attribute))
        told = (*self._plain, *self._flavor.owner_attributes, *self._flavor.group_attributes)
        self._names = list(dict.fromkeys(("cn", "objectClass", *told)))

    def entry(self, group_id: str, more: Sequence[str] = ()) -> Entry:
        """Return a group's entry.

        Raises:
            AccountNotFoundError: There is none.
        """
        found = None
        if self._flavor.is_id(group_id):
            by_id = f"(&{self._filter}{self._flavor.id_filter([group_id])})"
            found = self._directory.search(self._base, by_id, [*self._names, *more])
        if not found:
            raise AccountNotFoundError(f"no group has the {self._flavor.id_attribute} {group_id}")
        return found[0]

    def find(self, said: str) -> AccountRef | None:
        """Return the group of this id or ``cn``."""
        by_id = [self._flavor.id_filter([said])] if self._flavor.is_id(said) else []
        for filter_ in (*by_id, equals("cn", [said])):
            found = self._directory.search(self._base, f"(&{self._filter}{filter_})", ["cn"])
            if len(found) > 1:
                refs = [AccountRef(each.id, _name(each)) for each in found]
                raise AmbiguousAccountError(f"{len(found)} groups are called {said!r}", refs)
            if found:
                return AccountRef(found[0].id, _name(found[0]))
        return None

    def read(self, group_id: str) -> GroupState:
        """Return a group with all of its members, however many."""
        entry = self.entry(group_id, self._config.member_attributes)
        members = [each for name in self._config.member_attributes if not is_posix(name) for each in entry.get(name)]
        called = [each for name in self._config.member_attributes if is_posix(name) for each in entry.get(name)]
        stand_in = self._config.group_stand_in
        is_held = stand_in is not None and any(dn.is_same(each, stand_in) for each in members)
        real = [each for each in members if not (is_held and stand_in is not None and dn.is_same(each, stand_in))]
        owners = [each for name in self._flavor.owner_attributes for each in entry.get(name)]
        known = self._references.by_dn([*real, *owners])
        text = self._stamp_text(entry)
        values = {name: entry.get(name) for name in self._plain}
        return GroupState(
            id=entry.id,
            name=_name(entry),
            attributes={**values, NAME: (entry.dn,), STAND_IN: ("TRUE",) if is_held else ()},
            container=entry.container,
            stamp=stamp_in(text),
            stamped_until=date_in(text),
            protected=self._protection(entry),
            disabled=self._flavor.is_group_disabled(entry),
            members=tuple(
                sorted((*(known[each] for each in real), *self._references.by_uid(called)), key=lambda ref: ref.id)
            ),
            owners=tuple(sorted((known[each] for each in owners), key=lambda ref: ref.id)),
            opens=self._memberships.around(entry),
        )

    def list(self) -> Iterator[GroupSummary]:
        """Yield all groups. How many members one has is told where it is none: else it would take a look at each."""
        entries = self._directory.search(self._base, self._filter, [*self._names, *self._flavor.changed_attributes])
        filled = self._filled()
        owners = self._references.by_dn(
            {each for entry in entries for name in self._flavor.owner_attributes for each in entry.get(name)}
        )
        for entry in entries:
            of_group = (owners[each] for name in self._flavor.owner_attributes for each in entry.get(name))
            yield GroupSummary(
                id=entry.id,
                name=_name(entry),
                size=None if entry.id in filled or self._flavor.is_filled_otherwise(entry, filled) else 0,
                owners=tuple(sorted(of_group, key=lambda ref: ref.id)),
                changed_at=_latest(entry, self._flavor.changed_attributes),
                container=entry.container,
                stamp=stamp_in(self._stamp_text(entry)),
                protected=self._own_protection(entry),
            )

    def _filled(self) -> set[str]:
        """Return the ids of groups with members, and the numbers by which accounts name their primary group."""
        present = "".join(f"({name}=*)" for name in self._config.member_attributes)
        stand_in = self._config.group_stand_in
        found = self._directory.search(self._base, f"(&{self._filter}(|{present}))", [])
        filled = {each.id for each in found}
        if stand_in is not None:
            lonely = "".join(equals(name, [stand_in]) for name in self._config.member_attributes)
            for each in self._directory.search(
                self._base, f"(&{self._filter}(|{lonely}))", self._config.member_attributes
            ):
                if sum(len(each.get(name)) for name in self._config.member_attributes) == 1:
                    filled.discard(each.id)
        return filled | self._flavor.primary_groups(self._directory, self._config.base_dn)

    def _stamp_text(self, entry: Entry) -> str:
        return next((text for text in entry.get(self._config.group_stamp_attribute) if stamp_in(text)), "")

    def _own_protection(self, entry: Entry) -> str:
        for each in self._config.protected:
            if dn.is_same(entry.dn, each) or dn.is_below(entry.dn, each):
                return f"named in protected ({each})"
        if self._memberships.gives_power(entry):
            return "gives power over others"
        return self._flavor.protection(entry)

    def _protection(self, entry: Entry) -> str:
        found = self._own_protection(entry)
        if not found and self._memberships.leads_to_power(entry):
            return "in a group that gives power over others"
        return found


def _group_filter(known: str, member_attributes: Sequence[str]) -> str:
    """Return what is a group; POSIX groups are where ``memberUid`` is named."""
    return f"(|{known}(objectClass={POSIX_CLASS}))" if any(map(is_posix, member_attributes)) else known


def _name(group: Entry) -> str:
    return next(iter(group.get("cn")), group.dn)


def _latest(entry: Entry, attributes: Sequence[str]) -> datetime | None:
    """Return the time in an attribute (RFC 4517 section 3.3.13), as directories write it: in UTC."""
    for name in attributes:
        for text in entry.get(name):
            try:
                return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            except ValueError:
                continue
    return None
