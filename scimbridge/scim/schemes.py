"""What ServiceProviderConfig says about authentication (RFC 7643 §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scimbridge.domain.access import DEFAULT_ACCESS, SourceAccess

Schemes = Callable[[str], list[dict[str, Any]]]
"""Returns how a source can show who it is, the first one preferred."""

_BEARER = {
    "type": "oauthbearertoken",
    "name": "Bearer token",
    "description": "The token of a source, as `scimbridge token create` prints it",
    "specUri": "https://www.rfc-editor.org/info/rfc6750",
}
_JWT = {
    "type": "oauthbearertoken",
    "name": "JWT access token",
    "description": "An access token of the issuer that this source trusts",
    "specUri": "https://www.rfc-editor.org/info/rfc9068",
}
_OAUTH = {
    "type": "oauth2",
    "name": "OAuth 2.0 client credentials",
    "description": "An access token from this server's token endpoint; see /.well-known/oauth-authorization-server",
    "specUri": "https://www.rfc-editor.org/info/rfc6749",
}
_BASIC = {
    "type": "httpbasic",
    "name": "HTTP Basic",
    "description": "The name and password of this source's configuration",
    "specUri": "https://www.rfc-editor.org/info/rfc7617",
}


def schemes_of(access: Mapping[str, SourceAccess]) -> Schemes:
    """Return what tells the schemes of each source, by what the configuration says about it."""
    return lambda source: list(_listed(access.get(source, DEFAULT_ACCESS)))


def _listed(access: SourceAccess) -> Iterator[dict[str, Any]]:
    yield {**_BEARER, "primary": True}
    yield _OAUTH
    if access.issuer is not None:
        yield _JWT
    if access.login is not None:
        yield _BASIC


UNCONFIGURED: Schemes = schemes_of({})
"""What a source has of which the configuration says nothing."""
