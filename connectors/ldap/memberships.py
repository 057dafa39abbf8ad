"""Which groups an account is in, and how it gets out of them and in again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from connectors.ldap import dn
from connectors.ldap.client import Directory
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Change, Edit, Entry, equals
from connectors.ldap.errors import (
    CLASS_VIOLATION,
    ENTRY_EXISTS,
    NO_SUCH_ATTRIBUTE,
    UNWILLING,
    VALUE_EXISTS,
)
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.members import UID, is_posix, usual_attribute, values_of
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    Entitlement,
    ObservingError,
    RejectedError,
    RetryableError,
)

AT_ONCE = 50
"""How many groups one filter asks for."""

_Place = tuple[str, str]
"""An attribute of a group, and the value in it that names a member."""

_NOT_IN_IT = (NO_SUCH_ATTRIBUTE, UNWILLING)
_IN_IT_ALREADY = (VALUE_EXISTS, ENTRY_EXISTS)


class Memberships:
    """The groups of a directory, as far as accounts are in them.

    Attributes:
        told_of_members: What accounts have to be read with, so that it is known how groups name them.
    """

    def __init__(self, config: LdapConfig, directory: Directory) -> None:
        self._config = config
        self._directory = directory
        self._flavor = FLAVORS[config.flavor]
        self._base = config.groups_dn or config.base_dn
        self._attributes = config.member_attributes
        self._privileged = {dn.parse(each) for each in config.privileged_groups}
        self.told_of_members: tuple[str, ...] = (UID,) if any(map(is_posix, self._attributes)) else ()

    def of(self, account: Entry) -> tuple[Entitlement, ...]:
        """Return the groups that name the account as a member, directly; sorted, as servers give them in any order.

        Asked of the groups and not of the account: its ``memberOf`` also holds groups of groups on some servers,
        and is missing on others.
        """
        groups = self._with_members([account])
        powerful = self._powerful(account, groups)
        return tuple(sorted(Entitlement(each.id, _name(each), is_privileged=each.id in powerful) for each in groups))

    def around(self, group: Entry) -> tuple[AccountRef, ...]:
        """Return the groups that a group is in itself."""
        return tuple(sorted((AccountRef(each.id, _name(each)) for each in self._with_members([group])), key=_by_id))

    def leave(self, member: Entry, groups: Sequence[Entitlement]) -> list[str]:
        """Take an account out of groups, one request each, as far as the directory lets it.

        Args:
            member: The account as it is now.
            groups: Which ones.

        Returns:
            The names of those that it left.

        Raises:
            RetryableError: The directory did not answer, or is busy.
            RejectedError: Some could not be left; the message names them and why. All others were.
        """
        known = self._known(groups)
        places = self._places(known, member)
        there = [each for each in groups if each.id in places]
        return self._each(there, lambda group: self._leave_one(known[group.id], places[group.id]))

    def join(self, member: Entry, groups: Sequence[Entitlement]) -> tuple[list[str], list[str]]:
        """Put an account into groups, as far as they are still there.

        Args:
            member: The account as it is now.
            groups: Which ones.

        Returns:
            The names of those that it is in now and was not before, and of those that are gone.

        Raises:
            RetryableError: The directory did not answer, or is busy.
            RejectedError: Some could not be joined; the message names them and why. All others were.
        """
        known = self._known(groups)
        is_in = self._places(known, member)
        missing = [each for each in groups if each.id in known and each.id not in is_in]
        joined = self._each(missing, lambda group: self._join_one(member, known[group.id]))
        return joined, [each.name for each in groups if each.id not in known]

    def gives_power(self, group: Entry) -> bool:
        """Whether a group gives power over others by itself."""
        return self._flavor.is_powerful(group) or dn.parse(group.dn) in self._privileged

    def leads_to_power(self, group: Entry) -> bool:
        """Whether a group gives power over others, by itself or through groups that it is in."""
        return self._leads_to_power([group])

    def entries_of(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return entries that are still there, by id."""
        found: dict[str, Entry] = {}
        real = [each for each in ids if self._flavor.is_id(each)]
        for start in range(0, len(real), AT_ONCE):
            some = self._flavor.id_filter(real[start : start + AT_ONCE])
            there = self._directory.search(self._config.base_dn, some, self.told_of_members)
            found |= {each.id: each for each in there}
        return found

    def names(self, group_id: str, attribute: str, value: str) -> bool:
        """Whether a group names a member. Filters need no ranges, however many members it has."""
        condition = f"(&{self._flavor.id_filter([group_id])}{equals(attribute, [value])})"
        return bool(self._directory.search(self._base, condition, []))

    def _each(self, groups: Iterable[Entitlement], change: Callable[[Entitlement], bool]) -> list[str]:
        changed: list[str] = []
        refused: list[str] = []
        for group in groups:
            try:
                if change(group):
                    changed.append(group.name)
            except ObservingError:
                raise
            except RejectedError as error:
                refused.append(f"{group.name}: {error}")
        if refused:
            raise RejectedError(f"{len(refused)} of the groups could not be changed: {'; '.join(refused)}")
        return changed

    def _leave_one(self, group: Entry, places: Iterable[_Place]) -> bool:
        left = [self._take_out(group, attribute, value) for attribute, value in places]
        return any(left)

    def _take_out(self, group: Entry, attribute: str, value: str) -> bool:
        """Remove a member; where it is the last of a group that needs one, put the stand-in into its place."""
        accept = (*_NOT_IN_IT, CLASS_VIOLATION)
        code = self._change(group, Change(attribute, remove=(value,)), accept)
        if code == CLASS_VIOLATION:
            stand_in = self._config.group_stand_in
            if not stand_in:
                raise RejectedError(
                    "the account is its last member, and such a group must have one: put somebody else into it, "
                    "or name a group_stand_in"
                )
            code = self._change(group, Change(attribute, add=(stand_in,), remove=(value,)), _NOT_IN_IT)
        if code in _NOT_IN_IT and self.names(group.id, attribute, value):
            raise RejectedError(f"the directory refuses to take the member out ({code})")
        return code == 0

    def _join_one(self, member: Entry, group: Entry) -> bool:
        """Add a member, and let the stand-in go."""
        attribute = usual_attribute(group.get("objectClass"), self._attributes)
        values = values_of(member, attribute)
        if not values:
            raise RejectedError(f"it names its members by {UID}, and the account has none")
        return self._trade_places(group, attribute, values[0]) or (
            self._change(group, Change(attribute, add=values[:1]), _IN_IT_ALREADY) == 0
        )

    def _trade_places(self, group: Entry, attribute: str, value: str) -> bool:
        """Put a member into the place of the stand-in; False where there is none (any more)."""
        stand_in = self._config.group_stand_in
        if stand_in is None or not self.names(group.id, attribute, stand_in):
            return False
        return self._change(group, Change(attribute, add=(value,), remove=(stand_in,)), (NO_SUCH_ATTRIBUTE,)) == 0

    def _change(self, group: Entry, change: Change, accept: Sequence[int]) -> int:
        try:
            return self._directory.modify(
                self._flavor.address(group.id, group.dn),
                Edit((change,)),
                only_if=self._flavor.condition(group.id),
                right=f"write access to {change.attribute} of the groups",
                accept=accept,
            )
        except AccountNotFoundError:
            raise RetryableError("a group was renamed meanwhile; it is read again first") from None

    def _places(self, ids: Iterable[str], member: Entry) -> dict[str, list[_Place]]:
        """Return where groups name a member, and how; those that do not are missing."""
        wanted = list(ids)
        found: dict[str, list[_Place]] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = self._flavor.id_filter(wanted[start : start + AT_ONCE])
            for attribute in self._attributes:
                for value in values_of(member, attribute):
                    naming = f"(&{some}{equals(attribute, [value])})"
                    for group in self._directory.search(self._base, naming, []):
                        found.setdefault(group.id, []).append((attribute, value))
        return found

    def _known(self, groups: Sequence[Entitlement]) -> dict[str, Entry]:
        """Return where groups are now, by id; what is missing is gone."""
        found: dict[str, Entry] = {}
        for start in range(0, len(groups), AT_ONCE):
            ids = [each.id for each in groups[start : start + AT_ONCE]]
            found |= {
                each.id: each
                for each in self._directory.search(self._base, self._flavor.id_filter(ids), ["objectClass"])
            }
        return found

    def _with_members(self, members: Sequence[Entry]) -> list[Entry]:
        """Return the groups that name one of the members."""
        found: dict[str, Entry] = {}
        for start in range(0, len(members), AT_ONCE):
            some = members[start : start + AT_ONCE]
            named = {each: [value for one in some for value in values_of(one, each)] for each in self._attributes}
            by_any = "".join(equals(attribute, values) for attribute, values in named.items() if values)
            groups = self._directory.search(self._base, f"(|{by_any})", ["cn", *self._flavor.group_attributes])
            found |= {each.id: each for each in groups}
        return list(found.values())

    def _powerful(self, account: Entry, groups: Sequence[Entry]) -> set[str]:
        """Return the ids of groups that give power over others, by themselves or through groups that they are in."""
        if not groups or not (self._privileged or self._flavor.has_power_over_others(account)):
            return set()
        if not self._leads_to_power(groups):
            return set()
        return {each.id for each in groups if self._leads_to_power([each])}

    def _leads_to_power(self, groups: Sequence[Entry]) -> bool:
        seen: set[str] = set()
        level = list(groups)
        while level:
            if any(map(self.gives_power, level)):
                return True
            seen |= {each.id for each in level}
            level = [each for each in self._with_members(level) if each.id not in seen]
        return False


def _by_id(ref: AccountRef) -> str:
    return ref.id


def _name(group: Entry) -> str:
    return next(iter(group.get("cn")), group.dn)
