"""What SCIM applications do in their own way."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.scim import dialect as dialects
from docs.generator.texts import line, named
from scimbridge.domain.action import Action


def scim_dialects() -> Iterator[str]:
    """Yield a table of what can be done at SCIM applications, by the dialect that they speak."""
    yield "| `dialect` | | suspend, restore | groups | roles | entitlements | stamp | delete |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in dialects.names():
        spoken = dialects.dialect(name)
        had = ["no" if key in spoken.without else "yes" for key in ("groups", "roles", "entitlements")]
        stamp = "no" if "stamp_attribute" in spoken.without else line(named(spoken.texts or ())) or "yes"
        suspend, delete = ("no" if each in spoken.lacks else "yes" for each in (Action.SUSPEND, Action.DELETE))
        link = f"[`{name}`](#{name})" if name != "standard" else "`standard`"
        yield f"| {link} | {spoken.title} | {suspend} | {' | '.join(had)} | {stamp} | {delete} |"


def scim_quirks() -> Iterator[str]:
    """Yield a section for each dialect: what is different there, why something cannot be done, and who says so."""
    for name in dialects.names()[1:]:
        spoken = dialects.dialect(name)
        yield f"### {name}\n\n{spoken.title}" + (f", tried with {spoken.tried}.\n" if spoken.tried else ".\n")
        yield from (f"- {each}" for each in _told_of(spoken))
        pages = ", ".join(f"[{number}]({address})" for number, address in enumerate(spoken.documentation, 1))
        yield f"- Documented: {pages}.\n"


def _told_of(spoken: dialects.Dialect) -> Iterator[str]:
    if spoken.base_url:
        yield f"`base_url` is like `{spoken.base_url}`."
    if spoken.rate_limit:
        yield f'`rate_limit = "{spoken.rate_limit}"`.'
    for why in dict.fromkeys(spoken.lacks.values()):
        yield f"No {named(action for action, said in spoken.lacks.items() if said == why)}: {why}."
    for why in dict.fromkeys(spoken.without.values()):
        yield f"No {named(key for key, said in spoken.without.items() if said == why)}: {why}."
    if spoken.searched_by:
        yield f"`match` may name {named(spoken.searched_by)}."
    yield from spoken.quirks
