"""What one server is asked over one connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ldap3

from connectors.ldap.client.link import LdapLink
from connectors.ldap.entry import ALL, Control, Entry
from connectors.ldap.errors import NO_SUCH_OBJECT, SIZE_LIMIT_EXCEEDED, checked
from connectors.ldap.flavors import Flavor
from scimbridge.sdk import Permit, TargetUnusableError

PAGED_RESULTS = "1.2.840.113556.1.4.319"
"""RFC 2696: a list in parts."""

PAGE = 500
"""Entries per part. Windows gives 1000 at most, OpenLDAP 500 by itself."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A search, part by part."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    scope: str
    controls: tuple[Control, ...]
    page: int
    is_one: bool


class NoBaseError(TargetUnusableError):
    """The place to look at does not exist, or may not be read."""


class Conversation:
    """Searches that one server answers.

    Args:
        link: The connection.
        flavor: What entries are known by.
        permit: Asked before each request.
    """

    def __init__(self, link: LdapLink, flavor: Flavor, permit: Permit) -> None:
        self._link = link
        self._flavor = flavor
        self._permit = permit

    def parts(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        scope: Literal["BASE", "SUBTREE"] = ldap3.SUBTREE,
        controls: Sequence[Control] = (),
        page: int = 0,
        is_one: bool = False,
    ) -> Iterator[list[Entry]]:
        """Yield the entries that match (RFC 4511 section 4.5), as many at a time as a part holds (RFC 2696).

        Raises:
            TargetUnusableError: The base is not there, or hidden. It says nothing about any account.
            RejectedError: There are more entries than the directory lists.
        """
        question = _Question(base, filter_, tuple(attributes), scope, tuple(controls), page, is_one)
        cookie: bytes | None = None
        while True:
            result, response = self._one_part(question, cookie)
            yield [self._entry(each, attributes) for each in response if each["type"] == "searchResEntry"]
            cookie = _cookie_in(result)
            if not cookie:
                return

    def get(self, dn: str, attributes: Sequence[str], *, controls: Sequence[Control] = ()) -> Entry | None:
        """Return one entry, or ``None`` where there is none of this name, or it may not be read."""
        try:
            found = [*self.parts(dn, "(objectClass=*)", attributes, scope="BASE", controls=controls)]
        except NoBaseError:
            return None
        return found[0][0] if found[0] else None

    def _one_part(self, asked: _Question, cookie: bytes | None) -> tuple[Mapping[str, Any], Any]:
        self._permit(writes=False)
        paging = (
            {"paged_size": asked.page or PAGE, "paged_cookie": cookie}
            if asked.scope == ldap3.SUBTREE and not asked.is_one
            else {}
        )
        result, response = self._link.ask(
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
        # Who asks for some only has them before the directory says that there are more than it lists.
        accept = (SIZE_LIMIT_EXCEEDED,) if asked.page else ()
        checked(result["result"], "search", right="search and read access beneath base_dn", accept=accept)
        return result, response

    def _entry(self, found: Mapping[str, Any], attributes: Sequence[str]) -> Entry:
        raw = {name.casefold(): values for name, values in found["raw_attributes"].items()}
        identifiers = raw.get(self._flavor.id_attribute.casefold()) or [b""]
        octets = {name: tuple(raw.get(name.casefold(), ())) for name in attributes if name != ALL}
        if ALL in attributes:
            asked = {name.casefold() for name in octets}
            octets |= {
                name: tuple(found["raw_attributes"][name])
                for name in found["raw_attributes"]
                if name.casefold() not in asked
            }
        return Entry(dn=found["dn"], id=self._flavor.id_of(identifiers[0]), octets=octets)


def _cookie_in(result: Mapping[str, Any]) -> bytes | None:
    """Return what the next part is asked for with; nothing where there is none."""
    paged = (result.get("controls") or {}).get(PAGED_RESULTS)
    return paged["value"]["cookie"] or None if paged else None
