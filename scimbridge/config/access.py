"""How sources show who they are: from the sections to the values, and what contradicts itself between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from scimbridge.config.document import BasicSection, JwtSection, SourceSection
from scimbridge.config.problems import spell
from scimbridge.domain.access import Login, SourceAccess, TrustedIssuer
from scimbridge.domain.source import SOURCE_NAME_RULE, is_source_name
from scimbridge.errors import Problem


def access_of(section: SourceSection) -> SourceAccess:
    """Return what a source's section says about its access."""
    return SourceAccess(
        login=None if section.basic is None else _login(section.basic),
        issuer=None if section.jwt is None else _issuer(section.jwt),
        allow_from=tuple(section.allow_from),
        rate=section.rate_limit,
    )


def check_access(sources: Mapping[str, SourceSection]) -> Iterator[Problem]:
    """Yield a problem for each credential that would be of two sources, and each name that no source can have."""
    for name in sources:
        if not is_source_name(name):
            yield Problem(
                spell(("sources", name)), f"no source can have this name; take another name: {SOURCE_NAME_RULE}"
            )
    for (one, first), (other, second) in combinations(sources.items(), 2):
        if first.basic is not None and second.basic is not None and first.basic.username == second.basic.username:
            yield Problem(f"sources.{other}.basic.username", f"is that of sources.{one} already; choose another one")
        if first.jwt is not None and second.jwt is not None and _are_alike(_issuer(first.jwt), _issuer(second.jwt)):
            yield Problem(
                f"sources.{other}.jwt",
                f"accepts the same tokens as sources.{one}.jwt; tell them apart by audience or claims",
            )


def _login(section: BasicSection) -> Login:
    return Login(section.username, section.password.get_secret_value())


def _issuer(section: JwtSection) -> TrustedIssuer:
    keys_at = section.jwks_file or section.jwks_url
    assert keys_at is not None  # noqa: S101 - the section was checked
    audience = section.audience
    return TrustedIssuer(
        issuer=section.issuer,
        audiences=(audience,) if isinstance(audience, str) else tuple(audience),
        keys_at=keys_at,
        algorithms=tuple(section.algorithms),
        scope=section.scope,
        claims=section.claims or {},
        ca_file=section.ca_file,
    )


def _are_alike(one: TrustedIssuer, other: TrustedIssuer) -> bool:
    """Whether a token could be of both: nothing that both ask for differs."""
    differs = any(one.claims[name] != other.claims[name] for name in one.claims.keys() & other.claims.keys())
    return one.issuer == other.issuer and bool(set(one.audiences) & set(other.audiences)) and not differs
