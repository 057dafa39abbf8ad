"""What Slack, Teams and others get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scimbridge.notices.notice import Content, Leaver
from scimbridge.notices.payload import Format, encode
from scimbridge.notices.rendering import Rendered, Templates
from tests.notices.notices import a_leaver, a_notice


def payload(form: Format, content: Content | None = None, rendered: Rendered | None = None) -> Any:
    notice = a_notice(content)
    return json.loads(encode(notice, rendered or Templates().render(notice), form))


def test_slack_gets_blocks_of_plain_text() -> None:
    message = payload(Format.SLACK)

    assert message["text"] == "Alex Example loses access; cannot be undone from 2027-02-28 21:00 UTC"
    header, *sections = message["blocks"]
    assert (header["type"], header["text"]["type"]) == ("header", "plain_text")
    assert {(each["type"], each["text"]["type"]) for each in sections} == {("section", "plain_text")}
    assert a_leaver().cancel_command in "".join(each["text"]["text"] for each in sections)


def test_a_name_calls_nobody_in_slack() -> None:
    message = payload(Format.SLACK, a_leaver(person="<!channel> & <https://evil.example|Alex>"))

    assert "<" not in json.dumps(message)
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|Alex&gt; loses access" in message["text"]


@pytest.mark.parametrize("letter", ["x", "&", "<"])
def test_slack_gets_no_more_than_it_takes(letter: str) -> None:
    long = Rendered(subject=letter * 200, text=f"{letter * 90}\n" * 500, html="")

    message = payload(Format.SLACK, rendered=long)

    header, *sections = message["blocks"]
    assert 100 < len(header["text"]["text"]) <= 150
    assert len(sections) <= 49
    assert all(0 < len(each["text"]["text"]) <= 3000 for each in sections)


def test_teams_gets_a_card_whose_text_is_no_markdown() -> None:
    message = payload(Format.TEAMS, a_leaver(person="[Alex](https://evil.example)"))

    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert {element["type"] for element in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for element in card["body"] for run in element["inlines"]} == {"TextRun"}
    assert card["body"][0]["inlines"][0]["text"].startswith("[Alex](https://evil.example) loses access")
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open scimbridge", "url": a_leaver().link}]


@pytest.mark.parametrize("text", ["x\n" * 50_000, "€" * 50_000, ("€" * 70 + "\n") * 1000])
def test_teams_gets_no_more_than_it_takes(text: str) -> None:
    long = Rendered(subject="x" * 200, text=text, html="")

    assert 5000 < len(encode(a_notice(), long, Format.TEAMS)) < 28_000


def test_others_get_the_facts() -> None:
    message = payload(Format.PLAIN)

    leaver = a_leaver()
    assert isinstance(leaver, Leaver)
    assert message["type"] == "scimbridge.leaver"
    assert message["timestamp"] == "2026-11-30T08:15:00Z"
    data = message["data"]
    assert data["id"] == "task-1.1"
    assert data["facts"]["case_id"] == leaver.case_id
    assert data["facts"]["point_of_no_return"] == "2027-02-28T21:00:00Z"
    assert data["facts"]["steps"][0] == {
        "at": "2026-11-30T08:00:00Z",
        "action": "suspend",
        "targets": ["crm", "directory"],
        "is_irreversible": False,
        "needs_approval": False,
    }
    assert "Alex Example" in data["text"]
