"""The marks of the bridge, in the notes of a user: beside what people wrote there, and never instead of it."""

from __future__ import annotations

from typing import Any


def text_of(document: dict[str, Any]) -> str:
    """Return what stands in a user's notes."""
    notes = document.get("notes")
    value = notes.get("value") if isinstance(notes, dict) else notes
    return value if isinstance(value, str) else ""


def notes_of(text: str) -> dict[str, Any]:
    """Return the body that makes a text a user's notes."""
    return {"notes": {"contentType": "text_plain", "value": text}}
