"""Where mail goes: a rule of the mailbox, the only way that Graph has; and what senders are told.

https://learn.microsoft.com/graph/api/mailfolder-post-messagerules
https://learn.microsoft.com/graph/api/user-update-mailboxsettings
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.microsoft365.batches import Document, Request, demand
from connectors.microsoft365.client import GraphClient, path_of
from connectors.microsoft365.config import Microsoft365Config
from connectors.microsoft365.errors import has_no_mailbox
from connectors.microsoft365.reply import Reply, is_same, kept, setting_in
from scimbridge.sdk import AccountRef, AccountState, Action
from scimbridge.sdk.http import Answer
from scimbridge.sdk.reply import NAME, SUCCESSOR, SUCCESSOR_NAME

RULE = "Redirected by scimbridge"
_SETTING = "automaticRepliesSetting"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What matters of a mailbox.

    Attributes:
        goes_to: The address that the bridge's rule redirects to, "" for none.
        auto_reply: The automatic reply, as ``reply.kept`` writes it; ``None`` where the bridge does not look.
    """

    goes_to: str
    auto_reply: str | None = None


class Mail:
    """The redirection and the reply of one account at a time: the bridge's own rule, and no other."""

    def __init__(self, config: Microsoft365Config, client: GraphClient) -> None:
        self._is_on = config.mail_settings
        self._reply = Reply(config)
        self._client = client

    def requests(self, user_id: str) -> list[Request]:
        """Return what tells about the mail of a user."""
        if not self._is_on:
            return []
        settings = [Request.get(_settings(user_id), select=_SETTING)] if self._reply.is_on else []
        return [Request.get(_rules(user_id)), *settings]

    def told(self, answers: list[Answer]) -> Mailbox | None:
        """Return what the answers to ``requests`` tell; ``None`` where there is no mailbox, or nobody looks."""
        if not answers or any(has_no_mailbox(each) for each in answers):
            return None
        rules, *settings = answers
        goes_to = next((_recipient(each) for each in self._own(rules)), "")
        return Mailbox(goes_to, *(kept(demand(each).get(_SETTING) or {}) for each in settings))

    def is_redirected(self, account: AccountState) -> bool:
        """Whether mail goes to the successor, and senders are told so where that is configured."""
        if account.successor is None or account.mail_to != account.successor.name:
            return False
        return self._reply.is_in(account.auto_reply, account.successor.name)

    def is_restored(self, account: AccountState) -> bool | None:
        """Whether nothing of the redirection and the reply is left to undo; ``None`` where that cannot be told."""
        wanted = account.is_as_wanted_by(Action.RESTORE_MAIL)
        if wanted is not False or account.original is None or not account.stays("mail_to"):
            return wanted
        return is_same(account.auto_reply, account.original.auto_reply)

    def redirect(self, account: AccountState, successor: AccountRef) -> bool:
        """Redirect all mail, in the place of an earlier redirection, and tell senders; False without a mailbox."""
        before = self._looked_at(account.id)
        if before is None:
            return False
        if account.mail_to != successor.name:
            self._redirect(account.id, successor.name, before)
        if not self._reply.is_in(account.auto_reply, successor.name):
            self._write_reply(account.id, self._reply.setting(self._values(account, successor)))
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
        if account.auto_reply is not None and not account.stays("auto_reply"):
            self._write_reply(account.id, setting_in(original.auto_reply))
        return True

    def _values(self, account: AccountState, successor: AccountRef) -> dict[str, str]:
        """Return the values of the fields in the reply; names are asked for only where it has them."""
        whose = {NAME: account.id, SUCCESSOR_NAME: successor.id}
        wanted = [field for field in whose if field in self._reply.fields]
        asked = [Request.get(path_of("users", whose[field]), select="displayName") for field in wanted]
        answers = self._client.batch(asked, call="looking up a name")
        names = {
            field: str(demand(answer).get("displayName") or "") for field, answer in zip(wanted, answers, strict=True)
        }
        return {SUCCESSOR: successor.name, **names}

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
        return None if has_no_mailbox(answer) else list(self._own(answer))

    def _own(self, rules: Answer) -> Iterator[Document]:
        yield from (each for each in self._client.listed(rules) if each.get("displayName") == RULE)

    def _write_reply(self, user_id: str, setting: Document) -> None:
        body = {_SETTING: setting}
        self._client.send("PATCH", _settings(user_id), call="writing an automatic reply", body=body)


def _settings(user_id: str) -> str:
    return path_of("users", user_id, "mailboxSettings")


def _rules(user_id: str, *rule: str) -> str:
    return path_of("users", user_id, "mailFolders", "inbox", "messageRules", *rule)


def _recipient(rule: Document) -> str:
    recipients = (rule.get("actions") or {}).get("redirectTo") or [{}]
    return str((recipients[0].get("emailAddress") or {}).get("address", ""))
