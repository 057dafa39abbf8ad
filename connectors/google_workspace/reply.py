"""The text that answers mail of somebody who left, and how it is known again in Gmail's settings."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

NAME, SUCCESSOR, SUCCESSOR_NAME = "name", "successor", "successor_name"
_FIELDS = (NAME, SUCCESSOR, SUCCESSOR_NAME)


class Reply:
    """What ``auto_reply`` and ``auto_reply_to`` say.

    Args:
        template: The text, with fields in braces.
        is_for_all: Whether anybody is answered, and not only people of the same domain.
    """

    def __init__(self, template: str, *, is_for_all: bool) -> None:
        self._template = template
        self._is_for_all = is_for_all
        self.fields = frozenset(field for _, field in _parts(template) if field)

    def settings(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return Gmail's settings; ``values`` by the names of fields.

        https://developers.google.com/workspace/gmail/api/reference/rest/v1/VacationSettings
        """
        text = self._template.format_map(values)
        return {"enableAutoReply": True, "responseBodyPlainText": text, "restrictToDomain": not self._is_for_all}

    def is_in(self, kept: str, successor: str) -> bool:
        """Whether settings, as ``kept`` wrote them, answer so; names are not compared, for people change theirs."""
        settings = settings_in(kept)
        if not settings.get("enableAutoReply") or "endTime" in settings or settings.get("restrictToContacts"):
            return False
        if bool(settings.get("restrictToDomain")) is self._is_for_all:
            return False
        known = {None: "", SUCCESSOR: re.escape(successor)}
        parts = [re.escape(_unspaced(text)) + known.get(field, ".*") for text, field in _parts(self._template)]
        return re.fullmatch("".join(parts), _text_in(settings), re.IGNORECASE) is not None


def kept(settings: Mapping[str, Any]) -> str:
    """Return settings as text that is the same for the same settings; empty where nothing is set.

    What is not set, Gmail may leave out, or write as false or empty.
    """
    told = {name: value for name, value in settings.items() if value not in (False, "", None)}
    return json.dumps(told, sort_keys=True) if told else ""


def settings_in(text: str) -> dict[str, Any]:
    """Return the settings that ``kept`` wrote."""
    return {"enableAutoReply": False, **(json.loads(text) if text else {})}


def check_template(template: str) -> None:
    """Make sure that a text can be sent.

    Raises:
        ValueError: It is empty, or names a field that there is not.
    """
    if not template.strip():
        raise ValueError("write what is answered, or leave the key out")
    known = ", ".join(f"{{{each}}}" for each in _FIELDS)
    try:
        found = list(Formatter().parse(template))
    except ValueError:
        raise ValueError(f"a brace is not closed; there are {known}, and {{{{ for a brace") from None
    for _, field, spec, conversion in found:
        if field is not None and (field not in _FIELDS or spec or conversion):
            raise ValueError(f"{{{field}}} means nothing here; there are {known}, and {{{{ for a brace")


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of a text, each with the field behind it."""
    for literal, field, _, _ in Formatter().parse(template):
        yield literal, field


def _text_in(settings: Mapping[str, Any]) -> str:
    """Return the text of settings without its form: Gmail may keep as HTML what it was given as plain text (?)."""
    if markup := settings.get("responseBodyHtml"):
        return _unspaced(html.unescape(re.sub(r"<[^>]*>", "", str(markup))))
    return _unspaced(str(settings.get("responseBodyPlainText", "")))


def _unspaced(text: str) -> str:
    return "".join(text.split())
