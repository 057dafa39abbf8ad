"""Characters that turn text around: what somebody else wrote must not turn a date in what the bridge says of it."""

from __future__ import annotations

DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks, embeddings, overrides and isolates of the Unicode Bidirectional Algorithm (UAX #9)."""

_SHOWN = {ord(character): "\N{REPLACEMENT CHARACTER}" for character in DIRECTIONS}


def in_order(text: str) -> str:
    """Return a sentence that reads in the order in which it was written."""
    return text.translate(_SHOWN)
