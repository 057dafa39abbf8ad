"""The directory, as far as the connector needs it. The only module that knows ldap3.

The traps that the settings below avoid: by itself ldap3 checks no certificate, follows
referrals, and reads the whole schema on each connection.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
from tenacity import retry, retry_if_exception, stop_after_attempt

from connectors.ldap.assertion import encoded
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Change, Edit, Entry
from connectors.ldap.errors import (
    NO_SUCH_OBJECT,
    SUCCESS,
    ConnectionLostError,
    bind_refusal,
    refusal,
    unreachable,
)
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.flavors.flavor import ASSERTION_CONTROL
from connectors.ldap.pool import Link, Pool
from connectors.ldap.timed_socket import TimedSocket
from scimbridge.sdk import Confirm, ConnectorError, Permit, RetryableError, TargetUnusableError

PAGED_RESULTS = "1.2.840.113556.1.4.319"
"""RFC 2696: a list in parts."""

_RULES_ONLY = ("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")
"""LDAP_SERVER_SD_FLAGS_OID with DACL_SECURITY_INFORMATION: without it, nothing is told to who may not read it all."""

PAGE = 500
"""Entries per part. Windows gives 1000 at most, OpenLDAP 500 by itself."""

# ldap3 decodes what it receives without checking it first: garbage surfaces as the last three.
_BROKEN = (LDAPException, OSError, ValueError, LookupError, TypeError)


class VerifyingTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS in which OpenSSL checks the certificate and the name or address in it.

    ldap3's own check of names fails on addresses from Python 3.12 on.
    """

    def __init__(self, ca_file: Path | None, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.context = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            self.context.load_cert_chain(certificate, key)

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

    def ask(self, operation: str, *args: Any, **options: Any) -> tuple[Mapping[str, Any], Any]:
        """Call a method of ldap3's connection; return the answer and what was found.

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
        return result, found

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


@dataclass(frozen=True, slots=True)
class _Question:
    """A search, part by part."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    scope: str = ldap3.SUBTREE
    controls: tuple[tuple[str, bool, bytes], ...] = ()
    page: int = 0
    is_one: bool = False


class NoBaseError(TargetUnusableError):
    """The place to look at does not exist, or may not be read."""


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
        self._flavor = FLAVORS[config.flavor]
        self._permit = permit
        self._pool = Pool(self._connect, permit, clock)
        self._current = 0
        is_encrypted = config.start_tls or any(url.startswith("ldaps:") for url in config.urls)
        self._tls = VerifyingTls(config.ca_file, config.client_certificate, config.client_key) if is_encrypted else None

    @retry(retry=retry_if_exception(_is_stale), stop=stop_after_attempt(2), reraise=True)
    def search(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        scope: Literal["BASE", "SUBTREE"] = ldap3.SUBTREE,
        controls: Sequence[tuple[str, bool, bytes]] = (),
        is_one: bool = False,
    ) -> list[Entry]:
        """Return all entries that match (RFC 4511 section 4.5), however many; asks for them in parts (RFC 2696).

        Raises:
            TargetUnusableError: The base is not there, or hidden. It says nothing about any account.
            RejectedError: There are more entries than the directory lists.
        """
        found: list[Entry] = []
        cookie: bytes | None = None
        question = _Question(base, filter_, tuple(attributes), scope, tuple(controls), is_one=is_one)
        with self._pool.link() as link:
            while True:
                result, response = self._one_part(link, question, cookie)
                found += [self._entry(each, attributes) for each in response if each["type"] == "searchResEntry"]
                cookie = _cookie_in(result)
                if not cookie:
                    return found

    def one(self, base: str, filter_: str, attributes: Sequence[str]) -> Entry | None:
        """Return the one entry that matches, or ``None``; for filters that only one can match, which needs no parts."""
        found = self.search(base, filter_, attributes, is_one=True)
        return found[0] if found else None

    def sample(self, base: str, filter_: str, attributes: Sequence[str], count: int) -> list[Entry]:
        """Return some entries that match, and no more than a number."""
        with self._pool.link() as link:
            _, response = self._one_part(link, _Question(base, filter_, tuple(attributes), page=count))
        return [self._entry(each, attributes) for each in response if each["type"] == "searchResEntry"]

    def get(self, dn: str, attributes: Sequence[str], *, of_class: str = "*", with_rules: bool = False) -> Entry | None:
        """Return one entry, or ``None`` where there is none of this name.

        Args:
            dn: The entry.
            attributes: What to tell of it.
            of_class: What it must be; some servers hide their schema from whoever does not ask for it.
            with_rules: Tell who may do what, too, as far as the bind account may read that (MS-ADTS 3.1.1.3.4.1.11).
        """
        controls = [_RULES_ONLY] if with_rules else []
        try:
            found = self.search(dn, f"(objectClass={of_class})", attributes, scope="BASE", controls=controls)
        except NoBaseError:
            return None
        return found[0] if found else None

    def modify(self, dn: str, edit: Edit, *, only_if: str = "", right: str = "", accept: Collection[int] = ()) -> int:
        """Change an entry, all at once or not at all (RFC 4511 section 4.6).

        Args:
            dn: The entry.
            edit: What to change; its own condition is for whoever builds ``only_if``.
            only_if: A filter that the entry must still match; otherwise nothing happens. For servers that know it.
            right: The access that it needs, named where it is missing.
            accept: Result codes that the caller understands.

        Returns:
            0, or the code among ``accept`` with which the directory refused.

        Raises:
            AccountNotFoundError: There is no entry of this name (any more); it may have been renamed.
        """
        changes: dict[str, list[tuple[str, list[str | bytes]]]] = {}
        for change in edit.changes:
            changes.setdefault(change.attribute, []).extend(_operations(change))
        names = ", ".join(edit.attributes)
        with self._pool.link() as link:
            self._permit(writes=True)
            result, _ = link.ask("modify", dn, changes, controls=_assertion(only_if))
        return _checked(
            result, f"modify {names}", right=right or f"write access to {names} of the accounts", accept=accept
        )

    def rename(
        self, dn: str, name: str, container: str, *, keeps: bool, only_if: str = "", accept: Collection[int] = ()
    ) -> int:
        """Move an entry, with what is below it, and give it a name there (RFC 4511 section 4.9).

        Args:
            dn: The entry.
            name: The first part of its new DN.
            container: The entry that it moves to.
            keeps: The old name stays as one more value.
            only_if: A filter that the entry must still match; otherwise nothing happens. For servers that know it.
            accept: Result codes that the caller understands.

        Returns:
            0, or the code among ``accept`` with which the directory refused.
        """
        with self._pool.link() as link:
            self._permit(writes=True)
            result, _ = link.ask(
                "modify_dn",
                dn,
                name,
                delete_old_dn=not keeps,
                new_superior=container,
                controls=_assertion(only_if),
            )
        return _checked(result, "move", right="to move accounts: out of where they are, and into there", accept=accept)

    def delete(self, dn: str, *, only_if: str, right: str, confirm: Confirm, accept: Collection[int] = ()) -> int:
        """Remove an entry without children (RFC 4511 section 4.8).

        Args:
            dn: The entry.
            only_if: A filter that the entry must still match; otherwise nothing happens. For servers that know it.
            right: The access that it needs, named where it is missing.
            confirm: Called last before the request is sent.
            accept: Result codes that the caller understands.

        Returns:
            0, or the code among ``accept`` with which the directory refused.

        Raises:
            AccountNotFoundError: There is no entry of this name (any more); it may have been renamed.
        """
        with self._pool.link() as link:
            self._permit(writes=True)
            confirm()
            result, _ = link.ask("delete", dn, controls=_assertion(only_if))
        return _checked(result, "delete", right=right, accept=accept)

    def certificate_ends(self) -> datetime | None:
        """Return when the server's certificate ends (UTC); ``None`` on a connection without one."""
        with self._pool.link() as link:
            self._permit(writes=False)
            presented: Mapping[str, Any] = getattr(link.connection.socket, "getpeercert", dict)() or {}
        ends = presented.get("notAfter")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None

    def close(self) -> None:
        """Give back all connections that are not in use."""
        self._pool.close()

    def _one_part(self, link: _Link, asked: _Question, cookie: bytes | None = None) -> tuple[Mapping[str, Any], Any]:
        self._permit(writes=False)
        paging = (
            {"paged_size": asked.page or PAGE, "paged_cookie": cookie}
            if asked.scope == ldap3.SUBTREE and not asked.is_one
            else {}
        )
        result, response = link.ask(
            "search",
            *(asked.base, asked.filter, asked.scope, ldap3.DEREF_NEVER),
            attributes=[self._flavor.id_attribute, *asked.attributes],
            controls=list(asked.controls) or None,
            **paging,
        )
        if result["result"] == NO_SUCH_OBJECT:
            raise NoBaseError(
                f"search: noSuchObject ({NO_SUCH_OBJECT}): {asked.base} does not exist, or may not be read"
            )
        _checked(result, "search", right="search and read access beneath base_dn")
        return result, response

    def _entry(self, found: Mapping[str, Any], attributes: Sequence[str]) -> Entry:
        raw = {name.casefold(): values for name, values in found["raw_attributes"].items()}
        identifiers = raw.get(self._flavor.id_attribute.casefold()) or [b""]
        return Entry(
            dn=found["dn"],
            id=self._flavor.id_of(identifiers[0]),
            octets={name: tuple(raw.get(name.casefold(), ())) for name in attributes},
        )

    def _connect(self) -> _Link:
        """Connect to the server that served last; where it cannot be reached, to the next one that can."""
        urls = self._config.urls
        lost: ConnectorError | None = None
        for turn in range(len(urls)):
            chosen = (self._current + turn) % len(urls)
            try:
                link = self._connect_to(urls[chosen])
            except RetryableError as error:
                lost = lost or error
            else:
                self._current = chosen
                return link
        assert lost is not None  # noqa: S101  # there is one address at least
        raise lost

    def _connect_to(self, url: str) -> _Link:
        self._permit(writes=False)
        link = _Link(self._new_connection(url))
        try:
            self._open(link.connection)
            result, _ = link.ask("bind", read_server_info=False)
            if result["result"] != SUCCESS:
                raise bind_refusal(result["result"], str(result.get("message") or ""))
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

    def _new_connection(self, url: str) -> Any:
        config = self._config
        # ldap3 remembers in a Server which of its addresses failed, for all its connections: hence one for each.
        server = ldap3.Server(url, get_info=ldap3.NONE, tls=self._tls, connect_timeout=config.connect_timeout)
        identity: dict[str, Any] = (
            {"authentication": ldap3.SASL, "sasl_mechanism": ldap3.EXTERNAL, "sasl_credentials": ""}
            if config.client_certificate is not None
            else {"user": config.bind_dn, "password": config.bind_password.get_secret_value()}
        )
        return ldap3.Connection(
            server,
            **identity,
            client_strategy=ldap3.SAFE_SYNC,
            receive_timeout=config.receive_timeout,
            auto_referrals=False,
            check_names=False,
            raise_exceptions=False,
        )


def _checked(result: Mapping[str, Any], operation: str, *, right: str, accept: Collection[int] = ()) -> int:
    code: int = result["result"]
    if code != SUCCESS and code not in accept:
        raise refusal(code, operation, right=right)
    return code


def _operations(change: Change) -> list[tuple[str, list[str | bytes]]]:
    if change.is_whole:
        return [(ldap3.MODIFY_REPLACE, list(change.add))]
    removed = [(ldap3.MODIFY_DELETE, list(change.remove))] if change.remove else []
    return removed + ([(ldap3.MODIFY_ADD, list(change.add))] if change.add else [])


def _assertion(filter_: str) -> list[tuple[str, bool, bytes]] | None:
    if not filter_:
        return None
    return [(ASSERTION_CONTROL, True, encoded(filter_))]


def _cookie_in(result: Mapping[str, Any]) -> bytes | None:
    """Return what the next part is asked for with; nothing where there is none."""
    paged = (result.get("controls") or {}).get(PAGED_RESULTS)
    return paged["value"]["cookie"] or None if paged else None
