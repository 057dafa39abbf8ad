"""What suspends an account beside the lock, for programs that never ask the directory for the password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.ldap.entry import Change, swapped
from scimbridge.sdk import AccountState

_CLASSES = {"loginshell": "posixaccount", "shadowexpire": "shadowaccount"}
"""Which class lets an entry have an attribute (RFC 2307 section 4)."""


def also_locked(account: AccountState, wanted: Mapping[str, str]) -> Iterator[Change]:
    """Yield what ``lock_also`` writes, where the account may have it."""
    classes = {each.casefold() for each in account.attributes.get("objectClass", ())}
    for attribute, value in wanted.items():
        now = account.attributes.get(attribute, ())
        if now != (value,) and (now or _CLASSES.get(attribute.casefold()) in classes):
            yield swapped(attribute, now, (value,))


def also_unlocked(
    account: AccountState, wanted: Mapping[str, str], before: Mapping[str, tuple[str, ...]]
) -> Iterator[Change]:
    """Yield what takes it back, where it still is as it was written."""
    for attribute, value in wanted.items():
        if account.attributes.get(attribute, ()) == (value,) and before.get(attribute, ()) != (value,):
            yield swapped(attribute, (value,), before.get(attribute, ()))
