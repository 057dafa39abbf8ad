"""Conditions of requests (RFC 4528), encoded.

The client library encodes filters, too, in a time in which it could send another request.
"""

from __future__ import annotations

import re

AND, OR, NOT, EQUAL, PRESENT = 0xA0, 0xA1, 0xA2, 0xA3, 0x87
"""Tags of filters (RFC 4511 section 4.5.1); of the others, no condition makes use."""

STRING = 0x04
_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2})")


def encoded(filter_: str) -> bytes:
    """Return a filter (RFC 4515) in BER: ``&``, ``|``, ``!``, equality and presence.

    Raises:
        ValueError: It is no such filter.
    """
    octets, end = _node(filter_.encode(), 0)
    if end != len(filter_.encode()):
        raise ValueError("something stands behind the filter")
    return octets


def _node(text: bytes, at: int) -> tuple[bytes, int]:
    if text[at : at + 1] != b"(":
        raise ValueError("a filter begins with a bracket")
    kind = {b"&": AND, b"|": OR, b"!": NOT}.get(text[at + 1 : at + 2])
    if kind is None:
        end = text.index(b")", at)
        return _item(text[at + 1 : end]), end + 1
    parts, at = [], at + 2
    while text[at : at + 1] == b"(":
        part, at = _node(text, at)
        parts.append(part)
    if text[at : at + 1] != b")" or (kind == NOT and len(parts) != 1):
        raise ValueError("a filter ends with a bracket, and one with ! has one part")
    return _element(kind, b"".join(parts)), at + 1


def _item(text: bytes) -> bytes:
    attribute, found, value = text.partition(b"=")
    if not found or not attribute or attribute[-1:] in (b"~", b"<", b">", b":"):
        raise ValueError("only equality and presence are known")
    if value == b"*":
        return _element(PRESENT, attribute)
    if b"*" in value:
        raise ValueError("only whole values are known")
    plain = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), value)
    return _element(EQUAL, _element(STRING, attribute) + _element(STRING, plain))


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
