"""Browsers by the names that people know them by."""

from __future__ import annotations

import re

# Every one of them says that it is most of those after it, too.
_PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_in_words(agent: str) -> str:
    """Return what a browser says it is, in two words; what is none is told as it is."""
    program = next((name for sign, name in _PROGRAMS if re.search(rf"{sign}[A-Za-z]*/", agent)), None)
    system = next((name for sign, name in _SYSTEMS if sign in agent), None)
    if program is None or system is None:
        return agent or "unknown"
    return f"{program} on {system}"
