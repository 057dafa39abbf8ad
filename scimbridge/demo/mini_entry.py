"""Entries of the small directory: names, filters and changes, as RFC 4511 and RFC 4514 describe them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ldap3.core.exceptions import LDAPInvalidDnError
from ldap3.utils.dn import parse_dn

from scimbridge.demo import ber

Key = tuple[str, ...]
Values = dict[str, tuple[str, list[bytes]]]
"""By attribute in lower case: its name as first written, and its values."""


class Refusal(Exception):  # noqa: N818  # an answer, not a failure
    """A result code other than success (RFC 4511 section 4.1.9)."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Entry:
    """One entry. A change makes a new one."""

    def __init__(self, dn: str, values: Iterable[tuple[str, list[bytes]]]) -> None:
        self.dn = dn
        self.key = key_of(dn)
        self.values: Values = {name.lower(): (name, held) for name, held in values if held}

    def get(self, name: str) -> list[bytes]:
        """Return an attribute's values; none where it has none."""
        return self.values.get(name.lower(), (name, []))[1]

    def replacing(self, name: str, values: list[bytes]) -> Entry:
        """Return the entry with these values of an attribute; none removes it."""
        others = [pair for key, pair in self.values.items() if key != name.lower()]
        return Entry(self.dn, [*others, (name, values)])


def matches(filter_: ber.Element, entry: Entry) -> bool:
    """Evaluate a filter: of the kinds in RFC 4511 section 4.5.1.7 those that the connector uses."""
    match filter_.tag:
        case 0xA0:
            return all(matches(part, entry) for part in filter_.parts)
        case 0xA1:
            return any(matches(part, entry) for part in filter_.parts)
        case 0xA2:
            return not matches(filter_.parts[0], entry)
        case 0xA3:
            attribute, value = filter_.parts
            held = {_folded(value) for value in entry.get(attribute.text)}
            return _folded(value.content) in (held | {"person"} if "inetorgperson" in held else held)
        case 0x87:
            return filter_.text.lower() == "objectclass" or bool(entry.get(filter_.text))
        case _:
            raise Refusal(53)


def changed_values(kind: int, held: list[bytes], values: list[bytes]) -> list[bytes]:
    """Return an attribute's values after one change: add (0), delete (1), replace (2); RFC 4511 section 4.6."""
    match kind:
        case 0 if set(values) & set(held):
            raise Refusal(20)
        case 0:
            return held + values
        case 1 if not held or not set(values) <= set(held):
            raise Refusal(16)
        case 1:
            return [value for value in held if values and value not in values]
        case 2:
            return values
        case _:
            raise Refusal(2)


def key_of(dn: str) -> Key:
    """Return a DN with escapes and case resolved, one string per RDN, the entry itself first."""
    try:
        parts = parse_dn(dn, strip=True) if dn else ()
    except LDAPInvalidDnError as error:
        raise Refusal(34) from error
    return tuple(f"{name}={_plain(value)}".casefold() for name, value, _ in parts)


def _plain(value: str) -> str:
    """Resolve the escapes of RFC 4514 section 2.4."""
    hex_or_literal = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|(.))", re.DOTALL)
    return hex_or_literal.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], value.encode()
    ).decode()


def is_within(key: Key, base: Key) -> bool:
    """Whether an entry is this one or beneath it."""
    return len(key) >= len(base) and key[len(key) - len(base) :] == base


def _folded(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split()).casefold()
