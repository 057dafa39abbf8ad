"""What keeps somebody signed in: refresh tokens, applications that may act for them, devices, other ways to sign in.

https://learn.microsoft.com/entra/identity/users/users-revoke-access
"""

from __future__ import annotations

from connectors.microsoft365.batches import Document, Request, error_of, refusal_of
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import is_absent
from scimbridge.sdk import RejectedError

_METHODS = {
    "phoneAuthenticationMethod": "phoneMethods",
    "emailAuthenticationMethod": "emailMethods",
    "fido2AuthenticationMethod": "fido2Methods",
    "microsoftAuthenticatorAuthenticationMethod": "microsoftAuthenticatorMethods",
    "softwareOathAuthenticationMethod": "softwareOathMethods",
    "temporaryAccessPassAuthenticationMethod": "temporaryAccessPassMethods",
    "windowsHelloForBusinessAuthenticationMethod": "windowsHelloForBusinessMethods",
    "platformCredentialAuthenticationMethod": "platformCredentialMethods",
    "externalAuthenticationMethod": "externalAuthenticationMethods",
}
"""Where each kind of method is deleted."""

_PASSWORD = "passwordAuthenticationMethod"  # noqa: S105  # a kind of method
"""It has no such place, and is replaced instead."""

_LAST = "phoneMethods"
"""The default method goes after all others, and is mostly a phone."""


class Sessions:
    """Ends what is alive, of one account at a time."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._client = client
        self._disables_devices = config.devices == "disable"

    def revoke(self, user_id: str) -> dict[str, int]:
        """End everything; returns how many of each kind there were. Access tokens live on for an hour at most."""
        self._client.send("POST", path_of("users", user_id, "revokeSignInSessions"), call="revoking sessions")
        grants = self._listed(user_id, "oauth2PermissionGrants", "listing grants")
        devices = self._listed(user_id, "registeredDevices", "listing devices") if self._disables_devices else []
        alive = [each for each in devices if each.get("accountEnabled") is not False]
        requests = [
            Request(method="DELETE", path=path_of("oauth2PermissionGrants", str(each["id"]))) for each in grants
        ]
        requests += [
            # By its object id: deviceId is another thing.
            Request(method="PATCH", path=path_of("devices", str(each["id"])), body={"accountEnabled": False})
            for each in alive
        ]
        self._all(requests, "ending what is alive")
        return {"grants": len(grants), "devices": len(alive)}

    def drop_methods(self, user_id: str) -> tuple[int, list[str]]:
        """Take away all ways to sign in but the password.

        Returns:
            How many there were, and what is left: kinds that v1.0 of Graph has no way to take, and the default method,
            which stays as long as they do.

        Raises:
            RejectedError: Graph refuses some without such a reason.
        """
        listed = self._listed(user_id, "authentication", "listing methods", "methods")
        kinds = [(str(each.get("@odata.type", "")).rpartition(".")[2], str(each["id"])) for each in listed]
        found = [(_METHODS[kind], key) for kind, key in kinds if kind in _METHODS]
        left = sorted({kind for kind, _ in kinds if kind not in _METHODS and kind != _PASSWORD})
        for last in (False, True):
            requests = [
                Request(method="DELETE", path=path_of("users", user_id, "authentication", kind, key))
                for kind, key in found
                if (kind == _LAST) is last
            ]
            try:
                self._all(requests, "dropping a method to sign in")
            except RejectedError:
                if not (last and left):
                    raise
                left.append("the default method")
        return len(found), left

    def _listed(self, user_id: str, kind: str, call: str, *more: str) -> list[Document]:
        return list(self._client.items(path_of("users", user_id, kind, *more), call=call))

    def _all(self, requests: list[Request], call: str) -> None:
        """Carry out requests of which what is gone already counts as done.

        Raises:
            RejectedError: Graph refuses some.
        """
        answers = self._client.batch(requests, call=call)
        refused = [each for each in answers if each.status // 100 != 2 and not is_absent(each)]
        if refused:
            told = f"Graph refused {len(refused)} of {len(requests)}: {refusal_of(refused[0])}"
            raise error_of(refused[0])(f"{call}: {told}")
