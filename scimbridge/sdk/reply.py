"""The text that answers mail of somebody who left: how an operator writes it, and how it is known again."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator

NAME, SUCCESSOR, SUCCESSOR_NAME = "name", "successor", "successor_name"
_FIELDS = (NAME, SUCCESSOR, SUCCESSOR_NAME)

Reach = Literal["domain", "anybody"]
"""Who is answered: people of the same domain, or anybody, who then learns that the person has left."""


class ReplyText:
    """A text with fields in braces.

    Attributes:
        fields: Those that are in it: ``name`` of the leaver, ``successor`` (the address), ``successor_name``.
    """

    def __init__(self, template: str) -> None:
        self._template = template
        self.fields = frozenset(field for _, field in _parts(template) if field)

    def written(self, values: Mapping[str, str]) -> str:
        """Return the text with the values of its fields."""
        return self._template.format_map(values)

    def is_in(self, text: str, successor: str) -> bool:
        """Whether a plain text is this one for a successor; names are not compared, for people change theirs."""
        known = {None: "", SUCCESSOR: re.escape(successor)}
        parts = [re.escape(_unspaced(piece)) + known.get(field, ".*") for piece, field in _parts(self._template)]
        return re.fullmatch("".join(parts), _unspaced(text), re.IGNORECASE) is not None


def plain(markup: str) -> str:
    """Return the text of HTML without its form."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def _can_be_sent(template: str) -> str:
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
    return template


ReplyTemplate = Annotated[str, AfterValidator(_can_be_sent)]
"""A text as an operator writes it, in a connector's configuration."""


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of a text, each with the field behind it."""
    for literal, field, _, _ in Formatter().parse(template):
        yield literal, field


def _unspaced(text: str) -> str:
    return "".join(text.split())
