"""The mark of ``scimbridge.sdk.stamp`` in an attribute, which may have several values and little room."""

from __future__ import annotations

from scimbridge.sdk.stamp import stamp_in, stamped, unstamped


def marked(values: tuple[str, ...], mark: str, room: int) -> tuple[str, ...]:
    """Return the values with the mark behind the first one; an older mark gives way.

    Args:
        values: What people wrote.
        mark: What is added.
        room: How many characters a value may have, 0 for any number; the end of a longer text gives way.
    """
    text, *others = [rest for rest in map(unstamped, values) if rest.strip()] or [""]
    if room:
        text = text[: max(room - len(mark) - 1, 0)]
    return (stamped(text, mark), *others)


def unmarked(values: tuple[str, ...], before: tuple[str, ...], room: int) -> tuple[str, ...]:
    """Return the values without a mark: what stood there before where nobody has written since, whole again."""
    mark = next((found for value in values if (found := stamp_in(value))), "")
    if not mark or any(stamp_in(value) for value in before):
        return values
    if sorted(marked(before, mark, room)) == sorted(values):
        return before
    return tuple(value for value in map(unstamped, values) if value.strip())
