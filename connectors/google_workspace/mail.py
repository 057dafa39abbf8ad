"""Where mail goes: Gmail's own forwarding, which the bridge sets in the person's own name.

https://developers.google.com/workspace/gmail/api/guides/forwarding_settings
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from connectors.google_workspace import scopes
from connectors.google_workspace.client import GoogleClient, Root
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.errors import is_precondition
from scimbridge.sdk import RejectedError

_ACCEPTED = "accepted"


class Mail:
    """The forwarding of one account at a time."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._is_on = config.mail_settings
        self._client = client

    def goes_to(self, email: str) -> str | None:
        """Return the address that mail is forwarded to, "" for none; ``None`` where that is not known."""
        if not self._is_on:
            return None
        answer = self._send("GET", email, "autoForwarding", call="reading where mail goes", expect=(400,))
        if answer.status == 400:
            if not is_precondition(answer):
                raise RejectedError("reading where mail goes: Google refuses the request")
            return None  # no mailbox
        forwarding = answer.json_object()
        return str(forwarding.get("emailAddress", "")) if forwarding.get("enabled") else ""

    def forward(self, email: str, to: str) -> bool:
        """Forward mail to an address; returns False where that address has to agree first.

        What comes stays in the mailbox, too.
        """
        created = self._send(
            "POST", email, "forwardingAddresses", call="adding an address", body={"forwardingEmail": to}, expect=(409,)
        )
        if created.status != 409 and created.json_object().get("verificationStatus") != _ACCEPTED:
            return False
        body = {"enabled": True, "emailAddress": to, "disposition": "leaveInInbox"}
        self._send("PUT", email, "autoForwarding", call="redirecting mail", body=body)
        return True

    def stop(self, email: str) -> None:
        """Forward mail nowhere."""
        self._send("PUT", email, "autoForwarding", call="ending a redirection", body={"enabled": False})

    def _send(self, method: str, email: str, setting: str, **more: Any) -> Any:
        scope = scopes.MAIL if method == "GET" else scopes.MAIL_SHARING
        path = f"/gmail/v1/users/{quote(email, safe='')}/settings/{setting}"
        return self._client.send(method, path, root=Root.GMAIL, scope=scope, subject=email, **more)
