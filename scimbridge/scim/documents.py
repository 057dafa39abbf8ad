"""Documents as they are stored: canonical names, no empty values, nothing read-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim2_models import Context, InvalidValueException

from scimbridge.domain.model import EXTENSION_URNS, GROUP, TOLERANT, USER
from scimbridge.scim import limits
from scimbridge.scim.dialect import CORE_GROUP, CORE_USER, ENTERPRISE, resource
from scimbridge.scim.doubles import merge_doubles
from scimbridge.scim.plain import LONGEST_KEY, plain_user
from scimbridge.scim.reading import Reading


def user_document(body: Mapping[str, Any], seen: Reading) -> dict[str, Any]:
    """Return the document of a POST or PUT to Users.

    Raises:
        SCIMException, ValidationError: It cannot be stored as it is.
    """
    plain = plain_user(body)
    if plain is not None:
        return {"schemas": schemas_of(plain), **plain}
    return validated_user(body, seen)


def validated_user(body: Mapping[str, Any], seen: Reading) -> dict[str, Any]:
    """Return the same as ``user_document``, whatever the body, by scim2-models."""
    limits.check_values(body)
    user = USER.model_validate(
        resource(body, CORE_USER, seen), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT
    )
    return stored_user(user)


def group_document(body: Mapping[str, Any], seen: Reading) -> dict[str, Any]:
    """Return the document of a POST or PUT to Groups without its members.

    Raises:
        SCIMException, ValidationError: It cannot be stored as it is.
    """
    wanted = resource(body, CORE_GROUP, seen)
    group = GROUP.model_validate(wanted, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT)
    return stored_group(group)


def stored_user(user: Any) -> dict[str, Any]:
    """Return the document of a User model."""
    document: dict[str, Any] = user.model_dump(scim_policy=TOLERANT)
    for name in ("id", "meta", "groups", "password"):
        document.pop(name, None)
    document["schemas"] = schemas_of(document)
    merge_doubles(document)
    limits.check_values(document)
    _check_key(document, "userName", required=True)
    _check_key(document, "externalId")
    for email in document.get("emails", ()):
        _check_key(email, "value", called="emails.value")
    _check_key(document.get(ENTERPRISE, {}), "employeeNumber")
    return document


def schemas_of(document: Mapping[str, Any]) -> list[str]:
    """Return the ``schemas`` of a User's document: those of which it has attributes."""
    return [CORE_USER, *(urn for urn in EXTENSION_URNS.values() if urn in document)]


def stored_group(group: Any) -> dict[str, Any]:
    """Return the document of a Group model."""
    document: dict[str, Any] = group.model_dump(scim_policy=TOLERANT)
    for name in ("id", "meta", "members"):
        document.pop(name, None)
    document["schemas"] = [CORE_GROUP]
    _check_key(document, "displayName", required=True)
    _check_key(document, "externalId")
    return document


def _check_key(holder: Mapping[str, Any], name: str, *, required: bool = False, called: str = "") -> None:
    value = holder.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or (required and not value.strip()):
        raise InvalidValueException(detail=f"{called or name} must not be empty")
    if len(value.encode()) > LONGEST_KEY:
        raise InvalidValueException(detail=f"{called or name} is longer than {LONGEST_KEY} bytes")
