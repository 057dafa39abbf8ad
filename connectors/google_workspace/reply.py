"""Gmail's settings that answer mail of somebody who left, and how they are known again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scimbridge.sdk.reply import ReplyText, plain


class Reply:
    """What ``auto_reply`` and ``auto_reply_to`` say.

    Args:
        template: The text, with fields in braces.
        is_for_all: Whether anybody is answered, and not only people of the same domain.

    Attributes:
        fields: Those that are in the text.
    """

    def __init__(self, template: str, *, is_for_all: bool) -> None:
        self._text = ReplyText(template)
        self._is_for_all = is_for_all
        self.fields = self._text.fields

    def settings(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return Gmail's settings; ``values`` by the names of fields.

        https://developers.google.com/workspace/gmail/api/reference/rest/v1/VacationSettings
        """
        text = self._text.written(values)
        return {"enableAutoReply": True, "responseBodyPlainText": text, "restrictToDomain": not self._is_for_all}

    def is_in(self, kept: str, successor: str) -> bool:
        """Whether settings, as ``kept`` wrote them, answer so; names are not compared, for people change theirs."""
        settings = settings_in(kept)
        if not settings.get("enableAutoReply") or "endTime" in settings or settings.get("restrictToContacts"):
            return False
        if bool(settings.get("restrictToDomain")) is self._is_for_all:
            return False
        return self._text.is_in(_text_in(settings), successor)


def kept(settings: Mapping[str, Any]) -> str:
    """Return settings as text that is the same for the same settings; empty where nothing is set.

    What is not set, Gmail may leave out, or write as false or empty.
    """
    told = {name: value for name, value in settings.items() if value not in (False, "", None)}
    return json.dumps(told, sort_keys=True) if told else ""


def settings_in(text: str) -> dict[str, Any]:
    """Return the settings that ``kept`` wrote."""
    return {"enableAutoReply": False, **(json.loads(text) if text else {})}


def _text_in(settings: Mapping[str, Any]) -> str:
    """Return the text of settings without its form: Gmail may keep as HTML what it was given as plain text (?)."""
    markup = settings.get("responseBodyHtml")
    return plain(str(markup)) if markup else str(settings.get("responseBodyPlainText", ""))
