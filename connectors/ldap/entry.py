"""Entries, and changes to them, without a word of any library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.ldap import dn

_SPECIAL = str.maketrans({"\\": r"\5c", "*": r"\2a", "(": r"\28", ")": r"\29", "\x00": r"\00"})


ALL = "*"
"""Instead of an attribute's name: all that people write (RFC 4511 section 4.5.1.8)."""

Control = tuple[str, bool, bytes | None]
"""What goes with a request (RFC 4511 section 4.1.11): its type, whether the server must know it, and its value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that a search found.

    Attributes:
        dn: Where it is now.
        id: Its immutable id; empty for entries of the server itself.
        octets: The values of those attributes that were asked for; no values where it has none.
    """

    dn: str
    id: str
    octets: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """The values as text, sorted, because directories give them in any order; other octets are escaped."""
        return {name: tuple(sorted(_text(value) for value in values)) for name, values in self.octets.items()}

    def get(self, attribute: str) -> tuple[str, ...]:
        """Return the values of an attribute as text; none where it has none, or was not asked for."""
        return tuple(sorted(_text(value) for value in self.octets.get(attribute, ())))

    @property
    def container(self) -> str:
        """The DN of the entry above."""
        return dn.parent(self.dn)


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one attribute of an entry.

    Attributes:
        attribute: Which.
        add: Values that it does not have yet: fails where it does.
        remove: Values that it has: fails where it does not, so that nothing is overwritten unseen.
        is_whole: Whatever it has gives way to ``add``; nothing is expected of it.
    """

    attribute: str
    add: tuple[str | bytes, ...] = ()
    remove: tuple[str | bytes, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes that are made together or not at all.

    Attributes:
        changes: What to change.
        only_if: A filter that the entry must match where the server can be told so; none where empty.
    """

    changes: tuple[Change, ...]
    only_if: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not any(change.add or change.remove or change.is_whole for change in self.changes)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes that it changes."""
        return tuple(dict.fromkeys(change.attribute for change in self.changes))


def swapped(attribute: str, old: Iterable[str], new: Iterable[str]) -> Change:
    """Return the change from old values to new ones, which fails where the old ones are no longer there."""
    before, after = tuple(old), tuple(new)
    return Change(
        attribute,
        add=tuple(value for value in after if value not in before),
        remove=tuple(value for value in before if value not in after),
    )


GROUP_CLASSES = ("group", "groupOfNames", "groupOfUniqueNames", "posixGroup")


def is_group(entry: Entry) -> bool:
    """Whether an entry, read with its ``objectClass``, is a group."""
    return bool({name.casefold() for name in GROUP_CLASSES} & {name.casefold() for name in entry.get("objectClass")})


def equals(attribute: str, values: Iterable[str]) -> str:
    """Return a filter for entries that have one of the values, taken by the letter (RFC 4515 section 3)."""
    each = [f"({attribute}={escaped(value)})" for value in values]
    return each[0] if len(each) == 1 else f"(|{''.join(each)})"


def escaped(value: str | bytes) -> str:
    """Return a value as it is written in a filter (RFC 4515 section 3); octets are escaped one by one."""
    if isinstance(value, bytes):
        return "".join(f"\\{octet:02x}" for octet in value)
    return value.translate(_SPECIAL)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
