"""JSON and texts of targets, as they can be stored and shown, whatever somebody is called there."""

from __future__ import annotations

import json
import re
from typing import Any

_BROKEN = re.compile("[\0\ud800-\udfff]")
_MAY_BREAK = re.compile(r"[\ud800-\udfff]|\\u(?:0000|[dD][89a-fA-F])")


def storable(text: str) -> str:
    """Return a text in which U+FFFD stands for what no database takes: NUL, and halves of surrogate pairs."""
    return _BROKEN.sub("\N{REPLACEMENT CHARACTER}", text)


def storable_document(document: Any) -> Any:
    """Return plain data all of whose texts are storable; everything else stays as it is."""
    match document:
        case str():
            return storable(document)
        case dict():
            return {storable_document(key): storable_document(value) for key, value in document.items()}
        case list() | tuple():
            return [storable_document(each) for each in document]
        case _:
            return document


def document_in(octets: bytes) -> Any:
    """Return what is written in JSON, all of its texts storable.

    Raises:
        ValueError: It is no JSON, or nested too deeply.
    """
    text = octets.decode(json.detect_encoding(octets), "surrogatepass")
    try:
        document = json.loads(text)
        return storable_document(document) if _MAY_BREAK.search(text) else document
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
