"""Quirks: what a source writes otherwise than RFC 7643 and RFC 7644 have it, and is understood all the same."""

from __future__ import annotations

from enum import StrEnum


class Quirk(StrEnum):
    """The rules by which requests are understood that do not keep to the RFCs."""

    STRING_BOOLEAN = "string boolean"
    """A boolean is written as a string: `"False"` (Entra ID, Keycloak)."""

    CAPITALIZED_OP = "capitalized op"
    """A PATCH operation is called `Replace` or `Add` (Entra ID)."""

    NO_PATH = "operation without path"
    """A PATCH operation has no path; its value names the attributes (Okta, SailPoint). RFC 7644 allows it."""

    PATH_AS_KEY = "path as a key"
    """A key of a value is a path: `name.givenName`, `urn:…:User:department` (Entra ID)."""

    REMOVE_WITH_VALUE = "remove with a value"
    """A remove lists in its value what to remove (Entra ID, ssosync)."""

    NULL_VALUE = "null value"
    """Attributes that have no value are sent as null (Entra ID)."""

    NO_SCHEMAS = "no schemas"
    """`schemas` is missing or empty (authentik, WSO2)."""

    OLD_SCHEMA = "old schema URN"
    """Schemas have the names of drafts: `urn:scim:schemas:core:1.0` (OneLogin, Google)."""

    FOREIGN_SCHEMA = "foreign schema URN"
    """`schemas` names one that is not known here, beside one that is (Entra ID)."""

    OTHER_CASE = "attribute name in another case"
    """A name is not spelled as its schema spells it; RFC 7643 §2.1 allows it."""

    MANAGER_FORM = "manager that is no object"
    """The manager is a bare id, a list of one object, or an empty string (Entra ID)."""

    MEMBER_FORM = "member that is no object"
    """A member is a bare id, or one object where a list belongs."""

    READ_ONLY = "read-only attribute"
    """`id`, `meta` or `groups` is sent back (Okta, Auth0), or `schemas` is patched; it is ignored as RFC 7644 §3.5.1
    has it."""

    PASSWORD = "password"  # noqa: S105 - the name of a habit
    """A password is sent; it is neither stored nor kept."""

    EMPTY_STRING = "empty string for no value"
    """An attribute is cleared by an empty string."""


UNKNOWN = "unknown attribute"
"""What the quirk of sending an attribute that nobody here knows is called, before the attribute's name."""


def unknown(name: str) -> str:
    """Return the name of the quirk of sending an unknown attribute."""
    return f"{UNKNOWN} {name}"
