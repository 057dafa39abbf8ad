"""Conditions of requests (RFC 4528), encoded."""

from __future__ import annotations

import re

from connectors.ldap.client.ber import element, string

AND, OR, NOT, EQUAL, PRESENT = 0xA0, 0xA1, 0xA2, 0xA3, 0x87
"""Tags of filters (RFC 4511 section 4.5.1); of the others, no condition makes use."""

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
    return element(kind, *parts), at + 1


def _item(text: bytes) -> bytes:
    attribute, found, value = text.partition(b"=")
    if not found or not attribute or attribute[-1:] in (b"~", b"<", b">", b":"):
        raise ValueError("only equality and presence are known")
    if value == b"*":
        return element(PRESENT, attribute)
    if b"*" in value:
        raise ValueError("only whole values are known")
    plain = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), value)
    return element(EQUAL, string(attribute), string(plain))
