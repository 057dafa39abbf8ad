"""What ``archive`` takes off an account: values that the snapshot keeps, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.ldap.entry import Change, Entry, swapped
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
        if any(octets.decode("utf-8", "backslashreplace").encode() != octets for octets in entry.octets.get(name, ())):
            raise RejectedError(f"{name} is no text, and is not kept: take it out of archive_attributes")
        if set(values) - set(before.get(name, ())):
            others.append(name)
        elif values:
            changes.append(swapped(name, values, ()))
    return tuple(changes), tuple(others)
