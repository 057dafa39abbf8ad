"""A notice as what a webhook takes: Slack's, Teams', or plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from scimbridge.notices.notice import Notice, variables
from scimbridge.notices.rendering import Rendered

_SLACK_HEADING = 150
_SLACK_SECTION = 3000
_SLACK_SECTIONS = 10
_TEAMS_TEXT, _TEAMS_LINES = 6000, 80
"""Teams takes 28 KB in all, and each line is one more element."""


class Format(StrEnum):
    """What the other side of a webhook understands."""

    SLACK = "slack"
    """An incoming webhook of Slack, and of what takes the same (Mattermost, Rocket.Chat)."""

    TEAMS = "teams"
    """A workflow of Teams, "Post to a channel when a webhook request is received"."""

    PLAIN = "plain"
    """JSON with the notice's type, its time, how it reads, and its facts."""


def encode(notice: Notice, rendered: Rendered, form: Format) -> bytes:
    """Return the body that carries a notice."""
    match form:
        case Format.SLACK:
            document = _slack(rendered)
        case Format.TEAMS:
            document = _teams(notice, rendered)
        case Format.PLAIN:
            document = _plain(notice, rendered)
    return json.dumps(document, ensure_ascii=False).encode()


def _slack(rendered: Rendered) -> Mapping[str, Any]:
    """Return a message of blocks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""
    sections = _pieces(rendered.text, _SLACK_SECTION // 5)[:_SLACK_SECTIONS]  # an escaped & has five letters
    return {
        # What a notification on a phone shows.
        "text": _slack_escaped(rendered.subject),
        "blocks": [
            {"type": "header", "text": _slack_text(_slack_fit(rendered.subject, _SLACK_HEADING))},
            *({"type": "section", "text": _slack_text(_slack_escaped(piece))} for piece in sections),
        ],
    }


def _slack_text(text: str) -> Mapping[str, Any]:
    # Plain text: an asterisk or an @channel in somebody's name stays what it is.
    return {"type": "plain_text", "text": text, "emoji": False}


def _slack_escaped(text: str) -> str:
    """Escape the three characters that Slack gives a meaning (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_fit(text: str, limit: int) -> str:
    while len(escaped := _slack_escaped(text)) > limit:
        text = text[:-1]
    return escaped


def _teams(notice: Notice, rendered: Rendered) -> Mapping[str, Any]:
    """Return a message with a card.

    https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    """
    lines = [line for line in rendered.text[:_TEAMS_TEXT].splitlines() if line.strip()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            _teams_text(rendered.subject, size="Medium", weight="Bolder"),
            *(_teams_text(line) for line in lines[:_TEAMS_LINES]),
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open scimbridge", "url": notice.content.link}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _teams_text(text: str, **style: str) -> Mapping[str, Any]:
    # A TextBlock would read Markdown, and make a link of somebody's name; a TextRun does not.
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _plain(notice: Notice, rendered: Rendered) -> Mapping[str, Any]:
    facts = {name: _json(value) for name, value in variables(notice.content).items()}
    return {
        "type": f"scimbridge.{notice.kind}",
        "timestamp": _json(notice.at),
        "data": {"id": notice.id, "subject": rendered.subject, "text": rendered.text, "facts": facts},
    }


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if is_dataclass(value):
        return {field.name: _json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(each) for each in value]
    return value


def _pieces(text: str, size: int) -> list[str]:
    """Return a text in pieces of whole lines, as far as lines are not longer themselves."""
    pieces = [""]
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), size):
            part = line[start : start + size]
            if len(pieces[-1]) + len(part) > size:
                pieces.append("")
            pieces[-1] += part
    return [piece for piece in pieces if piece.strip()]
