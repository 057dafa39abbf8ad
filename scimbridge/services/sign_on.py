"""Signing operators in by an OpenID provider: authorization code, PKCE, nonce and state (OpenID Connect Core 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from scimbridge.domain.operator import PROVIDER_MARK
from scimbridge.domain.provider import Provider
from scimbridge.errors import BridgeError, ProviderUnavailableError, SignInRefusedError
from scimbridge.sdk.errors import ConnectorError
from scimbridge.services import signatures
from scimbridge.services.asking import ask
from scimbridge.services.key_sets import KeySet
from scimbridge.services.signing_in import Introduced

DESCRIBED_FOR = 600.0
"""Seconds for which what a provider says about itself is believed without asking again."""

_LONGEST_NAME = 100 - len(PROVIDER_MARK)
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in on its way; the browser keeps it until it comes back.

    Attributes:
        state: Comes back in the address, so that nobody can be signed in by somebody else's answer.
        nonce: Comes back in the ID token, so that no old one will do.
        verifier: Shows the provider that who fetches the tokens is who began (PKCE, RFC 7636).
    """

    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def now(cls) -> Begun:
        """Return a new one."""
        return cls(state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        """What the provider is shown of the verifier before."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class SignOn:
    """Talks to a provider. Safe to use from several threads.

    Args:
        provider: Which, and whom it may let in.
        redirect_uri: Where it sends browsers back to.
        monotonic: Seconds.
    """

    def __init__(self, provider: Provider, redirect_uri: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._redirect_uri = redirect_uri
        self._monotonic = monotonic
        self._keys = KeySet(self._fetch_keys)
        self._turn = threading.Lock()
        self._described: Mapping[str, Any] = {}
        self._described_at = float("-inf")

    def address(self, begun: Begun) -> str:
        """Return where a browser goes to sign in.

        Raises:
            ProviderUnavailableError: The provider does not say where that is.
        """
        endpoint = self._endpoint("authorization_endpoint")
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._provider.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
            "max_age": str(int(self._provider.max_age.total_seconds())),
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def farewell(self, back: str) -> str | None:
        """Return where a browser goes to be signed out there, too; ``None`` where the provider has no such place.

        OpenID Connect RP-Initiated Logout 1.0 §2. No ID token is kept to show: the provider may ask if it is meant.

        Args:
            back: Where it may send the browser afterwards.

        Raises:
            ProviderUnavailableError: The provider does not answer.
        """
        if "end_session_endpoint" not in self._description():
            return None
        endpoint = self._endpoint("end_session_endpoint")
        query = urlencode({"client_id": self._provider.client_id, "post_logout_redirect_uri": back})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def finish(self, code: str, begun: Begun, now: datetime) -> Introduced:
        """Return whom the provider has signed in.

        Args:
            code: What the browser has brought back.
            begun: What it was sent with.
            now: When (UTC).

        Raises:
            SignInRefusedError: It is nobody who may come in; the message says why.
            ProviderUnavailableError: The provider does not answer as it should.
        """
        tokens = self._tokens(code, begun)
        claims = self._verified(tokens.get("id_token"), begun, now)
        known = self._completed(claims, tokens.get("access_token"))
        role = self._provider.role_of(_texts(_at(known, self._provider.claim)))
        if role is None:
            raise SignInRefusedError(
                f"The identity provider has signed you in, and says nothing in {self._provider.claim!r} by which you "
                "may use this bridge. Ask its administrators for a group that has a role here."
            )
        return Introduced(
            issuer=self._provider.issuer,
            subject=str(claims["sub"]),
            name=self._name(known),
            role=role,
            until=self._until(claims, now),
        )

    def _tokens(self, code: str, begun: Begun) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": begun.verifier,
        }
        headers = dict(_FORM)
        methods = self._description().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            headers["Authorization"] = self._basic()
        else:
            form |= {"client_id": self._provider.client_id, "client_secret": self._provider.client_secret}
        endpoint, body = self._endpoint("token_endpoint"), urlencode(form).encode()
        found = self._ask("POST", endpoint, "fetching tokens", headers, body=body, expect=(400, 401))
        if "error" in found:
            if found["error"] == "invalid_grant":
                raise SignInRefusedError("The identity provider takes this sign-in for an old one. Try again.")
            raise ProviderUnavailableError(
                f"it refuses to give tokens ({_word(found['error'])}); are client_id and client_secret right?"
            )
        return found

    def _verified(self, token: object, begun: Begun, now: datetime) -> Mapping[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core 1.0 §3.1.3.7)."""
        peeked = signatures.unverified(token) if isinstance(token, str) else None
        if peeked is None or not isinstance(token, str):
            raise ProviderUnavailableError("it sends no ID token")
        try:
            key = self._keys.find(peeked[0].get("kid"))
        except BridgeError as error:
            raise ProviderUnavailableError(f"its keys cannot be read: {error}") from error
        if key is None:
            raise ProviderUnavailableError("its ID token is signed by a key that it does not publish")
        try:
            claims = signatures.verified(
                token,
                key,
                algorithms=signatures.ALGORITHMS,
                issuer=self._provider.issuer,
                audiences=[self._provider.client_id],
                now=now,
            )
        except signatures.SignatureExpiredError as error:
            raise SignInRefusedError(
                "The identity provider's answer is too old. Try again; if that does not help, a clock is wrong."
            ) from error
        except signatures.SignatureError as error:
            raise ProviderUnavailableError(
                "its ID token is not for this bridge, or not signed as it should be"
            ) from error
        nonce = str(claims.get("nonce", ""))
        is_ours = claims.get("azp", self._provider.client_id) == self._provider.client_id
        if not hmac.compare_digest(nonce.encode(), begun.nonce.encode()) or not is_ours:
            raise SignInRefusedError("The identity provider's answer belongs to another sign-in. Try again.")
        if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
            raise ProviderUnavailableError("its ID token names nobody")
        return claims

    def _completed(self, claims: Mapping[str, Any], access_token: object) -> Mapping[str, Any]:
        """Return the claims with those that the provider tells at its userinfo endpoint only."""
        wanted = (self._provider.claim, self._provider.named_by)
        is_complete = all(_at(claims, name) is not None for name in wanted)
        if is_complete or "userinfo_endpoint" not in self._description() or not isinstance(access_token, str):
            return claims
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        more = self._ask("GET", self._endpoint("userinfo_endpoint"), "reading userinfo", headers)
        if more.get("sub") != claims["sub"]:
            raise ProviderUnavailableError("its userinfo is about somebody else")
        return {**more, **claims}

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._provider.named_by)
        if not isinstance(name, str) or not _is_usable(name.strip()):
            raise SignInRefusedError(
                f"The identity provider says no usable name of yours in {self._provider.named_by!r}: it takes "
                f"1 to {_LONGEST_NAME} letters, and no slash."
            )
        if self._provider.named_by == "email" and claims.get("email_verified") is False:
            raise SignInRefusedError("The identity provider says that your e-mail address was never verified.")
        return name.strip()

    def _until(self, claims: Mapping[str, Any], now: datetime) -> datetime:
        """Return when somebody has to show the provider again who they are."""
        shown_at = claims.get("auth_time", claims.get("iat"))
        if not isinstance(shown_at, int | float) or not 0 <= shown_at <= now.timestamp() + 3600:
            raise ProviderUnavailableError("its ID token does not say when you have shown who you are")
        until = datetime.fromtimestamp(shown_at, UTC) + self._provider.max_age
        if until <= now:
            raise SignInRefusedError(
                "The identity provider has not asked you for too long who you are. Sign out there, and try again."
            )
        return until

    def _description(self) -> Mapping[str, Any]:
        """Return what the provider says about itself (OpenID Connect Discovery 1.0 §4)."""
        with self._turn:
            if self._monotonic() - self._described_at > DESCRIBED_FOR:
                found = self._discovered()
                self._described, self._described_at = found, self._monotonic()
            return self._described

    def _discovered(self) -> Mapping[str, Any]:
        url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._ask("GET", url, "reading how it signs people in", {"Accept": "application/json"})
        if found.get("issuer") != self._provider.issuer:
            raise ProviderUnavailableError(
                f"it calls itself {str(found.get('issuer'))[:200]!r}, and [operators.oidc] calls it "
                f"{self._provider.issuer!r}; write the issuer exactly as it does"
            )
        return found

    def _endpoint(self, name: str) -> str:
        url = self._description().get(name)
        scheme = urlsplit(self._provider.issuer).scheme
        # Whoever is at an https issuer is not led away from it to where everybody can listen.
        if not isinstance(url, str) or urlsplit(url).scheme not in {"https", scheme}:
            raise ProviderUnavailableError(f"it names no usable {name}")
        return url

    def _fetch_keys(self) -> bytes:
        return ask(
            "GET", self._endpoint("jwks_uri"), call="reading the keys of the provider", ca_file=self._provider.ca_file
        ).body

    def _ask(
        self,
        method: str,
        url: str,
        call: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        expect: tuple[int, ...] = (),
    ) -> Mapping[str, Any]:
        ca_file = self._provider.ca_file
        try:
            return ask(method, url, call=call, ca_file=ca_file, body=body, headers=headers, expect=expect).json_object()
        except ConnectorError as error:
            # Most of what is asked by HTTP is a target.
            raise ProviderUnavailableError(str(error).replace("the target", "it")) from error

    def _basic(self) -> str:
        """Return the client's credentials as RFC 6749 §2.3.1 has them: each part is encoded as in a form first."""
        pair = f"{quote(self._provider.client_id, safe='')}:{quote(self._provider.client_secret, safe='')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim, or what is in it where the name is a path, like ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_usable(name: str) -> bool:
    """Whether somebody can be called so: what names an operator is part of addresses, where a slash divides."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and "/" not in name


def _texts(value: Any) -> list[str]:
    found = [value] if isinstance(value, str) else value
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _word(error: object) -> str:
    """Return an error code as RFC 6749 has them, and nothing else that somebody may have put there."""
    text = str(error)
    return (
        text if text.replace("_", "").isascii() and text.replace("_", "").isalnum() and len(text) < 60 else "an error"
    )
