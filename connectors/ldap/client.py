"""The directory, as far as the connector needs it. The only module that knows ldap3.

The traps that the settings below avoid: by itself ldap3 checks no certificate, follows
referrals, and reads the whole schema on each connection.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.asn1 import encode
from ldap3.utils.conv import escape_filter_chars
from tenacity import retry, retry_if_exception, stop_after_attempt

from connectors.ldap.config import LdapConfig
from connectors.ldap.errors import (
    NO_SUCH_OBJECT,
    SUCCESS,
    ConnectionLostError,
    bind_refusal,
    refusal,
    unreachable,
)
from connectors.ldap.pool import Link, Pool
from connectors.ldap.timed_socket import TimedSocket
from scimbridge.sdk import Confirm, ConnectorError, Permit, TargetUnusableError

ENTRY_ID = "entryUUID"
"""The immutable id of an entry (RFC 4530): it survives renames and moves."""

ASSERTION_CONTROL = "1.3.6.1.1.12"
"""RFC 4528: do this only if the entry still matches a filter."""

# ldap3 decodes what it receives without checking it first: garbage surfaces as the last three.
_BROKEN = (LDAPException, OSError, ValueError, LookupError, TypeError)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that a search found.

    Attributes:
        dn: Where it is now.
        id: Its entryUUID; empty for entries of the server itself.
        attributes: The values of those attributes that were asked for; no values where it has none.
    """

    dn: str
    id: str
    attributes: Mapping[str, tuple[str, ...]]


class VerifyingTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS in which OpenSSL checks the certificate and the name or address in it.

    ldap3's own check of names fails on addresses from Python 3.12 on.
    """

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.context = ssl.create_default_context(cafile=ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Encrypt a connection's socket. Called by ldap3."""
        connection.socket = self.context.wrap_socket(
            connection.socket, do_handshake_on_connect=do_handshake, server_hostname=connection.server.host
        )


class _Link(Link):
    """A connection of ldap3's."""

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self.connection = connection

    def ask(self, operation: str, *args: Any, **options: Any) -> tuple[int, Any]:
        """Call a method of ldap3's connection; return the result code and what was found.

        Raises:
            RetryableError: No answer came. Whether the directory did what was asked is unknown.
            TargetUnusableError: No answer will come: the certificate, the address or a filter is wrong.
        """
        self.is_broken = True  # until the answer is here
        try:
            _, result, found, _ = getattr(self.connection, operation)(*args, **options)
        except LDAPInvalidFilterError as error:
            raise TargetUnusableError(f"user_filter is no filter: {error}") from error
        except _BROKEN as error:
            raise unreachable(str(error) or type(error).__name__, is_stale=not self.is_fresh) from error
        self.is_broken = False
        return result["result"], found

    def answers(self) -> bool:
        """Whether the directory still answers."""
        try:
            self.ask("search", "", "(objectClass=*)", ldap3.BASE, attributes=["1.1"])
        except ConnectorError:
            return False
        return True

    def close(self) -> None:
        """End it; a connection that is dead already ends silently."""
        with suppress(*_BROKEN):
            self.connection.unbind()
        if self.connection.socket is not None:  # ldap3 forgets it where the connection was never quite made
            self.connection.socket.close()


def equals(attribute: str, values: Iterable[str]) -> str:
    """Return a filter for entries that have one of the values, taken by the letter (RFC 4515 section 3)."""
    return "(|" + "".join(f"({attribute}={escape_filter_chars(value)})" for value in values) + ")"


def _is_stale(error: BaseException) -> bool:
    return isinstance(error, ConnectionLostError) and error.is_stale


class Directory:
    """A client for one directory, for many threads.

    Connections are made on demand, one per thread that is at work, and kept. A
    lost connection is replaced once, and only for a read: a change whose
    answer was lost may have been made, so that the account must be read first.
    """

    def __init__(self, config: LdapConfig, permit: Permit, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._permit = permit
        self._pool = Pool(self._connect, permit, clock)
        self._tls = VerifyingTls(config.ca_file) if config.url.startswith("ldaps:") or config.start_tls else None

    @retry(retry=retry_if_exception(_is_stale), stop=stop_after_attempt(2), reraise=True)
    def search(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        scope: Literal["BASE", "SUBTREE"] = ldap3.SUBTREE,
    ) -> list[Entry]:
        """Return all entries that match (RFC 4511 section 4.5).

        Raises:
            TargetUnusableError: The base is not there, or hidden. It says nothing about any account.
            RejectedError: There are more entries than the directory lists.
        """
        with self._pool.link() as link:
            self._permit(writes=False)
            code, response = link.ask(
                "search", base, filter_, scope, ldap3.DEREF_NEVER, attributes=[ENTRY_ID, *attributes]
            )
        if code == NO_SUCH_OBJECT:
            raise TargetUnusableError(f"search: noSuchObject ({code}): {base} does not exist, or may not be read")
        if code != SUCCESS:
            raise refusal(code, "search", right="search and read access beneath base_dn")
        return [_entry(found, attributes) for found in response if found["type"] == "searchResEntry"]

    def replace(self, dn: str, attribute: str, values: Sequence[str], *, only_if: str) -> None:
        """Give an attribute of an entry these values and no others; none removes it (RFC 4511 section 4.6).

        Args:
            dn: The entry.
            attribute: What to change.
            values: What it shall be.
            only_if: A filter that the entry must still match; otherwise nothing happens.

        Raises:
            AccountNotFoundError: There is no entry of this name (any more); it may have been renamed.
        """
        changes = {attribute: [(ldap3.MODIFY_REPLACE, list(values))]}
        with self._pool.link() as link:
            self._permit(writes=True)
            code, _ = link.ask("modify", dn, changes, controls=[_assertion(only_if)])
        if code != SUCCESS:
            raise refusal(code, f"modify {attribute}", right=f"write access to {attribute} of the accounts")

    def delete(self, dn: str, *, only_if: str, confirm: Confirm) -> None:
        """Remove an entry without children (RFC 4511 section 4.8).

        Args:
            dn: The entry.
            only_if: A filter that the entry must still match; otherwise nothing happens.
            confirm: Called last before the request is sent.

        Raises:
            AccountNotFoundError: There is no entry of this name (any more); it may have been renamed.
        """
        with self._pool.link() as link:
            self._permit(writes=True)
            confirm()
            code, _ = link.ask("delete", dn, controls=[_assertion(only_if)])
        if code != SUCCESS:
            raise refusal(
                code,
                "delete",
                right="write access to the pseudo-attribute entry of the accounts, and to children of their parent",
            )

    def close(self) -> None:
        """Give back all connections that are not in use."""
        self._pool.close()

    def _connect(self) -> _Link:
        self._permit(writes=False)
        link = _Link(self._new_connection())
        try:
            self._open(link.connection)
            code, _ = link.ask("bind", read_server_info=False)
            if code != SUCCESS:
                raise bind_refusal(code)
        except BaseException:
            link.close()
            raise
        return link

    def _open(self, connection: Any) -> None:
        try:
            connection.open(read_server_info=False)
            if self._config.start_tls:
                connection.start_tls(read_server_info=False)
        except _BROKEN as error:
            raise unreachable(str(error) or type(error).__name__, is_stale=False) from error
        connection.socket = TimedSocket(connection.socket, self._config.receive_timeout)

    def _new_connection(self) -> Any:
        config = self._config
        # ldap3 remembers in a Server which of its addresses failed, for all its connections: hence one for each.
        server = ldap3.Server(config.url, get_info=ldap3.NONE, tls=self._tls, connect_timeout=config.connect_timeout)
        return ldap3.Connection(
            server,
            config.bind_dn,
            config.bind_password.get_secret_value(),
            client_strategy=ldap3.SAFE_SYNC,
            receive_timeout=config.receive_timeout,
            auto_referrals=False,
            check_names=False,
            raise_exceptions=False,
        )


def _assertion(filter_: str) -> tuple[str, bool, bytes]:
    node = parse_filter(filter_, None, True, None, None, False).elements[0]
    return ASSERTION_CONTROL, True, encode(compile_filter(node))


def _entry(found: Mapping[str, Any], attributes: Sequence[str]) -> Entry:
    raw = found["raw_attributes"]
    values = {
        name: tuple(value.decode("utf-8", "backslashreplace") for value in raw.get(name, ())) for name in attributes
    }
    identifiers = raw.get(ENTRY_ID) or [b""]
    return Entry(dn=found["dn"], id=identifiers[0].decode(), attributes=values)
