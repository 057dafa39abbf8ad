"""What can be read from a user as Graph writes it."""

from __future__ import annotations

from connectors.microsoft365.batches import Document
from connectors.microsoft365.config import Microsoft365Config
from scimbridge.sdk import RejectedError

# accountEnabled is not among what Graph tells without being asked.
SELECT = (
    "id",
    *Microsoft365Config.searchable,
    "accountEnabled",
    "userType",
    "onPremisesSyncEnabled",
    "onPremisesExtensionAttributes",
)
"""What is asked of each user."""

MANAGER = "manager"
"""Where the state of an account keeps the id of the manager."""


def is_blocked(user: Document) -> bool:
    """Whether somebody cannot sign in.

    Raises:
        RejectedError: Graph does not say; what is missing is no "no".
    """
    if not isinstance(user.get("accountEnabled"), bool):
        raise RejectedError("reading an account: Graph does not say whether it is enabled")
    return not user["accountEnabled"]


def is_synchronized(user: Document) -> bool:
    """Whether Active Directory is where the user is changed."""
    return bool(user.get("onPremisesSyncEnabled"))


def values_of(user: Document, attribute: str) -> tuple[str, ...]:
    """Return the values of an attribute of ``match``."""
    value = user.get(attribute)
    return (str(value),) if value else ()


def has_value(user: Document, attribute: str, value: str) -> bool:
    """Whether somebody has exactly this value; of names, Graph does not tell the case of letters apart."""
    values = values_of(user, attribute)
    if attribute == "onPremisesImmutableId":
        return value in values
    return value.casefold() in {each.casefold() for each in values}


def text_of(user: Document, attribute: str) -> str:
    """Return what stands in an extension attribute."""
    return str((user.get("onPremisesExtensionAttributes") or {}).get(attribute) or "")


def manager_of(user: Document) -> tuple[str, ...]:
    """Return the id of somebody's manager, where there is one."""
    manager = user.get(MANAGER) or {}
    return (str(manager["id"]),) if "id" in manager else ()
