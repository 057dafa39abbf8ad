"""Automatic replies as Exchange keeps them, and how they are known again.

https://learn.microsoft.com/graph/api/resources/automaticrepliessetting
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from connectors.microsoft365.batches import Document
from connectors.microsoft365.config import Microsoft365Config
from scimbridge.sdk.reply import ReplyText, plain

_TEXTS = ("internalReplyMessage", "externalReplyMessage")
_OFF = {"status": "disabled"}


class Reply:
    """What ``auto_reply`` and ``auto_reply_to`` say."""

    def __init__(self, config: Microsoft365Config) -> None:
        self._text = ReplyText(config.auto_reply) if config.auto_reply is not None else None
        self._audience = "all" if config.auto_reply_to == "anybody" else "none"

    @property
    def is_on(self) -> bool:
        """Whether senders are answered at all."""
        return self._text is not None

    @property
    def fields(self) -> frozenset[str]:
        """The fields in the text."""
        return self._text.fields if self._text is not None else frozenset()

    def setting(self, values: Mapping[str, str]) -> Document:
        """Return the setting; ``values`` by the names of fields. Exchange takes texts for HTML."""
        text = self._text.written(values) if self._text is not None else ""
        page = html.escape(text).replace("\n", "<br>\n")
        return {"status": "alwaysEnabled", "externalAudience": self._audience, **dict.fromkeys(_TEXTS, page)}

    def is_in(self, kept: str | None, successor: str) -> bool:
        """Whether a setting, as ``kept`` wrote it, answers so; also where nobody is to be answered."""
        if self._text is None:
            return True
        setting = setting_in(kept)
        if setting.get("status") != "alwaysEnabled" or setting.get("externalAudience") != self._audience:
            return False
        return all(self._text.is_in(plain(str(setting.get(name) or "")), successor) for name in _TEXTS)


def is_same(one: str | None, other: str | None) -> bool:
    """Whether two settings, as ``kept`` wrote them, answer alike.

    Exchange keeps the texts of a reply that is off, writes HTML in its own way, and sets dates that nobody asked for.
    """
    first, second = setting_in(one), setting_in(other)
    status = first.get("status")
    if status != second.get("status") or status == _OFF["status"]:
        return bool(status == second.get("status"))
    dates = ("scheduledStartDateTime", "scheduledEndDateTime") if status == "scheduled" else ()
    if any(first.get(name) != second.get(name) for name in ("externalAudience", *dates)):
        return False
    return all(_text(first, name) == _text(second, name) for name in _TEXTS)


def kept(setting: Document) -> str:
    """Return a setting as text that is the same for the same setting."""
    return json.dumps(setting, sort_keys=True)


def setting_in(text: str | None) -> Document:
    """Return the setting that ``kept`` wrote; that nobody is answered where nothing is known."""
    found: Document = json.loads(text) if text else dict(_OFF)
    return found


def _text(setting: Document, name: str) -> str:
    return "".join(plain(str(setting.get(name) or "")).split())
