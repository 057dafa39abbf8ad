"""Where mail goes: a rule of the mailbox, the only way that Graph has; and what senders are told.

https://learn.microsoft.com/graph/api/mailfolder-post-messagerules
https://learn.microsoft.com/graph/api/user-update-mailboxsettings
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.microsoft365.batches import Document, Request, demand
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import has_no_mailbox
from scimbridge.sdk import AccountRef, AccountState
from scimbridge.sdk.http import Answer

RULE = "Redirected by scimbridge"
REPLY = "automaticReplies"
"""Where the state of an account keeps its automatic reply, as Graph writes it."""

_SETTING = "automaticRepliesSetting"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What matters of a mailbox.

    Attributes:
        goes_to: The address that the bridge's rule redirects to, "" for none.
        reply: The automatic reply, as JSON; "" where the bridge does not look.
    """

    goes_to: str
    reply: str = ""


class Mail:
    """The redirection and the reply of one account at a time: the bridge's own rule, and no other."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._is_on = config.mail_settings
        self._text = config.auto_reply
        self._client = client

    def requests(self, user_id: str) -> list[Request]:
        """Return what tells about the mail of a user."""
        if not self._is_on:
            return []
        settings = [Request.get(_settings(user_id), select=_SETTING)] if self._text else []
        return [Request.get(_rules(user_id)), *settings]

    def told(self, answers: list[Answer]) -> Mailbox | None:
        """Return what the answers to ``requests`` tell; ``None`` where there is no mailbox, or nobody looks."""
        if not answers or any(has_no_mailbox(each) for each in answers):
            return None
        rules, *settings = map(demand, answers)
        goes_to = next((_recipient(each) for each in _own(rules)), "")
        return Mailbox(goes_to, *(json.dumps(each.get(_SETTING) or {}, sort_keys=True) for each in settings))

    def is_redirected(self, account: AccountState) -> bool:
        """Whether mail goes to the successor, and senders are told so where that is configured."""
        if account.successor is None or account.mail_to != account.successor.name:
            return False
        return not self._text or _says(_reply_of(account), self._reply_for(account.successor))

    def redirect(self, account: AccountState, successor: AccountRef) -> bool:
        """Redirect all mail, in the place of an earlier redirection, and tell senders; False without a mailbox."""
        before = self._looked_at(account.id)
        if before is None:
            return False
        if account.mail_to != successor.name:
            self._redirect(account.id, successor.name, before)
        if self._text and not _says(_reply_of(account), self._reply_for(successor)):
            # Exchange takes texts for HTML.
            text = html.escape(self._reply_for(successor)).replace("\n", "<br>\n")
            setting = {"status": "alwaysEnabled", "externalAudience": "all"}
            setting |= {"internalReplyMessage": text, "externalReplyMessage": text}
            self._write_reply(account.id, setting)
        return True

    def restore(self, account: AccountState, original: AccountState) -> bool:
        """Bring back the redirection and the reply of before, or none; False without a mailbox."""
        before = self._looked_at(account.id)
        if before is None:
            return False
        if not account.stays("mail_to"):
            if original.mail_to:
                self._redirect(account.id, original.mail_to, before)
            else:
                self._drop(account.id, before)
        if not self.is_reply_restored(account):
            self._write_reply(account.id, _reply_of(original))
        return True

    def is_reply_restored(self, account: AccountState) -> bool:
        """Whether the reply is as it was, was never touched, or was changed by somebody else since."""
        now = _reply_of(account)
        if account.original is None or not _reply_of(account.original) or now == _reply_of(account.original):
            return True
        return account.left is not None and now != _reply_of(account.left)

    def _reply_for(self, successor: AccountRef) -> str:
        return self._text.replace("{successor}", successor.name)

    def _redirect(self, user_id: str, to: str, before: list[Document]) -> None:
        body = {
            "displayName": RULE,
            "sequence": 1,
            "isEnabled": True,
            "actions": {"redirectTo": [{"emailAddress": {"address": to}}], "stopProcessingRules": True},
        }
        self._client.send("POST", _rules(user_id), call="redirecting mail", body=body)
        self._drop(user_id, before)

    def _drop(self, user_id: str, rules: list[Document]) -> None:
        for rule in rules:
            path = _rules(user_id, str(rule["id"]))
            self._client.send("DELETE", path, call="ending a redirection", expect=(404,))

    def _looked_at(self, user_id: str) -> list[Document] | None:
        """Return the bridge's own rules as they are now; ``None`` where there is no mailbox."""
        (answer,) = self._client.batch([Request.get(_rules(user_id))], call="reading the rules of a mailbox")
        return None if has_no_mailbox(answer) else list(_own(demand(answer)))

    def _write_reply(self, user_id: str, setting: Document) -> None:
        body = {_SETTING: setting}
        self._client.send("PATCH", _settings(user_id), call="writing an automatic reply", body=body)


def _settings(user_id: str) -> str:
    return path_of("users", user_id, "mailboxSettings")


def _rules(user_id: str, *rule: str) -> str:
    return path_of("users", user_id, "mailFolders", "inbox", "messageRules", *rule)


def _own(rules: Document) -> Iterator[Document]:
    yield from (each for each in rules.get("value", ()) if each.get("displayName") == RULE)


def _recipient(rule: Document) -> str:
    recipients = (rule.get("actions") or {}).get("redirectTo") or [{}]
    return str((recipients[0].get("emailAddress") or {}).get("address", ""))


def _reply_of(account: AccountState) -> Document:
    (text,) = account.attributes.get(REPLY) or ("{}",)
    found: Document = json.loads(text)
    return found


def _says(setting: Document, text: str) -> bool:
    """Whether everybody is told exactly this text; Exchange gives back pages of HTML."""
    messages = [setting.get("internalReplyMessage"), setting.get("externalReplyMessage")]
    is_for_all = setting.get("status") == "alwaysEnabled" and setting.get("externalAudience") == "all"
    return is_for_all and all(_plain(each) == " ".join(text.split()) for each in messages)


def _plain(message: object) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", str(message or ""))).split())
