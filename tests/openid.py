"""An OpenID provider on a local port that does what a test asks of it, right or wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.issuer import Issuer
from tests.loopback import Loopback, Quiet

CLIENT, SECRET = "scimbridge", "a secret: with signs & ümlauts"


class OpenIdProvider:
    """Signs in whom ``claims`` describes.

    Attributes:
        url: Its issuer.
        claims: Those of the ID token beside the usual ones; ``None`` leaves one out.
        userinfo: What the userinfo endpoint answers.
        described: Changes of what it says about itself.
        token_answer: What the token endpoint answers instead.
        asked: The paths that were asked, in order.
        header: Changes of the ID token's header.
    """

    def __init__(self, signer: Issuer, now: datetime) -> None:
        self._signer = signer
        self.now = now
        self.claims: dict[str, Any] = {"sub": "s-1", "email": "ada@example.com", "groups": ["it"]}
        self.userinfo: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.token_answer: dict[str, Any] | None = None
        self.header: dict[str, Any] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(Quiet):
            def get(self) -> None:
                provider.asked.append(self.path)
                found = provider.get(urlsplit(self.path).path, self.headers.get("Authorization", ""))
                self.answer(404 if found is None else 200, json.dumps(found).encode())

            def post(self, body: bytes) -> None:
                provider.asked.append(self.path)
                form = {name: value for name, (value,) in parse_qs(body.decode()).items()}
                found = provider.tokens(form, self.headers.get("Authorization", ""))
                self.answer(400 if "error" in found else 200, json.dumps(found).encode())

        self._loopback = Loopback(Handler)
        self.url = self._loopback.origin

    def get(self, path: str, authorization: str) -> object:
        match path:
            case "/.well-known/openid-configuration":
                endpoints = {
                    f"{name}_endpoint": f"{self.url}/{name}/" for name in ("authorization", "token", "userinfo")
                }
                return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **endpoints, **self.described}
            case "/keys":
                return json.loads(self._signer.published())
            case "/userinfo/" if authorization == "Bearer an access token":
                return {"sub": self.claims["sub"], **self.userinfo}
            case _:
                return None

    def authorize(self, address: str) -> str:
        """Sign somebody in who was sent to this address. Returns the query with which the browser goes back."""
        assert address.startswith(f"{self.url}/authorization/?")
        asked = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"code={code}&state={asked['state']}"

    def tokens(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        if self.token_answer is not None:
            return self.token_answer
        # RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
        if authorization:
            client, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            found = (client, parse_qs(f"s={secret}")["s"][0])
        else:
            found = (form.get("client_id", ""), form.get("client_secret", ""))
        if found != (CLIENT, SECRET):
            return {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return {"error": "invalid_grant"}
        usual = {"iss": self.url, "aud": CLIENT, "nonce": asked["nonce"], "auth_time": int(self.now.timestamp())}
        token = self._signer.sign(self.now, header=self.header, **{**usual, **self.claims})
        return {"token_type": "Bearer", "access_token": "an access token", "id_token": token}

    def close(self) -> None:
        """Answer nobody any more."""
        self._loopback.close()


def providing(signer: Issuer, now: datetime) -> closing[OpenIdProvider]:
    """Run a provider."""
    return closing(OpenIdProvider(signer, now))
