"""What the snapshot keeps for people, and what ``archive`` takes off an account: no other values than those."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connectors.ldap.entry import ALL, Change, Entry, swapped
from scimbridge.sdk import AccountState, RejectedError

SECRETS = frozenset(
    {
        *("userpassword", "unicodepwd", "dbcspwd", "ntpwdhistory", "lmpwdhistory", "supplementalcredentials"),
        *("pwdhistory", "authpassword", "sambantpassword", "sambalmpassword", "sambapasswordhistory", "ipanthash"),
        *("krbprincipalkey", "userpkcs12", "ms-mcs-admpwd", "mslaps-password", "mslaps-encryptedpassword"),
        *("oathsecret", "ipatokenotpkey", "passwordhistory", "nsslapd-rootpw"),
    }
)
"""Attributes that open something; whoever reads the bridge's database must not find them there."""

_SUSPECT = ("password", "passwd", "secret", "token", "privatekey")
"""Parts of names of attributes that somebody has made, by which they are taken for such."""


def is_secret(name: str) -> bool:
    """Whether an attribute opens something, by its name."""
    plain = name.casefold().partition(";")[0]
    return plain in SECRETS or any(part in plain for part in _SUSPECT)


def kept(entry: Entry, names: Sequence[str], known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return what the snapshot keeps of an entry beside what undo works from: text, and no secrets.

    Args:
        entry: The entry.
        names: Attributes, or ``*`` for all.
        known: Those that are read anyway.
    """
    read = {name.casefold() for name in known}
    wanted = entry.octets if ALL in names else names
    return {
        name: entry.get(name)
        for name in wanted
        if name.casefold() not in read and not is_secret(name) and all(map(_is_text, entry.octets.get(name, ())))
    }


def archived(account: AccountState, names: Sequence[str], entry: Entry) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Return what takes values off an account, and the attributes with others than the snapshot keeps.

    Args:
        account: As it was read, beside the snapshot.
        names: The attributes.
        entry: The account's entry, with its values to the octet.

    Raises:
        RejectedError: A value is no text: the snapshot would not give it back as it is.
    """
    before: Mapping[str, tuple[str, ...]] = account.original.attributes if account.original else {}
    changes, others = [], []
    for name in names:
        values = account.attributes.get(name, ())
        if not all(map(_is_text, entry.octets.get(name, ()))):
            raise RejectedError(f"{name} is not text, and is not kept: take it out of archive_attributes")
        if set(values) - set(before.get(name, ())):
            others.append(name)
        elif values:
            changes.append(swapped(name, values, ()))
    return tuple(changes), tuple(others)


def _is_text(octets: bytes) -> bool:
    return b"\0" not in octets and octets.decode("utf-8", "ignore").encode() == octets
