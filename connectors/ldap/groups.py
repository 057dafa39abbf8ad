"""Groups, as they are found, listed and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from connectors.ldap import dn
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Entry, equals
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.memberships import AT_ONCE, Memberships
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
            by_id = f"(&{self._flavor.group_filter}{self._flavor.id_filter([group_id])})"
            found = self._directory.search(self._base, by_id, [*self._names, *more])
        if not found:
            raise AccountNotFoundError(f"no group has the {self._flavor.id_attribute} {group_id}")
        return found[0]

    def find(self, said: str) -> AccountRef | None:
        """Return the group of this id or ``cn``."""
        by_id = [self._flavor.id_filter([said])] if self._flavor.is_id(said) else []
        for filter_ in (*by_id, equals("cn", [said])):
            found = self._directory.search(self._base, f"(&{self._flavor.group_filter}{filter_})", ["cn"])
            if len(found) > 1:
                refs = [AccountRef(each.id, _called(each)) for each in found]
                raise AmbiguousAccountError(f"{len(found)} groups are called {said!r}", refs)
            if found:
                return AccountRef(found[0].id, _called(found[0]))
        return None

    def read(self, group_id: str) -> GroupState:
        """Return a group with all of its members, however many."""
        entry = self.entry(group_id, self._config.member_attributes)
        members = [each for name in self._config.member_attributes for each in entry.get(name)]
        stand_in = self._config.group_stand_in
        is_held = stand_in is not None and any(dn.is_same(each, stand_in) for each in members)
        real = [each for each in members if not (is_held and stand_in is not None and dn.is_same(each, stand_in))]
        owners = [each for name in self._flavor.owner_attributes for each in entry.get(name)]
        known = self.refs([*real, *owners])
        text = self._stamp_text(entry)
        values = {name: entry.get(name) for name in self._plain}
        return GroupState(
            id=entry.id,
            name=_called(entry),
            attributes={**values, NAME: (entry.dn,), STAND_IN: ("TRUE",) if is_held else ()},
            container=entry.container,
            stamp=stamp_in(text),
            stamped_until=date_in(text),
            protected=self._protection(entry),
            disabled=self._flavor.is_group_disabled(entry),
            members=tuple(sorted((known[each] for each in real), key=lambda ref: ref.id)),
            owners=tuple(sorted((known[each] for each in owners), key=lambda ref: ref.id)),
        )

    def list(self) -> Iterator[GroupSummary]:
        """Yield all groups. How many members one has is told where it is none: else it would take a look at each."""
        entries = self._directory.search(
            self._base, self._flavor.group_filter, [*self._names, *self._flavor.changed_attributes]
        )
        filled = self._filled()
        owners = self.refs(
            {each for entry in entries for name in self._flavor.owner_attributes for each in entry.get(name)}
        )
        for entry in entries:
            of_group = (owners[each] for name in self._flavor.owner_attributes for each in entry.get(name))
            yield GroupSummary(
                id=entry.id,
                name=_called(entry),
                size=None if entry.id in filled or self._flavor.is_filled_otherwise(entry, filled) else 0,
                owners=tuple(sorted(of_group, key=lambda ref: ref.id)),
                changed_at=_latest(entry, self._flavor.changed_attributes),
                container=entry.container,
                stamp=stamp_in(self._stamp_text(entry)),
                protected=self._own_protection(entry),
            )

    def refs(self, names: Iterable[str]) -> dict[str, AccountRef]:
        """Return entries by the DNs that name them; what is not there goes by its DN."""
        wanted = list(dict.fromkeys(names))
        by_name: dict[dn.Name, AccountRef] = {}
        for start in range(0, len(wanted), AT_ONCE):
            for entry in self._at(wanted[start : start + AT_ONCE]):
                by_name[dn.parse(entry.dn)] = AccountRef(entry.id, entry.dn)
        return {each: by_name.get(dn.parse(each), AccountRef(each, each)) for each in wanted}

    def _at(self, names: Sequence[str]) -> Sequence[Entry]:
        if self._flavor.dn_attribute:
            return self._directory.search(self._config.base_dn, equals(self._flavor.dn_attribute, names), [])
        found = (self._directory.get(each, []) for each in names)
        return [each for each in found if each is not None]

    def _filled(self) -> set[str]:
        """Return the ids of groups with members, and the numbers by which accounts name their primary group."""
        present = "".join(f"({name}=*)" for name in self._config.member_attributes)
        stand_in = self._config.group_stand_in
        found = self._directory.search(self._base, f"(&{self._flavor.group_filter}(|{present}))", [])
        filled = {each.id for each in found}
        if stand_in is not None:
            lonely = "".join(equals(name, [stand_in]) for name in self._config.member_attributes)
            for each in self._directory.search(
                self._base, f"(&{self._flavor.group_filter}(|{lonely}))", self._config.member_attributes
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


def _called(group: Entry) -> str:
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
