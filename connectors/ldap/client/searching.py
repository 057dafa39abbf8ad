"""What is asked of a directory; nothing of it changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import ldap3
from tenacity import retry, retry_if_exception, stop_after_attempt

from connectors.ldap.client.conversation import Conversation, NoBaseError
from connectors.ldap.client.link import LdapLink
from connectors.ldap.entry import Control, Entry
from connectors.ldap.errors import ConnectionLostError
from connectors.ldap.flavors import Flavor
from connectors.ldap.pool import Pool
from scimbridge.sdk import Permit

_RULES_ONLY = ("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")
"""LDAP_SERVER_SD_FLAGS_OID with DACL_SECURITY_INFORMATION: without it, nothing is told to who may not read it all."""


def _is_stale(error: BaseException) -> bool:
    return isinstance(error, ConnectionLostError) and error.is_stale


class Searching:
    """Searches. A lost connection is replaced once: looking twice changes nothing.

    Args:
        pool: Lends connections.
        flavor: What entries are known by.
        permit: Asked before each request.
    """

    def __init__(self, pool: Pool[LdapLink], flavor: Flavor, permit: Permit) -> None:
        self._pool = pool
        self._flavor = flavor
        self._permit = permit

    @contextmanager
    def conversation(self) -> Iterator[Conversation]:
        """Lend one connection, for what one server has to answer. Nothing is tried twice in it."""
        with self._pool.link() as link:
            yield Conversation(link, self._flavor, self._permit)

    @retry(retry=retry_if_exception(_is_stale), stop=stop_after_attempt(2), reraise=True)
    def search(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        scope: Literal["BASE", "SUBTREE"] = ldap3.SUBTREE,
        controls: Sequence[Control] = (),
        is_one: bool = False,
    ) -> list[Entry]:
        """Return all entries that match, however many.

        Raises:
            TargetUnusableError: The base is not there, or hidden. It says nothing about any account.
            RejectedError: There are more entries than the directory lists.
        """
        with self.conversation() as talk:
            parts = talk.parts(base, filter_, attributes, scope=scope, controls=controls, is_one=is_one)
            return [entry for part in parts for entry in part]

    def one(self, base: str, filter_: str, attributes: Sequence[str]) -> Entry | None:
        """Return the one entry that matches, or ``None``; for filters that only one can match, which needs no parts."""
        found = self.search(base, filter_, attributes, is_one=True)
        return found[0] if found else None

    def sample(self, base: str, filter_: str, attributes: Sequence[str], count: int) -> list[Entry]:
        """Return some entries that match, and no more than a number."""
        with self.conversation() as talk:
            return next(talk.parts(base, filter_, attributes, page=count))

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
