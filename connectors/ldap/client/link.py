"""One connection to a directory."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError

from connectors.ldap.client.requests import message, result_in
from connectors.ldap.client.timed_socket import TimedSocket
from connectors.ldap.errors import SUCCESS, bind_refusal, unreachable
from connectors.ldap.pool import Link
from scimbridge.sdk import ConnectorError, TargetUnusableError

# ldap3 decodes what it receives without checking it first: garbage surfaces as the last three.
_BROKEN = (LDAPException, OSError, ValueError, LookupError, TypeError)


class LdapLink(Link):
    """A connection of ldap3's."""

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._connection = connection

    def open(self, *, start_tls: bool, answer_within: float) -> None:
        """Connect, and sign in.

        Args:
            start_tls: Encrypt the connection before anything else is said.
            answer_within: Seconds for each whole answer.

        Raises:
            RetryableError: The server cannot be reached, or has no time.
            TargetUnusableError: It is not to be trusted, or refuses the bridge.
        """
        try:
            self._connection.open(read_server_info=False)
            if start_tls:
                self._connection.start_tls(read_server_info=False)
        except _BROKEN as error:
            raise unreachable(str(error) or type(error).__name__, is_stale=False) from error
        self._connection.socket = TimedSocket(self._connection.socket, answer_within)
        result, _ = self.ask("bind", read_server_info=False)
        if result["result"] != SUCCESS:
            raise bind_refusal(result["result"], str(result.get("message") or ""))

    def ask(self, operation: str, *args: Any, **options: Any) -> tuple[Mapping[str, Any], Any]:
        """Call a method of ldap3's connection; return the answer and what was found.

        Raises:
            RetryableError: No answer came. Whether the directory did what was asked is unknown.
            TargetUnusableError: No answer will come: the certificate, the address or a filter is wrong.
        """
        self.is_broken = True  # until the answer is here
        try:
            getattr(self._connection, operation)(*args, **options)
        except LDAPInvalidFilterError as error:
            raise TargetUnusableError(f"user_filter is not a filter: {error}") from error
        except _BROKEN as error:
            raise unreachable(str(error) or type(error).__name__, is_stale=not self.is_fresh) from error
        self.is_broken = False
        return self._connection.result, self._connection.response

    def write(self, request: bytes, only_if: str) -> int:
        """Send a request that writes, with a condition where one is given, and return its result code.

        Raises:
            RetryableError: No answer came. Whether the directory did what was asked is unknown.
        """
        self.is_broken = True  # until the answer is here
        number = self._connection.server.next_message_id()
        try:
            self._connection.socket.sendall(message(number, request, only_if=only_if))
            answers = self._connection.strategy.receiving()
            if not answers:
                raise ConnectionError("session terminated by server")
            code = result_in(answers[0], number)
        except _BROKEN as error:
            raise unreachable(str(error) or type(error).__name__, is_stale=not self.is_fresh) from error
        self.is_broken = False
        return code

    def answers(self) -> bool:
        """Whether the directory still answers."""
        try:
            self.ask("search", "", "(objectClass=*)", ldap3.BASE, attributes=["1.1"])
        except ConnectorError:
            return False
        return True

    @property
    def certificate_ends(self) -> datetime | None:
        """When the server's certificate ends (UTC); ``None`` on a connection without one."""
        presented: Mapping[str, Any] = getattr(self._connection.socket, "getpeercert", dict)() or {}
        ends = presented.get("notAfter")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None

    def close(self) -> None:
        """End it; a connection that is dead already ends silently."""
        with suppress(*_BROKEN):
            self._connection.unbind()
        if self._connection.socket is not None:  # ldap3 forgets it where the connection was never quite made
            self._connection.socket.close()
