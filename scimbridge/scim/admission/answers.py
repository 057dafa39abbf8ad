"""What those are told who are not let in."""

from __future__ import annotations

from scimbridge.domain.access import Refusal
from scimbridge.scim.errors import Verdict

_BEARER = 'Bearer realm="scim"'
_BASIC = 'Basic realm="scim", charset="UTF-8"'

NOT_FROM_HERE = Verdict(403, "this source may not be used from this address")


class Challenges:
    """The answers 401 and 403, with what to present instead (RFC 9110 §11.6.1, RFC 6750 §3).

    Args:
        basic: Whether HTTP Basic is configured anywhere.
    """

    def __init__(self, *, basic: bool) -> None:
        self._more = f", {_BASIC}" if basic else ""
        self._missing = self._of(401, "a bearer token is needed", _BEARER)
        # The same for all: nobody learns whether a token was ever good, or whose it is.
        self._wrong = self._of(401, "a valid bearer token is needed", f'{_BEARER}, error="invalid_token"')
        self._no_right = Verdict(
            403,
            "the token is valid, but does not have the right to use this service",
            headers={"WWW-Authenticate": f'{_BEARER}, error="insufficient_scope"'},
        )

    def to(self, refusal: Refusal) -> Verdict:
        """Return the answer to a refusal."""
        match refusal:
            case Refusal.MISSING:
                return self._missing
            case Refusal.NO_RIGHT:
                return self._no_right
            case _:
                return self._wrong

    def _of(self, status: int, detail: str, challenge: str) -> Verdict:
        return Verdict(status, detail, headers={"WWW-Authenticate": challenge + self._more})


def come_back(seconds: int, detail: str) -> Verdict:
    """Return the answer 429; Retry-After is whole seconds, because Okta takes a date for five minutes."""
    return Verdict(429, detail, headers={"Retry-After": str(seconds)})
