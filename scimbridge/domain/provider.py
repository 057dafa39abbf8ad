"""The identity provider that signs operators in, and what it makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from scimbridge.domain.operator import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenID provider, and whom it may let in.

    Attributes:
        issuer: Its identifier, exactly; what it publishes about itself is below it.
        scopes: What is asked for; ``openid`` is among them.
        claim: Which claim says what somebody may do here.
        roles: The role for each value of that claim.
        named_by: The claim that names somebody in the history.
        max_age: How long ago somebody may have shown the provider who they are.
        ca_file: Certificates to trust at it instead of the public ones.
        label: What the page calls it.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    claim: str
    roles: Mapping[str, Role]
    named_by: str
    max_age: timedelta
    ca_file: Path | None = None
    label: str = "single sign-on"

    def role_of(self, values: Iterable[str]) -> Role | None:
        """Return the role that may do most among those that values stand for; ``None`` where they stand for none."""
        found = {self.roles[value] for value in values if value in self.roles}
        return next((role for role in reversed(Role) if role in found), None)
