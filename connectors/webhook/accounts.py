"""An account's document as the bridge sees it, by the places that the configuration names."""

from __future__ import annotations

from typing import Any

from connectors.webhook.config import AccountMap, Entitlements, Told
from connectors.webhook.pointers import at, text_at
from scimbridge.sdk import AccountRef, AccountState, Entitlement, RejectedError


def ref_of(document: Any, where: AccountMap) -> AccountRef:
    """Return the account that a document is of.

    Raises:
        RejectedError: It has no id.
    """
    account_id = text_at(document, where.id)
    if not account_id:
        raise RejectedError(f"the target sent an account without an id at {where.id!r}; see account.id")
    return AccountRef(account_id, text_at(document, where.name) or account_id)


def matches(document: Any, pointer: str, value: str) -> bool:
    """Whether a document has a value, in any case of letters; a list of texts has each of them."""
    found = at(document, pointer)
    values = found if isinstance(found, list) else [found]
    return any(isinstance(each, str | int) and str(each).casefold() == value.casefold() for each in values)


def state_of(document: Any, where: AccountMap, match: list[str]) -> AccountState:
    """Return the state that a document tells.

    Raises:
        RejectedError: It does not tell what the configuration says that it tells.
    """
    ref = ref_of(document, where)
    return AccountState(
        id=ref.id,
        name=ref.name,
        suspended=None if where.suspended is None else _is(document, where.suspended),
        archived=None if where.archived is None else _is(document, where.archived),
        protected=f"{where.protected.at} says so" if where.protected and _is(document, where.protected) else "",
        groups=None if where.groups is None else _entitlements(document, where.groups),
        licenses=None if where.licenses is None else _entitlements(document, where.licenses),
        attributes={pointer: (text,) for pointer in match if (text := text_at(document, pointer))},
    )


def _is(document: Any, told: Told) -> bool:
    is_so = told.is_so_in(document)
    if is_so is None:
        raise RejectedError(f"the account's document tells nothing at {told.at!r}")
    return is_so


def _entitlements(document: Any, where: Entitlements) -> tuple[Entitlement, ...]:
    found = at(document, where.at)
    if not isinstance(found, list):
        raise RejectedError(f"the account's document has no list at {where.at!r}")
    return tuple(_entitlement(each, where) for each in found)


def _entitlement(document: Any, where: Entitlements) -> Entitlement:
    entitlement_id = text_at(document, where.id)
    if not entitlement_id:
        raise RejectedError(f"something at {where.at!r} has no id at {where.id!r}")
    name = text_at(document, where.name) if where.name is not None else ""
    is_privileged = where.privileged is not None and _is(document, where.privileged)
    return Entitlement(entitlement_id, name or entitlement_id, is_privileged)
