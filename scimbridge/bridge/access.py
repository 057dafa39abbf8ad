"""Who is let in: sources, operators and their programs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from scimbridge.bridge.parts import Parts
from scimbridge.services.clients import Clients
from scimbridge.services.identifying import Identifying
from scimbridge.services.operator_tokens import OperatorTokens
from scimbridge.services.operators import Operators
from scimbridge.services.recent import RecentGrants
from scimbridge.services.repeating import Repeating
from scimbridge.services.sessions import Sessions
from scimbridge.services.sources import Sources
from scimbridge.services.tokens import Tokens

if TYPE_CHECKING:
    from scimbridge.services.granting import Granting
    from scimbridge.services.issuers import Issuers
    from scimbridge.services.own_access import OwnAccess
    from scimbridge.services.passwords import Passwords
    from scimbridge.services.sign_on import SignOn
    from scimbridge.services.signing_in import SigningIn


class Access(Parts):
    """Who is let in: sources, operators and their programs."""

    @cached_property
    def sources(self) -> Sources:
        """What operators see of the sources."""
        return Sources(self.database, list(self.settings.sources))

    @cached_property
    def tokens(self) -> Tokens:
        """How sources show who they are."""
        return Tokens(self.database, self.recent_grants)

    @cached_property
    def clients(self) -> Clients:
        """The OAuth clients of sources."""
        return Clients(self.database, self.recent_grants)

    @cached_property
    def recent_grants(self) -> RecentGrants:
        """The credentials that this process has just seen."""
        return RecentGrants()

    # Signatures are a library of their own: who serves no requests need not load it.

    @cached_property
    def granting(self) -> Granting:
        """The token endpoint's work."""
        from scimbridge.services.granting import Granting

        issuer = self.settings.server.public_url
        return Granting(self.database, (f"{issuer}/oauth/token", issuer))

    @cached_property
    def issuers(self) -> Issuers:
        """The issuers that sources' JWTs come from."""
        from scimbridge.services.issuers import Issuers

        access = self.settings.access
        return Issuers({source: each.issuer for source, each in access.items() if each.issuer is not None})

    @cached_property
    def identifying(self) -> Identifying:
        """Which source a request is of."""
        return Identifying(self.tokens, self.granting, self.issuers, self.settings.access, self.clock)

    @cached_property
    def operators(self) -> Operators:
        """Who may use the API."""
        return Operators(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in to the pages."""
        return Sessions(self.database, self.settings.operators.terms)

    # Hashing passwords is a library of its own, too, and the first hash takes a moment.

    @cached_property
    def passwords(self) -> Passwords:
        """Hashes passwords."""
        from scimbridge.services.passwords import Passwords

        return Passwords()

    @cached_property
    def signing_in(self) -> SigningIn:
        """Lets operators in to the pages."""
        from scimbridge.services.signing_in import SigningIn

        return SigningIn(self.database, self.sessions, self.passwords)

    @cached_property
    def sign_on(self) -> SignOn | None:
        """Signs operators in by an identity provider, where there is one."""
        from scimbridge.services.sign_on import SignOn

        provider = self.settings.operators.provider
        callback = f"{self.settings.server.public_url}/sign-in/oidc/callback"
        return None if provider is None else SignOn(provider, callback)

    @cached_property
    def own_access(self) -> OwnAccess:
        """What operators change about their own signing in."""
        from scimbridge.services.own_access import OwnAccess

        return OwnAccess(self.database, self.passwords)

    @cached_property
    def operator_tokens(self) -> OperatorTokens:
        """What operators' programs show."""
        return OperatorTokens(self.database)

    @cached_property
    def repeating(self) -> Repeating:
        """What the API has answered."""
        return Repeating(self.database)
