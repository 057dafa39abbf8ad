"""What is changed in a directory, each by one request."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime

from connectors.ldap.client import requests
from connectors.ldap.client.connecting import Connecting
from connectors.ldap.client.searching import Searching
from connectors.ldap.config import LdapConfig
from connectors.ldap.entry import Edit
from connectors.ldap.errors import checked
from connectors.ldap.flavors import FLAVORS
from connectors.ldap.pool import Pool
from scimbridge.sdk import Confirm, Permit


class Directory(Searching):
    """A client for one directory, for many threads.

    Connections are made on demand, one per thread that is at work, and kept. A
    lost connection is replaced once, and only for a read: a change whose
    answer was lost may have been made, so that the account must be read first.
    """

    def __init__(self, config: LdapConfig, permit: Permit, clock: Callable[[], float] = time.monotonic) -> None:
        pool = Pool(Connecting(config, permit).connect, permit, clock)
        super().__init__(pool, FLAVORS[config.flavor], permit)

    def modify(
        self,
        dn: str,
        edit: Edit,
        *,
        only_if: str = "",
        right: str = "",
        confirm: Confirm | None = None,
        accept: Collection[int] = (),
    ) -> int:
        """Change an entry, all at once or not at all (RFC 4511 section 4.6).

        Args:
            dn: The entry.
            edit: What to change; its own condition is for whoever builds ``only_if``.
            only_if: A filter that the entry must still match; otherwise nothing happens. For servers that know it.
            right: The access that it needs, named where it is missing.
            confirm: Called last before the request is sent, where it cannot be taken back.
            accept: Result codes that the caller understands.

        Returns:
            0, or the code among ``accept`` with which the directory refused.

        Raises:
            AccountNotFoundError: There is no entry of this name (any more); it may have been renamed.
        """
        names = ", ".join(edit.attributes)
        code = self._write(requests.modify(dn, edit), only_if, confirm)
        return checked(
            code, f"modify {names}", right=right or f"write access to {names} of the accounts", accept=accept
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
        code = self._write(requests.rename(dn, name, container, keeps=keeps), only_if)
        return checked(code, "move", right="to move accounts: out of where they are, and into there", accept=accept)

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
        code = self._write(requests.delete(dn), only_if, confirm)
        return checked(code, "delete", right=right, accept=accept)

    def certificate_ends(self) -> datetime | None:
        """Return when the server's certificate ends (UTC); ``None`` on a connection without one."""
        with self._pool.link() as link:
            self._permit(writes=False)
            return link.certificate_ends

    def close(self) -> None:
        """Give back all connections that are not in use."""
        self._pool.close()

    def _write(self, request: bytes, only_if: str, confirm: Confirm | None = None) -> int:
        with self._pool.link() as link:
            self._permit(writes=True)
            if confirm is not None:
                confirm()
            return link.write(request, only_if)
