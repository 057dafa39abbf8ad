"""What a kind of directory server has to say for itself."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from connectors.ldap.entry import Edit, Entry, equals
from connectors.ldap.flavors.course import ByTime, Course
from connectors.ldap.flavors.times import Talk, Times
from scimbridge.sdk import RejectedError, TargetUnusableError

ASSERTION_CONTROL = "1.3.6.1.1.12"
"""RFC 4528: do this only if the entry still matches a filter."""


class Lookup(Protocol):
    """What a lookup needs of the connection."""

    def search(self, base: str, filter_: str, attributes: Sequence[str], /) -> list[Entry]:
        """Return all entries that match."""

    def one(self, base: str, filter_: str, attributes: Sequence[str]) -> Entry | None:
        """Return the one entry that matches, or ``None``."""

    def get(self, dn: str, attributes: Sequence[str], *, of_class: str = "*", with_rules: bool = False) -> Entry | None:
        """Return one entry, or ``None`` where there is none of this name."""


class Flavor(ABC):
    """A kind of server. Holds no state: whatever it needs is in the entry."""

    defaults: ClassVar[Mapping[str, Any]] = {}
    """Configuration keys, with what they are where nobody says otherwise."""

    id_attribute: ClassVar[str]
    """The attribute whose value survives renames and moves."""

    asserts: ClassVar[bool] = False
    """Whether the server takes a condition with each request (RFC 4528)."""

    renames_whole: ClassVar[bool] = False
    """Whether a renamed entry loses its old name: where not, it keeps it as one more value."""

    longest_name: ClassVar[int] = 255
    """How many characters the first part of a DN may have."""

    lock_attribute: ClassVar[str]
    """What has to be written to lock an account."""

    snapshot: ClassVar[tuple[str, ...]] = ()
    """Attributes that are read with each account, beside those that the configuration names."""

    dn_attribute: ClassVar[str] = ""
    """The attribute in which an entry tells its own DN, where an index makes many of them easy to find at once."""

    group_filter: ClassVar[str] = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
    """What is a group."""

    group_snapshot: ClassVar[tuple[str, ...]] = ("objectClass", "description")
    """Attributes that are read with each group that is to be given up."""

    owner_attributes: ClassVar[tuple[str, ...]] = ("owner",)
    """Where a group says who answers for it."""

    changed_attributes: ClassVar[tuple[str, ...]] = ("modifyTimestamp",)
    """Where an entry says when it was last changed."""

    disables_groups: ClassVar[bool] = False
    """Whether there are groups that open nothing."""

    right_to_delete: ClassVar[str] = "the right to delete accounts"
    """What is missing where a deletion is refused."""

    rights_attributes: ClassVar[tuple[str, ...]] = ()
    """Attributes in which the server tells of an entry what the bind account may do there."""

    membership_attributes: ClassVar[tuple[str, ...]] = ()
    """Attributes in which an account tells its groups, for ``groups_kept``."""

    group_attributes: ClassVar[tuple[str, ...]] = ()
    """Attributes that are read with each group, for ``is_powerful``."""

    longest_text: ClassVar[int] = 0
    """How many characters a text that people write may have; 0 for any number."""

    id_pattern: ClassVar[re.Pattern[str]] = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
    """What ids look like."""

    times: ClassVar[Times]
    """What an entry tells of times."""

    def course(self, talk: Talk, base: str, accounts: str, scope: object, since: str | None) -> Course:
        """Return how a list of accounts goes on.

        Args:
            talk: The server that is asked for all of it.
            base: Where accounts are.
            accounts: The filter that they match.
            scope: What decides which accounts are listed, and what of them.
            since: The cursor of the list before.
        """
        return ByTime(talk, base, accounts, scope, since)

    def is_id(self, text: str) -> bool:
        """Whether a text may be an id; looking for what is none may take a look at every entry."""
        return self.id_pattern.fullmatch(text) is not None

    def id_of(self, octets: bytes) -> str:
        """Return an id as text."""
        return octets.decode()

    def id_filter(self, ids: Collection[str]) -> str:
        """Return a filter for entries that have one of these ids."""
        return equals(self.id_attribute, ids)

    def address(self, entry_id: str, name: str) -> str:
        """Return what requests call an entry: its DN, or something better."""
        del entry_id
        return name

    def glance(self, directory: Lookup, base: str, entry_id: str, attributes: Sequence[str]) -> Entry | None:
        """Return the entry with this id, wherever it is; ``None`` where there is none."""
        return directory.one(base, self.id_filter([entry_id]), attributes)

    def look_up(self, directory: Lookup, base: str, entry_id: str, attributes: Sequence[str]) -> Entry | None:
        """Return the same with all that the server can tell of its protection, which may take it long."""
        return self.glance(directory, base, entry_id, attributes)

    def condition(self, entry_id: str, extra: str = "") -> str:
        """Return a filter that another entry, now of the same name, does not match; empty where it is of no use."""
        if not self.asserts:
            return ""
        return f"(&{self.id_filter([entry_id])}{extra})" if extra else self.id_filter([entry_id])

    @abstractmethod
    def is_locked(self, entry: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the account cannot sign in, for good."""

    @abstractmethod
    def lock(self, entry: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return what locks an account that is as ``entry`` says."""

    @abstractmethod
    def unlock(self, entry: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return what takes the lock off again, back to what stood there ``before``."""

    def protection(self, entry: Entry) -> str:
        """Return why only a person may decide about an account; empty where anybody may."""
        del entry
        return ""

    def has_power_over_others(self, account: Entry) -> bool:
        """Whether the server itself says that an account is in a powerful group, at whatever depth."""
        del account
        return False

    def is_powerful(self, group: Entry) -> bool:
        """Whether a group gives power over others by what it is, whatever it is called."""
        del group
        return False

    @abstractmethod
    def vouch(self, server: Entry) -> None:
        """Make sure that this is such a server, and can do what the connector needs.

        Args:
            server: Its root entry (RFC 4512 section 5.1), with ``supportedControl``, ``supportedCapabilities``
                and ``vendorName``.

        Raises:
            TargetUnusableError: It is not, or cannot.
        """

    def examine(self, directory: Lookup, server: Entry, base: str) -> Iterator[str]:
        """Yield what is worth saying about how accounts are locked here.

        Raises:
            TargetUnusableError: They cannot be.
        """
        del directory, server, base
        yield from ()

    def groups_kept(self, account: Entry, groups_dn: str) -> dict[str, int]:
        """Return what an account still belongs to that it is not taken out of, where the server tells.

        Args:
            account: Read with ``membership_attributes``.
            groups_dn: Groups elsewhere are none of the bridge's business.
        """
        del account, groups_dn
        return {}

    def rights_controls(self, bind_dn: str) -> tuple[tuple[str, bool, bytes], ...]:
        """Return what has to go with a search so that the server tells ``rights_attributes``."""
        del bind_dn
        return ()

    def may_not_write(self, samples: Sequence[Entry], attributes: Sequence[str]) -> dict[str, int]:
        """Return how many of some entries each attribute may not be written on, where the server tells."""
        del samples, attributes
        return {}

    def may_not_add(self, container: Entry) -> bool:
        """Whether the server says that the bind account may not put accounts into a container."""
        del container
        return False

    def is_group_disabled(self, group: Entry) -> bool | None:
        """Whether a group opens nothing; ``None`` where there are none such."""
        del group
        return None

    def disable_group(self, group: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return what makes a group open nothing."""
        del group
        raise RejectedError("this kind of server has no groups that open nothing")

    def enable_group(self, group: Mapping[str, tuple[str, ...]]) -> Edit:
        """Return what makes a group open things again."""
        return self.disable_group(group)

    def primary_groups(self, directory: Lookup, base: str) -> set[str]:
        """Return how accounts name groups that they are in by themselves and not by the group."""
        del directory, base
        return set()

    def is_filled_otherwise(self, group: Entry, primary: Collection[str]) -> bool:
        """Whether a group without members is one that accounts name so."""
        del group, primary
        return False

    @abstractmethod
    def new_password(self) -> tuple[Edit, ...]:
        """Return what takes the password from an account, one request each, in this order."""

    @abstractmethod
    def has_no_password(
        self, directory: Lookup, entry_id: str, base: str, before: Mapping[str, tuple[str, ...]]
    ) -> bool:
        """Whether the password was taken already.

        Args:
            directory: Where to look.
            entry_id: The account.
            base: Where it is.
            before: Its attributes before the bridge touched it.
        """

    def why_not_changed(self, edit: Edit) -> str:
        """Return why a value is not there to be taken, although the account seems to have it."""
        del edit
        return ""

    def why_not_deleted(self, directory: Lookup, entry_id: str, name: str) -> str:
        """Return why the directory refused to delete an account, where there is more to say than that it did."""
        del directory, entry_id, name
        return ""


def other_server(expected: str) -> TargetUnusableError:
    """Return the error for a server of another kind."""
    return TargetUnusableError(f"this is not {expected}; look at flavor and url")
