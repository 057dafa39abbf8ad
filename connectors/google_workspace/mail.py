"""Where mail goes and who reads it: Gmail's settings, which the bridge changes in the person's own name.

https://developers.google.com/workspace/gmail/api/guides/forwarding_settings
https://developers.google.com/workspace/gmail/api/guides/vacation_settings
https://developers.google.com/workspace/gmail/api/guides/delegate_settings
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.google_workspace import reply, scopes
from connectors.google_workspace.client import GoogleClient, Root
from connectors.google_workspace.config import GoogleWorkspaceConfig
from connectors.google_workspace.errors import RefusedError, is_precondition
from scimbridge.sdk import Entitlement, RejectedError
from scimbridge.sdk.http import Answer

_ACCEPTED = "accepted"
_ASKED = "asked:"
"""What the ids of delegates begin with who have not agreed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """What Gmail tells of somebody's mail; ``None`` where that is not known.

    Attributes:
        forwards_to: The address that mail is forwarded to; empty for none.
        auto_reply: The settings of automatic replies, as ``reply.kept`` writes them.
        delegates: Who else may read it, or has been asked to.
    """

    forwards_to: str | None = None
    auto_reply: str | None = None
    delegates: tuple[Entitlement, ...] | None = None


class Mail:
    """The Gmail settings of one account at a time."""

    def __init__(self, config: GoogleWorkspaceConfig, client: GoogleClient) -> None:
        self._is_on = config.mail_settings
        self._client = client

    def read(self, email: str) -> Mailbox:
        """Return all that is known of a mailbox; nothing where there is none."""
        if not self._is_on:
            return Mailbox()
        answer = self._send("GET", email, "autoForwarding", call="reading where mail goes", expect=(400,))
        if answer.status == 400:
            if not is_precondition(answer):
                raise RejectedError("reading where mail goes: Google refuses the request")
            return Mailbox()  # there is none
        forwarding = answer.json_object()
        vacation = self._send("GET", email, "vacation", call="reading automatic replies").json_object()
        listed = self._send("GET", email, "delegates", call="listing who may read mail").json_object()
        return Mailbox(
            forwards_to=str(forwarding.get("emailAddress", "")) if forwarding.get("enabled") else "",
            auto_reply=reply.kept(vacation),
            delegates=tuple(_delegate(each) for each in listed.get("delegates", ()) if _may_read(each)),
        )

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

    def answer(self, email: str, settings: Mapping[str, Any]) -> None:
        """Have mail answered as the settings say, which are all there is afterwards."""
        self._send("PUT", email, "vacation", call="setting an automatic reply", scope=scopes.MAIL, body=settings)

    def let_read(self, email: str, delegate: str) -> bool:
        """Let somebody read mail; returns False where Google does not let them: they are gone, or from elsewhere."""
        try:
            # 409: they may already.
            self._send(
                "POST", email, "delegates", call="adding a delegate", body={"delegateEmail": delegate}, expect=(409,)
            )
        except RefusedError:
            return False
        return True

    def keep_out(self, email: str, delegate: str) -> None:
        """Let somebody read mail no more."""
        path, call = _path(email, "delegates", delegate), "removing a delegate"
        self._client.remove(path, root=Root.GMAIL, call=call, scope=scopes.MAIL_SHARING, subject=email)

    def _send(self, method: str, email: str, setting: str, *, scope: str | None = None, **more: Any) -> Answer:
        scope = scope or (scopes.MAIL if method == "GET" else scopes.MAIL_SHARING)
        path = _path(email, setting)
        return self._client.send(method, path, root=Root.GMAIL, scope=scope, subject=email, **more)


def has_agreed(delegate: Entitlement) -> bool:
    """Whether a delegate could read mail already; another one has only been asked."""
    return not delegate.id.startswith(_ASKED)


def is_delegate(delegates: tuple[Entitlement, ...] | None, email: str) -> bool:
    """Whether somebody is among delegates, and may read."""
    return any(each.id == email.casefold() for each in delegates or ())


def _path(email: str, *setting: str) -> str:
    return "/".join(["/gmail/v1/users", quote(email, safe=""), "settings", *(quote(each, safe="") for each in setting)])


def _may_read(delegate: Mapping[str, Any]) -> bool:
    return delegate.get("verificationStatus") not in {"rejected", "expired"}


def _delegate(found: Mapping[str, Any]) -> Entitlement:
    email = str(found["delegateEmail"])
    prefix = _ASKED if found.get("verificationStatus") == "pending" else ""
    return Entitlement(f"{prefix}{email.casefold()}", email)
