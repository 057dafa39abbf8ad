"""Times as Active Directory tells them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from connectors.ldap.entry import Entry
from connectors.ldap.flavors.times import Talk, Times, generalized
from scimbridge.sdk import NEVER, Moment

SIGNED_IN = "lastLogonTimestamp"
COUNT = "logonCount"
ENDS = "accountExpires"
HISTORY = "replPropertyMetaData"
CREATED, CHANGED = "whenCreated", "whenChanged"
INTERVAL = "msDS-LogonTimeSyncInterval"
USUAL_INTERVAL = 14
"""Days by which a noted sign-in may lag behind where the domain says nothing else (MS-ADA1 section 2.352)."""

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
NO_END = ("0", "9223372036854775807")
"""An account that never ends (MS-ADA1 section 2.1); which of them, depends on the tool."""

LOCK_ID = 0x00090008
"""What replication calls ``userAccountControl``."""

_HEAD, _ITEM = struct.Struct("<IIII"), struct.Struct("<IIQ16sQQ")


class WindowsTimes(Times):
    """Sign-ins are noted with a lag, on purpose: each note is replicated to all servers of the domain."""

    attributes = (SIGNED_IN, COUNT, ENDS, HISTORY, CREATED, CHANGED)

    def created_at(self, entry: Entry) -> datetime | None:
        """Return when the entry was made."""
        return _noted(entry, CREATED)

    def locked_since(self, entry: Entry) -> datetime | None:
        """Return when ``userAccountControl`` was last written, by any server; else when anything was."""
        written = (written_at(octets, LOCK_ID) for octets in entry.octets.get(HISTORY, ()))
        return next((at for at in written if at is not None), None) or _noted(entry, CHANGED)

    def signed_in_at(self, entry: Entry) -> Moment:
        """Return the noted sign-in.

        Without a note there was none, as long as the bridge's account may read notes: ``logonCount`` belongs to the
        same set of properties, and each account has one.
        """
        value = next(iter(entry.get(SIGNED_IN)), "0")
        if value == "0":
            return NEVER if entry.get(COUNT) else None
        at = windows_time(value)
        return at if at != NEVER else None

    def signed_in_within(self, talk: Talk) -> timedelta | None:
        """Return the domain's interval; 0 means there that sign-ins are not noted any more."""
        server = talk.get("", ["defaultNamingContext"])
        contexts = server.get("defaultNamingContext") if server is not None else ()
        domain = talk.get(contexts[0], [INTERVAL]) if contexts else None
        days = next(iter(domain.get(INTERVAL) if domain is not None else ()), str(USUAL_INTERVAL))
        if not days.isdecimal():
            return timedelta(days=USUAL_INTERVAL)
        return timedelta(days=int(days)) if int(days) else None

    def ends_at(self, entry: Entry) -> Moment:
        """Return the end of the account."""
        value = next(iter(entry.get(ENDS)), "")
        return NEVER if value in NO_END else windows_time(value)


def windows_time(text: str) -> Moment:
    """Return a time in tenths of microseconds since 1601; one beyond the calendar never comes, others are unknown."""
    if not text.isdecimal():
        return None
    try:
        return EPOCH + timedelta(microseconds=int(text) // 10)
    except OverflowError:
        return NEVER


def written_at(history: bytes, attribute: int) -> datetime | None:
    """Return when an attribute was last written, from what replication keeps of each.

    ``None`` where the octets are in another form than version 1, or tell nothing of it.
    """
    if len(history) < _HEAD.size:
        return None
    version, _, count, _ = _HEAD.unpack_from(history)
    if version != 1 or len(history) != _HEAD.size + count * _ITEM.size:
        return None
    for found, _, seconds, _, _, _ in _ITEM.iter_unpack(history[_HEAD.size :]):
        if found == attribute and seconds:
            return EPOCH + timedelta(seconds=seconds)
    return None


def _noted(entry: Entry, attribute: str) -> datetime | None:
    return next((at for text in entry.get(attribute) if (at := generalized(text))), None)
