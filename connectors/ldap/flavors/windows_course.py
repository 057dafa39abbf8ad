"""How a list of accounts goes on at a domain controller of Active Directory."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from connectors.ldap.entry import Control, Entry
from connectors.ldap.flavors.course import Course
from connectors.ldap.flavors.times import Talk
from scimbridge.sdk import Coverage, End
from scimbridge.sdk.increments import cursor_of, values_in

NUMBER = "uSNChanged"
HIGHEST = "highestCommittedUSN"
SERVICE = "dsServiceName"
DOMAIN = "defaultNamingContext"
INVOCATION = "invocationId"
SHOW_DELETED: Control = ("1.2.840.113556.1.4.417", True, None)
"""LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS section 3.1.1.3.4.1.14)."""

WELL_KNOWN = "<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,{domain}>"
"""The container of what was deleted, whatever it is called (MS-ADTS section 6.1.1.4)."""


class ByNumber(Course):
    """Goes by the number that one domain controller gives each change (MS-ADTS section 3.1.1.1.9).

    Each controller counts for itself, and begins anew after it was restored from a backup: then, and at another
    one, all accounts are listed again.

    Args:
        talk: The server.
        scope: What decides which accounts are listed, and what of them.
        since: The cursor of the list before.
    """

    def __init__(self, talk: Talk, scope: object, since: str | None) -> None:
        self._talk = talk
        server = talk.get("", [HIGHEST, SERVICE, DOMAIN])
        self._highest = _one(server, HIGHEST)
        self._domain = _one(server, DOMAIN)
        self._count = _count_of(talk, _one(server, SERVICE))
        self._scope = [scope, self._count]
        begun = (values_in(since, self._scope) or {}).get("number", "")
        # A number that is not reached yet is of a time before the controller was set back.
        if self._count and begun.isdecimal() and int(begun) <= int(self._highest or "0"):
            self.filter = f"({NUMBER}>={int(begun) + 1})"
        self._tells_deletions = bool(self.filter) and self._may_see_deleted()

    def saw(self, entries: Iterable[Entry]) -> None:
        """Take no note: how far the controller had come was asked before anything was listed."""

    def gone(self) -> Iterator[tuple[str, ...]]:
        """Yield what was deleted since, wherever it was: of that, nothing else is known any more."""
        if not self._tells_deletions:
            return
        deleted = f"(&(isDeleted=TRUE)(objectClass=user){self.filter})"
        for part in self._talk.parts(WELL_KNOWN.format(domain=self._domain), deleted, [], controls=[SHOW_DELETED]):
            yield tuple(entry.id for entry in part if entry.id)

    def end(self) -> End:
        """Return what the list has told."""
        changes = Coverage.CHANGES_AND_DELETIONS if self._tells_deletions else Coverage.CHANGES
        cursor = cursor_of(self._scope, number=self._highest) if self._count and self._highest else None
        return End(coverage=changes if self.filter else Coverage.WHOLE, cursor=cursor)

    def _may_see_deleted(self) -> bool:
        """Whether the bridge's account may read the container; without that, an empty answer means nothing."""
        found = self._talk.get(WELL_KNOWN.format(domain=self._domain), ["isDeleted"], controls=[SHOW_DELETED])
        return found is not None and bool(found.get("isDeleted"))


def _count_of(talk: Talk, service: str) -> str:
    """Return what the controller calls its own count of changes; empty where the bridge's account may not know."""
    found = talk.get(service, [INVOCATION]) if service else None
    octets = next(iter(found.octets.get(INVOCATION, ())), b"") if found is not None else b""
    return str(uuid.UUID(bytes_le=octets)) if len(octets) == 16 else ""


def _one(server: Entry | None, attribute: str) -> str:
    return next(iter(server.get(attribute)), "") if server is not None else ""
