"""Names for accounts whose own is taken where they move to."""

from __future__ import annotations

from connectors.ldap import dn
from scimbridge.sdk import RejectedError


def new_name(name: str, account_id: str, longest: int) -> str:
    """Return a name like another, with a piece of the account's id behind it.

    Args:
        name: The first part of a DN.
        account_id: The immutable id.
        longest: How many characters the value may have; its end gives way.

    Raises:
        RejectedError: The name has several parts (``cn=Ann+uid=ann``).
    """
    try:
        attribute, value = dn.value_of(name)
    except ValueError:
        raise RejectedError("its name is taken there, and has several parts: rename one of the two by hand") from None
    piece = f" {account_id[:8]}"
    return dn.named(attribute, value[: longest - len(piece)] + piece)
