"""SCIM filters over an identity: the one language for rules and exclusions."""

from __future__ import annotations

from scim2_models import SCIMException, ScimFilter

from scimbridge.domain.identity import Identity
from scimbridge.domain.model import TOLERANT, USER


class IdentityFilter:
    """A filter of RFC 7644 §3.4.2.2 over the User schema, plus ``groups.display``.

    Raises:
        ValueError: The text is no filter, or names an attribute that a User does not have.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._filter = ScimFilter[USER](text)
            # Bound filters evaluate an unknown attribute to false. In a rule that would be a
            # silent "matches nobody", so it is looked up by hand and refused.
            self._filter._validate_semantics(strict=True)
        except (SCIMException, ValueError) as error:
            raise ValueError(f"{text!r} is not a filter: {getattr(error, 'detail', None) or error}") from error

    def matches(self, identity: Identity) -> bool:
        """Whether the identity, as its source last described it, satisfies the filter."""
        document = {
            **identity.document,
            "userName": identity.user_name,
            "active": identity.active,
            "groups": [{"value": name, "display": name} for name in identity.groups],
        }
        user = USER.model_validate(document, scim_policy=TOLERANT)
        return bool(self._filter.match(user))

    def __repr__(self) -> str:
        return f"IdentityFilter({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentityFilter) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)
