"""A socket before Samba's own, that gives values of an attribute in ranges as Windows does (MS-ADTS 3.1.1.3.1.3.3)."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from scimbridge.demo import ber
from tests.lab.directories.counting import CountingSocket, _first_message, _hang_up

VALUES_AT_ONCE = 3
"""Windows gives 1500."""

ENTRY = 0x64
_RANGED = re.compile(r"(?P<name>[^;]+);range=(?P<first>\d+)-(\d+|\*)", re.IGNORECASE)


class RangingSocket(CountingSocket):
    """Cuts attributes with many values, and tells by their names which values these are."""

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        waiting = b""
        with suppress(OSError):
            while octets := server.recv(65536):
                waiting += octets
                while (message := _first_message(waiting)) is not None:
                    waiting = waiting[len(message) :]
                    client.sendall(_cut(message))
        _hang_up(client)


def _cut(message: bytes) -> bytes:
    number, operation, *rest = ber.decode(message).parts
    if operation.tag != ENTRY:
        return message
    name, attributes = operation.parts
    kept = b"".join(part for attribute in attributes.parts for part in _in_ranges(attribute))
    entry = ber.encode(ENTRY, _again(name), ber.encode(ber.SEQUENCE, kept))
    return ber.encode(ber.SEQUENCE, _again(number), entry, *map(_again, rest))


def _in_ranges(attribute: ber.Element) -> list[bytes]:
    name, values = attribute.parts
    found = _RANGED.fullmatch(name.text)
    if len(values.parts) <= VALUES_AT_ONCE:
        return [_again(attribute)]
    plain, first = (found["name"], int(found["first"])) if found else (name.text, 0)
    ranged = f"{plain};range={first}-{first + VALUES_AT_ONCE - 1}"
    some = [value.content for value in values.parts[:VALUES_AT_ONCE]]
    empty = [] if found else [_encoded(plain, [])]
    return [*empty, _encoded(ranged, some)]


def _encoded(name: str, values: list[bytes]) -> bytes:
    return ber.encode(ber.SEQUENCE, ber.encode(ber.STRING, name.encode()), ber.strings(ber.SET, values))


def _again(element: ber.Element) -> bytes:
    return ber.encode(element.tag, element.content)
