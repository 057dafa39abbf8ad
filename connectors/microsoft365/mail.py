"""Where mail goes: a rule of the mailbox, the only way that Graph has.

https://learn.microsoft.com/graph/api/mailfolder-post-messagerules
"""

from __future__ import annotations

from connectors.microsoft365.client import Document, GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import NO_MAILBOX, code_of, is_absent
from scimbridge.sdk import RejectedError

RULE = "Redirected by scimbridge"


class Mail:
    """The redirection of one account at a time: the bridge's own rule, and no other."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._is_on = config.mail_settings
        self._client = client

    def goes_to(self, user_id: str) -> str | None:
        """Return the address that the bridge's rule redirects to, "" for none; ``None`` where that is not known."""
        if not self._is_on:
            return None
        rules = self._rules(user_id)
        if rules is None:
            return None
        return next((_recipient(rule) for rule in rules if rule.get("displayName") == RULE), "")

    def redirect(self, user_id: str, to: str) -> bool:
        """Redirect all mail to an address, in the place of an earlier redirection; False where there is no mailbox."""
        rules = self._rules(user_id)
        if rules is None:
            return False
        body = {
            "displayName": RULE,
            "sequence": 1,
            "isEnabled": True,
            "actions": {"redirectTo": [{"emailAddress": {"address": to}}], "stopProcessingRules": True},
        }
        self._client.send("POST", _path(user_id), call="redirecting mail", body=body)
        self._drop(user_id, rules)
        return True

    def stop(self, user_id: str) -> None:
        """Take the bridge's rule away."""
        self._drop(user_id, self._rules(user_id) or [])

    def _drop(self, user_id: str, rules: list[Document]) -> None:
        for rule in rules:
            if rule.get("displayName") == RULE:
                path = _path(user_id, str(rule["id"]))
                self._client.send("DELETE", path, call="ending a redirection", expect=(404,))

    def _rules(self, user_id: str) -> list[Document] | None:
        answer = self._client.send("GET", _path(user_id), call="reading the rules of a mailbox", expect=(404,))
        if answer.status != 404:
            return list(answer.json_object().get("value", ()))
        if code_of(answer) not in NO_MAILBOX and not is_absent(answer):
            raise RejectedError("reading the rules of a mailbox: the answer 404 does not come from Microsoft Graph")
        return None


def _path(user_id: str, *rule: str) -> str:
    return path_of("users", user_id, "mailFolders", "inbox", "messageRules", *rule)


def _recipient(rule: Document) -> str:
    recipients = (rule.get("actions") or {}).get("redirectTo") or [{}]
    return str((recipients[0].get("emailAddress") or {}).get("address", ""))
