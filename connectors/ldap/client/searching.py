"""What is asked of a directory; nothing of it changes anything."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import ldap3
from tenacity import retry, retry_if_exception, stop_after_attempt

from connectors.ldap.client.link import LdapLink
from connectors.ldap.entry import Entry
from connectors.ldap.errors import NO_SUCH_OBJECT, ConnectionLostError, checked
from connectors.ldap.flavors import Flavor
from connectors.ldap.pool import Pool
from scimbridge.sdk import Permit, TargetUnusableError

PAGED_RESULTS = "1.2.840.113556.1.4.319"
"""RFC 2696: a list in parts."""

_RULES_ONLY = ("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")
"""LDAP_SERVER_SD_FLAGS_OID with DACL_SECURITY_INFORMATION: without it, nothing is told to who may not read it all."""

PAGE = 500
"""Entries per part. Windows gives 1000 at most, OpenLDAP 500 by itself."""


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
        question = _Question(base, filter_, tuple(attributes), scope, tuple(controls), is_one=is_one)
        return [entry for part in self._parts(question) for entry in part]

    def one(self, base: str, filter_: str, attributes: Sequence[str]) -> Entry | None:
        """Return the one entry that matches, or ``None``; for filters that only one can match, which needs no parts."""
        found = self.search(base, filter_, attributes, is_one=True)
        return found[0] if found else None

    def sample(self, base: str, filter_: str, attributes: Sequence[str], count: int) -> list[Entry]:
        """Return some entries that match, and no more than a number."""
        with closing(self._parts(_Question(base, filter_, tuple(attributes), page=count))) as parts:
            return next(parts)

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

    def _parts(self, question: _Question) -> Generator[list[Entry], None, None]:
        cookie: bytes | None = None
        with self._pool.link() as link:
            while True:
                result, response = self._one_part(link, question, cookie)
                yield [self._entry(each, question.attributes) for each in response if each["type"] == "searchResEntry"]
                cookie = _cookie_in(result)
                if not cookie:
                    return

    def _one_part(self, link: LdapLink, asked: _Question, cookie: bytes | None) -> tuple[Mapping[str, Any], Any]:
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
        checked(result["result"], "search", right="search and read access beneath base_dn")
        return result, response

    def _entry(self, found: Mapping[str, Any], attributes: Sequence[str]) -> Entry:
        raw = {name.casefold(): values for name, values in found["raw_attributes"].items()}
        identifiers = raw.get(self._flavor.id_attribute.casefold()) or [b""]
        return Entry(
            dn=found["dn"],
            id=self._flavor.id_of(identifiers[0]),
            octets={name: tuple(raw.get(name.casefold(), ())) for name in attributes},
        )


def _cookie_in(result: Mapping[str, Any]) -> bytes | None:
    """Return what the next part is asked for with; nothing where there is none."""
    paged = (result.get("controls") or {}).get(PAGED_RESULTS)
    return paged["value"]["cookie"] or None if paged else None
