"""The SCIM resource models of the bridge: scim2-models', accepting what real directories contain.

The addresses and links in a directory are often none by today's rules (``ada@corp.local``, a
photo that is no URL). They are stored as sent: an odd value of one attribute must not
keep a deactivation from being stored.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any

import scim2_models
from pydantic import Field, field_validator
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    ExtensibleStringEnum,
    Extension,
    InvalidValueException,
    Mutability,
    Reference,
    Required,
    Returned,
    ScimPolicy,
    Uniqueness,
)

from scimbridge.domain.lifecycle import LIFECYCLE, read_end


class Email(scim2_models.Email):
    """An email address, in any spelling."""

    value: str | None = None
    """The address, as it was sent."""


class Photo(scim2_models.Photo):
    """A link to a picture, in any spelling."""

    value: Annotated[str | None, CaseExact.true] = None  # type: ignore[assignment]
    """The address of the picture, as it was sent."""


class Certificate(scim2_models.X509Certificate):
    """A certificate, which is stored as it was sent or not at all."""

    @field_validator("value", mode="before")
    @classmethod
    def _require_base64(cls, value: object) -> object:
        # Whoever decodes base64 leniently passes over what is none, and has another certificate in the end.
        if not isinstance(value, str):
            return value
        compact = "".join(value.split())
        try:
            b64decode(compact, validate=True)
        except ValueError as error:
            raise InvalidValueException(
                detail="the value of a certificate must be base64 (RFC 7643 §2.3.6)"
            ).as_pydantic_error() from error
        return compact


class Manager(ComplexAttribute):
    """The manager of a User.

    RFC 7643 §4.3 asks for ``$ref``; no identity provider can be relied on to send it.
    """

    value: Annotated[str | None, CaseExact.true] = None
    """The id of the manager's own User, or what else the source calls them."""

    ref: Annotated[Reference[scim2_models.User[Any]] | None, CaseExact.true] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The address of the manager's own User."""

    display_name: Annotated[str | None, Mutability.read_only] = None
    """What the manager is called."""


class EnterpriseUser(scim2_models.EnterpriseUser):
    """What a company adds to a User (RFC 7643 §4.3)."""

    manager: Manager | None = None  # type: ignore[assignment]
    """Who manages the User."""


class Lifecycle(Extension):
    """When and how somebody's time in the company ends."""

    __schema__ = URN(LIFECYCLE)

    class LeaverKind(ExtensibleStringEnum):
        """How somebody leaves, as far as it makes a difference for what is to be done."""

        VOLUNTARY = "voluntary"
        INVOLUNTARY = "involuntary"
        END_OF_CONTRACT = "end-of-contract"
        RETIREMENT = "retirement"
        LEAVE_OF_ABSENCE = "leave-of-absence"
        DECEASED = "deceased"

    end_date: str | None = None
    """The last day as a date (``2026-03-31``), or a moment as a dateTime. A day ends in the time zone of its source.

    It is no ``dateTime`` of RFC 7643 §2.3.5: personnel systems know days. It is stored as it was sent.
    """

    leaver_kind: LeaverKind | None = None
    """How somebody leaves; rules may match it. Other words than the canonical ones are kept."""

    @field_validator("end_date")
    @classmethod
    def _require_date(cls, value: str | None) -> str | None:
        if value is not None and read_end(value, UTC).is_odd:
            raise InvalidValueException(
                detail="endDate must be a date like 2026-03-31 or a dateTime like 2026-03-31T17:00:00Z"
            ).as_pydantic_error()
        return value


class User(scim2_models.User[AnyExtension]):
    """A person or service that has access (RFC 7643 §4.1)."""

    emails: list[Email] | None = None  # type: ignore[assignment]
    """E-mail addresses of the User."""

    photos: list[Photo] | None = None  # type: ignore[assignment]
    """Pictures of the User."""

    x509_certificates: list[Certificate] | None = None  # type: ignore[assignment]
    """Certificates that were issued to the User."""

    profile_url: Annotated[str | None, CaseExact.true] = None  # type: ignore[assignment]
    """The address of a page about the User."""


USER_EXTENSIONS: tuple[type[Extension], ...] = (EnterpriseUser, Lifecycle)
"""What a User may have beside its core attributes. Everything else follows from this line."""

USER: Any = User[EnterpriseUser | Lifecycle]
"""A User with its extensions."""

EXTENSION_URNS: Mapping[str, str] = {str(each.__schema__).lower(): str(each.__schema__) for each in USER_EXTENSIONS}
"""The URNs of the extensions, by their lower case: they are compared without case (RFC 7643 §2.1)."""


class GroupMember(scim2_models.Group.Members):  # type: ignore[valid-type, misc]
    """A member of a Group. What it is called follows from the resource itself, and is shown where it is asked for."""

    display: Annotated[str | None, Mutability.read_only, Returned.request] = None
    """What the member is called."""


class Group(scim2_models.Group):
    """People and groups that are granted something together (RFC 7643 §4.2)."""

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    """What the Group is called."""

    members: list[GroupMember] | None = None  # type: ignore[assignment]
    """Who is in the Group: Users, and other Groups."""


GROUP: Any = Group
"""A Group."""

TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""How requests are read: what Entra ID and Okta send is understood, unknown attributes are left out.

Sources that are strict are read in the same way; they are then told what is not known."""
