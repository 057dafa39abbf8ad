"""The SCIM resource models of the bridge: scim2-models', accepting what real directories contain.

The addresses and links in a directory are often none by today's rules (``ada@corp.local``, a
photo that is no URL). They are stored as sent: an odd value of one attribute must not
keep a deactivation from being stored.
"""

from __future__ import annotations

from typing import Annotated, Any

import scim2_models
from pydantic import Field
from scim2_models import AnyExtension, CaseExact, ComplexAttribute, Mutability, Required, ScimPolicy, Uniqueness


class Email(scim2_models.Email):
    """An email address, in any spelling."""

    value: str | None = None


class Photo(scim2_models.Photo):
    """A link to a picture, in any spelling."""

    value: Annotated[str | None, CaseExact.true] = None  # type: ignore[assignment]


class Manager(ComplexAttribute):
    """The manager of a User.

    RFC 7643 §4.3 asks for ``$ref``; no identity provider can be relied on to send it.
    """

    value: Annotated[str | None, CaseExact.true] = None
    ref: Annotated[str | None, CaseExact.true] = Field(None, serialization_alias="$ref", validation_alias="$ref")
    display_name: Annotated[str | None, Mutability.read_only] = None


class EnterpriseUser(scim2_models.EnterpriseUser):
    """What a company adds to a User (RFC 7643 §4.3)."""

    manager: Manager | None = None  # type: ignore[assignment]


class User(scim2_models.User[AnyExtension]):
    """A person or service that has access (RFC 7643 §4.1)."""

    emails: list[Email] | None = None  # type: ignore[assignment]
    photos: list[Photo] | None = None  # type: ignore[assignment]
    profile_url: Annotated[str | None, CaseExact.true] = None  # type: ignore[assignment]


USER: Any = User[EnterpriseUser]
"""A User with the enterprise extension."""


class Group(scim2_models.Group):
    """People and groups that are granted something together (RFC 7643 §4.2)."""

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None


GROUP: Any = Group
"""A Group."""

TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""How requests are read: what Entra ID and Okta send is understood, unknown attributes are left out."""
