"""What can be read from a user as Google writes it."""

from __future__ import annotations

from connectors.google_workspace.client import Document
from scimbridge.sdk import RejectedError


def is_blocked(user: Document) -> bool:
    """Whether somebody cannot sign in: archived users cannot, either.

    Raises:
        RejectedError: Google does not say; what is missing is no "no".
    """
    if not isinstance(user.get("suspended"), bool):
        raise RejectedError("reading an account: Google does not say whether it is suspended")
    return bool(user["suspended"] or user.get("archived"))


def values_of(user: Document, attribute: str) -> tuple[str, ...]:
    """Return the values of an attribute of ``match``."""
    if attribute == "externalIds.value":
        return tuple(str(each["value"]) for each in user.get("externalIds") or () if each.get("value"))
    aliases = user.get("aliases") or () if attribute == "email" else ()
    return (str(user["primaryEmail"]), *map(str, aliases))


def addresses_of(user: Document | None) -> set[str]:
    """Return all addresses of somebody, folded; none where there is nobody."""
    return {each.casefold() for each in values_of(user, "email")} if user is not None else set()


def name_of(user: Document) -> str:
    """Return what people call somebody; their address where Google knows no name."""
    name = user.get("name")
    full = name.get("fullName") if isinstance(name, dict) else None
    return str(full or user["primaryEmail"])


def has_value(user: Document, attribute: str, value: str) -> bool:
    """Whether somebody has exactly this value; of addresses, Google does not tell the case of letters apart."""
    values = values_of(user, attribute)
    if attribute == "externalIds.value":
        return value in values
    return value.casefold() in {each.casefold() for each in values}
