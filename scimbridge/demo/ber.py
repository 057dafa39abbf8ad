"""As much of the Basic Encoding Rules (ITU-T X.690) as LDAP uses (RFC 4511 section 5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

CONSTRUCTED: Final = 0x20
INTEGER: Final = 0x02
STRING: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30
SET: Final = 0x31


class Stream(Protocol):
    """What elements are read from."""

    def read(self, size: int, /) -> bytes:
        """Return so many octets; fewer at the end."""


@dataclass(frozen=True, slots=True)
class Element:
    """One decoded element.

    Attributes:
        tag: Class, form and number in one octet; LDAP has no longer ones.
        content: The octets inside.
    """

    tag: int
    content: bytes

    @property
    def text(self) -> str:
        """The content as a string."""
        return self.content.decode()

    @property
    def number(self) -> int:
        """The content as an integer."""
        return int.from_bytes(self.content, "big", signed=True)

    @property
    def parts(self) -> list[Element]:
        """The elements inside a constructed one."""
        elements, rest = [], self.content
        while rest:
            header, size = _header(rest)
            if len(rest) < header + size:
                raise ValueError("an element ends early")
            elements.append(Element(rest[0], rest[header : header + size]))
            rest = rest[header + size :]
        return elements


def decode(octets: bytes) -> Element:
    """Return the one element that the octets hold.

    Raises:
        ValueError: They hold none, or more.
    """
    (element,) = Element(SEQUENCE, octets).parts
    return element


def read(stream: Stream) -> Element:
    """Return the next element of a stream.

    Raises:
        EOFError: The stream has ended.
    """
    head = _exactly(stream, 2)
    if head[1] & 0x80:
        head += _exactly(stream, head[1] & 0x7F)
    return Element(head[0], _exactly(stream, _header(head)[1]))


def encode(tag: int, *contents: bytes) -> bytes:
    """Return an element around contents that are encoded already."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an encoded number that is not negative."""
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def strings(tag: int, values: Iterable[bytes]) -> bytes:
    """Return an encoded set or sequence of octet strings."""
    return encode(tag, *(encode(STRING, value) for value in values))


def _header(octets: bytes) -> tuple[int, int]:
    """Return the length of tag and length octets, and the length of the content."""
    if len(octets) < 2:
        raise ValueError("an element ends early")
    if not octets[1] & 0x80:
        return 2, octets[1]
    count = octets[1] & 0x7F
    return 2 + count, int.from_bytes(octets[2 : 2 + count], "big")


def _exactly(stream: Stream, size: int) -> bytes:
    octets = stream.read(size)
    if len(octets) < size:
        raise EOFError
    return octets
