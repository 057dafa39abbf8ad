"""As much of BER (ITU-T X.690) as requests that write need: elements, one inside the other."""

from __future__ import annotations

from collections.abc import Iterable

BOOLEAN, INTEGER, STRING, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31


def element(tag: int, *contents: bytes) -> bytes:
    """Return an element around contents that are encoded already."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def string(value: str | bytes, tag: int = STRING) -> bytes:
    """Return an encoded string."""
    return element(tag, value.encode() if isinstance(value, str) else value)


def strings(tag: int, values: Iterable[str | bytes]) -> bytes:
    """Return an encoded set or sequence of strings."""
    return element(tag, *map(string, values))


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return an encoded number that is not negative."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value: bool) -> bytes:
    """Return an encoded truth."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def parts(octets: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that follow one another, each by its tag and its content.

    Raises:
        ValueError: They end early.
    """
    found = []
    at = 0
    while at < len(octets):
        head, size = at + 2, octets[at + 1] if at + 1 < len(octets) else -1
        if size & 0x80:
            head, size = head + (size & 0x7F), int.from_bytes(octets[head : head + (size & 0x7F)], "big")
        if size < 0 or len(octets) < head + size:
            raise ValueError("an element ends early")
        found.append((octets[at], octets[head : head + size]))
        at = head + size
    return found
