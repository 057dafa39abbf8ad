"""Distinguished names, compared as RFC 4514 means them and never as strings."""

from __future__ import annotations

import re
from functools import lru_cache

Name = tuple[frozenset[tuple[str, str]], ...]
"""A DN taken apart: one set of (attribute, value) per RDN, the entry itself first."""

_SPECIAL = frozenset('"+,;<>\\=')
_NO_DN = "write a distinguished name, like ou=People,dc=example,dc=com"
_ODD = re.compile(r"[\\;+\x00]")
"""Nearly all names have nothing of the kind, and are split in a tenth of the time."""

_PIECE = re.compile(r"\\[0-9A-Fa-f]{2}|\\.|[^\\]", re.DOTALL)


@lru_cache(maxsize=256)
def parse(dn: str) -> Name:
    """Return a DN in a form in which two spellings of the same name are equal.

    Escapes (RFC 4514 section 2.4) are resolved, letter case and blanks are folded
    as directories fold them.

    Raises:
        ValueError: This is no DN.
    """
    if not _ODD.search(dn):
        return tuple(frozenset((_plain(rdn),)) for rdn in dn.split(","))
    rdns: list[list[tuple[str, str]]] = [[]]
    for assertion, separator in _assertions(dn):
        attribute, found, value = assertion.partition(b"\x00=")
        if not found or not attribute.strip():
            raise ValueError(_NO_DN)
        rdns[-1].append((_folded(attribute), _folded(value)))
        if separator == ",":
            rdns.append([])
    return tuple(frozenset(rdn) for rdn in rdns)


def is_same(one: str, other: str) -> bool:
    """Whether two DNs name the same entry."""
    return parse(one) == parse(other)


def is_below(dn: str, base: str) -> bool:
    """Whether a DN is beneath another, at any depth; nothing is beneath itself."""
    name, suffix = parse(dn), parse(base)
    return len(name) > len(suffix) and name[-len(suffix) :] == suffix


def first(dn: str) -> str:
    """Return the first part of a DN, as it is written there."""
    return _cut(dn)[0]


def parent(dn: str) -> str:
    """Return the DN of the entry above, as it is written there; empty where there is none."""
    return _cut(dn)[1]


def named(attribute: str, value: str) -> str:
    """Return one part of a DN (RFC 4514 section 2.4), in which the value is taken by the letter."""
    escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in value).replace("\x00", "\\00")
    if escaped[:1] in (" ", "#"):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and not escaped.endswith("\\ "):
        escaped = escaped[:-1] + "\\ "
    return f"{attribute}={escaped}"


def value_of(rdn: str) -> tuple[str, str]:
    """Return attribute and value of one part of a DN, unescaped.

    Raises:
        ValueError: It has several (``cn=Ann+uid=ann``), or none.
    """
    (assertion, _), *others = _assertions(rdn)
    attribute, found, value = assertion.partition(b"\x00=")
    if others or not found:
        raise ValueError("a name of one attribute and its value is needed")
    return attribute.decode(), value.replace(b"\x00=", b"=").decode("utf-8", "backslashreplace")


def _plain(rdn: str) -> tuple[str, str]:
    attribute, found, value = rdn.partition("=")
    if not found or not attribute.strip():
        raise ValueError(_NO_DN)
    return " ".join(attribute.split()).casefold(), " ".join(value.split()).casefold()


def _cut(dn: str) -> tuple[str, str]:
    at = 0
    for piece in _PIECE.findall(dn):
        if piece in {",", ";"}:
            return dn[:at], dn[at + 1 :].lstrip(" ")
        at += len(piece)
    return dn, ""


def _assertions(dn: str) -> list[tuple[bytes, str]]:
    """Split at unescaped separators; an unescaped ``=`` becomes NUL and ``=``, to tell it from an escaped one."""
    parts: list[tuple[bytes, str]] = []
    current = bytearray()
    for piece in _PIECE.findall(dn):
        if piece in {",", ";", "+"}:
            parts.append((bytes(current), "+" if piece == "+" else ","))
            current.clear()
        elif piece == "=":
            current += b"\x00="
        else:
            current += _unescaped(piece)
    return [*parts, (bytes(current), "")]


def _unescaped(piece: str) -> bytes:
    if len(piece) == 3:
        return bytes.fromhex(piece[1:])
    return piece[-1].encode()


def _folded(raw: bytes) -> str:
    text = raw.replace(b"\x00=", b"=").decode("utf-8", errors="backslashreplace")
    return " ".join(text.split()).casefold()
