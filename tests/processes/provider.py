"""An identity provider: says what happened, and says it again until it is answered."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TIRELESS = 120.0


class IdentityProvider:
    """Speaks SCIM to a bridge, in Entra's dialect.

    Args:
        timeout: Seconds for an answer.
        patience: Seconds for which a request that got no 2xx is repeated; with 0 it raises at once.
    """

    def __init__(self, base_url: str, token: str, *, timeout: float = 30.0, patience: float = TIRELESS) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
            timeout=timeout,
            verify=False,
        )
        self._patience = patience
        self._turn = threading.Lock()
        self.repeated = 0

    def create(self, user_name: str, **attributes: Any) -> str:
        """Create a user and return its id."""
        document = {"schemas": [USER], "userName": user_name, "externalId": user_name, "active": True, **attributes}
        return str(self._say("POST", "/Users", document).json()["id"])

    def disable(self, user_id: str) -> None:
        """Somebody has left."""
        self._set_active(user_id, "False")

    def enable(self, user_id: str) -> None:
        """Somebody is back."""
        self._set_active(user_id, "True")

    def send(self, method: str, path: str, document: Any = None) -> httpx.Response:
        """Send one request, once."""
        return self._http.request(method, path, json=document)

    def disable_once(self, user_id: str) -> httpx.Response:
        """Say once that somebody has left, whatever comes back."""
        return self.send("PATCH", f"/Users/{user_id}", _active("False"))

    def is_active(self, user_id: str) -> bool:
        """What the bridge says of somebody."""
        return bool(self._say("GET", f"/Users/{user_id}").json()["active"])

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _set_active(self, user_id: str, active: str) -> None:
        self._say("PATCH", f"/Users/{user_id}", _active(active))

    def _say(self, method: str, path: str, document: Any = None) -> httpx.Response:
        until = time.monotonic() + self._patience
        while True:
            try:
                answer = self.send(method, path, document)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code < 500 or time.monotonic() > until:
                    return answer.raise_for_status()
            with self._turn:
                self.repeated += 1
            time.sleep(0.05)  # as between two tries of a polite client


def _active(value: str) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": value}]}
