"""Requests that write, as octets (RFC 4511), and what is answered to them.

The client library takes most of its time to encode requests. These are few and plain, and are made by the thousand.
"""

from __future__ import annotations

from connectors.ldap.client.assertion import encoded
from connectors.ldap.client.ber import (
    ENUMERATED,
    SEQUENCE,
    SET,
    boolean,
    element,
    integer,
    parts,
    string,
    strings,
)
from connectors.ldap.entry import Change, Edit
from connectors.ldap.flavors.flavor import ASSERTION_CONTROL

MODIFY, DELETE, RENAME = 0x66, 0x4A, 0x6C
_ANSWERS = (0x67, 0x6B, 0x6D)
_CONTROLS = 0xA0
_NEW_SUPERIOR = 0x80
_ADD, _REMOVE, _REPLACE = 0, 1, 2


def modify(dn: str, edit: Edit) -> bytes:
    """Return the request for changes to an entry (section 4.6)."""
    changes = (one for change in edit.changes for one in _changes(change))
    return element(MODIFY, string(dn), element(SEQUENCE, *changes))


def delete(dn: str) -> bytes:
    """Return the request for the end of an entry (section 4.8)."""
    return string(dn, DELETE)


def rename(dn: str, name: str, container: str, *, keeps: bool) -> bytes:
    """Return the request for another name and place (section 4.9)."""
    return element(RENAME, string(dn), string(name), boolean(not keeps), string(container, _NEW_SUPERIOR))


def message(number: int, request: bytes, *, only_if: str = "") -> bytes:
    """Return a request with its number, and with a condition where there is one (RFC 4528)."""
    return element(SEQUENCE, integer(number), request, *([_condition(only_if)] if only_if else []))


def result_in(answer: bytes, number: int) -> int:
    """Return the result code of an answer.

    Raises:
        ValueError: It is no answer to the request of this number, such as the notice that the server hangs up.
    """
    ((_, content),) = parts(answer)
    (_, answered), (kind, result), *_ = parts(content)
    if int.from_bytes(answered, "big") != number or kind not in _ANSWERS:
        raise ValueError("the server answered something else")
    return int.from_bytes(parts(result)[0][1], "big")


def _condition(filter_: str) -> bytes:
    return element(_CONTROLS, element(SEQUENCE, string(ASSERTION_CONTROL), boolean(True), string(encoded(filter_))))


def _changes(change: Change) -> list[bytes]:
    if change.is_whole:
        return [_change(_REPLACE, change.attribute, change.add)]
    removed = [_change(_REMOVE, change.attribute, change.remove)] if change.remove else []
    return removed + ([_change(_ADD, change.attribute, change.add)] if change.add else [])


def _change(kind: int, attribute: str, values: tuple[str | bytes, ...]) -> bytes:
    return element(SEQUENCE, integer(kind, ENUMERATED), element(SEQUENCE, string(attribute), strings(SET, values)))
