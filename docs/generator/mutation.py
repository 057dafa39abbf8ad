"""Changes of the code that no test can notice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from docs.generator.texts import line

LISTED = Path(__file__).parents[2] / "tests" / "survivors.toml"


def survivors() -> Iterator[str]:
    """Yield a table of the changes of the code that no test can notice, by their reasons."""
    text = LISTED.read_text(encoding="utf-8")
    yield "| why | where | changes |\n|---|---|---|"
    for kind in tomllib.loads(text).get("kinds", []):
        functions = dict.fromkeys(change["in"].removeprefix("scimbridge.") for change in kind["changes"])
        where = ", ".join(f"`{name}`" for name in functions)
        yield f"| {line(kind['reason'])} | {where} | {len(kind['changes'])} |"
