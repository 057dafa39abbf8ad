"""How many of something, as one says it."""

from __future__ import annotations


def number_of(count: int, one: str, many: str | None = None) -> str:
    """Return ``1 case`` or ``2 cases``.

    Args:
        count: How many.
        one: What it is called.
        many: What several are called, where that is not ``one`` with an s.
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def people(count: int) -> str:
    """Return ``1 person`` or ``2 people``."""
    return number_of(count, "person", "people")
