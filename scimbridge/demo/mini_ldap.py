"""A small LDAP v3 server in memory, for the demo on machines without slapd.

It answers bind, search, add, modify, delete and unbind (RFC 4511), knows entryUUID and
the assertion control (RFC 4528), and refuses the bind of an account that
pwdAccountLockedTime locks. There is no schema behind it, and nothing is kept on disk. It
runs in threads of the process that starts it, and therefore ends with it.
"""

from __future__ import annotations

import socketserver
import tempfile
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from scimbridge.demo import ber
from scimbridge.demo.entries import (
    ADMIN_DN,
    BASE_DN,
    GROUPS_DN,
    PEOPLE_DN,
    READER_DN,
    SERVICE_DN,
    DemoDirectory,
    Write,
)
from scimbridge.demo.mini_entry import Entry, Key, Refusal, Values, changed_values, is_within, key_of, matches

ASSERTION_CONTROL: Final = "1.3.6.1.1.12"
LOCK: Final = "pwdAccountLockedTime"
LOCKED: Final = b"000001010000Z"
LOCK_TYPE: Final = f"( 1.3.6.1.4.1.42.2.27.8.1.17 NAME '{LOCK}' SINGLE-VALUE USAGE directoryOperation )"
OPERATIONAL: Final = frozenset({"entryuuid", LOCK.lower(), "subschemasubentry"})

# Tags of requests and answers (RFC 4511 section 4.2 and on).
BIND, UNBIND, SEARCH, MODIFY, ADD, DELETE = 0x60, 0x42, 0x63, 0x66, 0x68, 0x4A
ENTRY, EXTENDED_ANSWER = 0x64, 0x78
ANSWERS: Final = {BIND: 0x61, SEARCH: 0x65, MODIFY: 0x67, ADD: 0x69, DELETE: 0x6B}
WRITING: Final = {ADD: "add", MODIFY: "modify", DELETE: "delete"}
SIMPLE_PASSWORD, CONTROLS = 0x80, 0xA0


class MiniLdap(DemoDirectory):
    """The sample directory without slapd, with the same accounts and the same rules.

    Args:
        folder: Where its socket is made, if the path is short enough for one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._is_short = len(str(folder.absolute())) < 90  # a socket's path has room for about 100 bytes
        self._folder = folder.absolute() if self._is_short else Path(tempfile.mkdtemp(prefix="ldap-"))
        self._entries: dict[Key, Entry] = {}
        self._writes: list[Write] = []
        self._lock = threading.RLock()
        self._server: _Server | None = None
        own = (
            Entry("", [("supportedControl", [ASSERTION_CONTROL.encode()]), ("subschemaSubentry", [b"cn=Subschema"])]),
            Entry("cn=Subschema", [("objectClass", [b"subschema"]), ("attributeTypes", [LOCK_TYPE.encode()])]),
        )
        self._own_entries = {entry.key: entry for entry in own}

    @property
    def url(self) -> str:
        """The ``ldapi://`` address of its socket."""
        return f"ldapi://{quote(str(self._folder / 'ldapi'), safe='')}"

    def start(self) -> None:
        """Listen, in threads of this process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "ldapi").unlink(missing_ok=True)
        self._server = _Server(str(self._folder / "ldapi"), self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mini-ldap", daemon=True).start()
        if not self._entries:
            self._build()

    def stop(self) -> None:
        """Close the socket and all connections; what it holds stays in memory."""
        if self._server is not None:
            self._server.end()
            self._server = None
            (self._folder / "ldapi").unlink(missing_ok=True)
            if not self._is_short:
                self._folder.rmdir()

    def writes(self) -> list[Write]:
        """Return all writing requests, the administrator's left out."""
        with self._lock:
            return [write for write in self._writes if write.by != ADMIN_DN]

    def answer(self, request: ber.Element, controls: list[list[ber.Element]], by: str) -> tuple[int, list[Entry]]:
        """Do what a request asks; return the result code and what a search found.

        Args:
            request: The operation.
            controls: Type, criticality and value of each control.
            by: The DN that the connection is bound as; empty before a bind.
        """
        with self._lock:
            dn = _name_in(request) if request.tag in WRITING else ""
            before = self._values_of(dn)
            code, found = self._try(request, controls, by)
            if request.tag in WRITING:
                changed = before != self._values_of(dn)
                self._writes.append(Write(WRITING[request.tag], dn, by, code, changed))
        return code, found

    def _try(self, request: ber.Element, controls: list[list[ber.Element]], by: str) -> tuple[int, list[Entry]]:
        handlers: dict[int, Callable[[], list[Entry]]] = {
            BIND: lambda: self._bind(*request.parts),
            SEARCH: lambda: self._search(request.parts, by),
            ADD: lambda: self._add(*request.parts, by=by),
            MODIFY: lambda: self._modify(*request.parts, controls=controls, by=by),
            DELETE: lambda: self._delete(request.text, controls, by),
        }
        try:
            return 0, handlers[request.tag]()
        except KeyError:
            return 2, []
        except Refusal as refusal:
            return refusal.code, []

    def _values_of(self, dn: str) -> Values | None:
        entry = self._entries.get(key_of(dn))
        return None if entry is None else entry.values

    def _bind(self, _version: ber.Element, name: ber.Element, password: ber.Element) -> list[Entry]:
        if not password.content or password.tag != SIMPLE_PASSWORD:
            raise Refusal(53)
        if name.text == ADMIN_DN and password.text == self.admin_password:
            return []
        entry = self._entries.get(key_of(name.text))
        if entry is None or password.content not in entry.get("userPassword") or entry.get(LOCK) == [LOCKED]:
            raise Refusal(49)
        return []

    def _search(self, parts: list[ber.Element], by: str) -> list[Entry]:
        base, is_one_entry, filter_ = key_of(parts[0].text), parts[1].number == 0, parts[6]
        held = {**self._own_entries, **self._entries} if by else self._own_entries
        if base not in held:
            raise Refusal(32)
        reach = [held[base]] if is_one_entry else [entry for key, entry in held.items() if is_within(key, base)]
        found = [entry for entry in reach if matches(filter_, entry)]
        if by == READER_DN and len(found) > 3:
            raise Refusal(4)
        return found

    def _add(self, name: ber.Element, attributes: ber.Element, *, by: str) -> list[Entry]:
        identifier = ("entryUUID", [str(uuid.uuid4()).encode()])
        entry = Entry(name.text, [*(_attribute(pair) for pair in attributes.parts), identifier])
        if not self._may_write(entry, by, lock_only=False):
            raise Refusal(50)
        if entry.key in self._entries:
            raise Refusal(68)
        if entry.key != key_of(BASE_DN) and entry.key[1:] not in self._entries:
            raise Refusal(32)
        self._entries[entry.key] = entry
        return []

    def _modify(
        self, name: ber.Element, changes: ber.Element, *, controls: list[list[ber.Element]], by: str
    ) -> list[Entry]:
        entry = self._target(name.text, controls)
        for kind, pair in (change.parts for change in changes.parts):
            attribute, values = _attribute(pair)
            if not self._may_write(entry, by, lock_only=attribute.lower() == LOCK.lower()):
                raise Refusal(50)
            entry = entry.replacing(attribute, changed_values(kind.number, entry.get(attribute), values))
        self._entries[entry.key] = entry
        return []

    def _delete(self, name: str, controls: list[list[ber.Element]], by: str) -> list[Entry]:
        entry = self._target(name, controls)
        if not self._may_write(entry, by, lock_only=True):
            raise Refusal(50)
        if any(key[1:] == entry.key for key in self._entries):
            raise Refusal(66)
        del self._entries[entry.key]
        return []

    def _target(self, dn: str, controls: list[list[ber.Element]]) -> Entry:
        entry = self._entries.get(key_of(dn))
        if entry is None:
            raise Refusal(32)
        for kind, *_, value in controls:
            if kind.text != ASSERTION_CONTROL:
                raise Refusal(12)
            if not matches(ber.decode(value.content), entry):
                raise Refusal(122)
        return entry

    @staticmethod
    def _may_write(entry: Entry, by: str, *, lock_only: bool) -> bool:
        """The rules that ``directory.OpenLdap`` has as well."""
        is_person = is_within(entry.key[1:], key_of(PEOPLE_DN))
        is_group = is_within(entry.key, key_of(GROUPS_DN))
        return by == ADMIN_DN or (by == SERVICE_DN and (is_group or (is_person and lock_only)))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, directory: MiniLdap) -> None:
        self.directory = directory
        self.connections: set[Any] = set()
        super().__init__(path, _Handler)

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(2)


class _Handler(socketserver.StreamRequestHandler):
    """One connection. A client that talks nonsense is hung up on."""

    server: _Server

    def handle(self) -> None:
        self.server.connections.add(self.connection)
        with suppress(OSError, EOFError, ValueError, TypeError, IndexError, Refusal):
            self._converse()
        self.server.connections.discard(self.connection)

    def _converse(self) -> None:
        by = ""
        while True:
            number, request, *rest = ber.read(self.rfile).parts
            if request.tag == UNBIND:
                return
            controls = [control.parts for part in rest if part.tag == CONTROLS for control in part.parts]
            code, found = self.server.directory.answer(request, controls, by)
            if request.tag == BIND:
                by = request.parts[1].text if code == 0 else ""
            bodies = [_encoded(entry, request.parts[7]) for entry in found]
            result = (ber.integer(code, ber.ENUMERATED), ber.encode(ber.STRING), ber.encode(ber.STRING))
            bodies.append(ber.encode(ANSWERS.get(request.tag, EXTENDED_ANSWER), *result))
            self.wfile.write(b"".join(ber.encode(ber.SEQUENCE, ber.integer(number.number), body) for body in bodies))


def _name_in(request: ber.Element) -> str:
    return request.text if request.tag == DELETE else request.parts[0].text


def _attribute(pair: ber.Element) -> tuple[str, list[bytes]]:
    name, values = pair.parts
    return name.text, [value.content for value in values.parts]


def _encoded(entry: Entry, wanted: ber.Element) -> bytes:
    """Encode an entry with the attributes asked for: by name, all of people's (``*``), all of the server's (``+``)."""
    asked = {name.text.lower() for name in wanted.parts} or {"*"}
    chosen = [
        (name, values)
        for key, (name, values) in entry.values.items()
        if key in asked or ("+" if key in OPERATIONAL else "*") in asked
    ]
    pairs = [
        ber.encode(ber.SEQUENCE, ber.encode(ber.STRING, name.encode()), ber.strings(ber.SET, values))
        for name, values in chosen
    ]
    return ber.encode(ENTRY, ber.encode(ber.STRING, entry.dn.encode()), ber.encode(ber.SEQUENCE, *pairs))
