"""What a list is to be sorted by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sort:
    """An order that a client asks for (RFC 7644 §3.4.2.3).

    Attributes:
        by: The path of an attribute, as sent.
    """

    by: str
    descending: bool = False
