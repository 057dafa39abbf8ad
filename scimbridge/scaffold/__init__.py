"""A connector to begin with: a package that installs, passes its checks, and keeps all promises of a connector.

What is written is what ``docs/how-to/write-a-connector.md`` explains; there it is called ``desk``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 24
"""Letters of a kind; with more, lines of what is written would be too long."""


class ScaffoldError(ValueError):
    """It cannot be written; the message says what to do."""


def texts(kind: str) -> dict[str, str]:
    """Return the files of a new connector's package, by their paths below its folder.

    Raises:
        ScaffoldError: The kind is no name for a connector.
    """
    if not KIND.fullmatch(kind) or len(kind) > LONGEST:
        raise ScaffoldError(f'write a name of at most {LONGEST} letters of a-z, 0-9 and "-", like "desk"')
    return {
        _named(path, kind): _named(text.read_text(encoding="utf-8"), kind)
        for path, text in _below(files(__name__) / "files")
    }


def write(kind: str, folder: Path) -> list[Path]:
    """Write a new connector's package into a folder that is empty or not there; return the files.

    Raises:
        ScaffoldError: The kind is no name for a connector, or something is in the folder.
    """
    written = texts(kind)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"there is something in {folder}; name another folder with --into")
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [folder / path for path in written]


def _below(folder: Traversable, at: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files of a folder with their paths; ``.txt`` keeps tools from taking them for the product's own."""
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            yield from _below(each, f"{at}{each.name}/")
        else:
            yield at + each.name.removesuffix(".txt"), each


def _named(text: str, kind: str) -> str:
    """Return a text with the name in the place of ``desk``, as each spot spells it."""
    words = kind.split("-")
    spelled = {
        "scimbridge_desk": f"scimbridge_{'_'.join(words)}",
        "desk": kind,
        "Desk": "".join(word.capitalize() for word in words),
        "DESK": "_".join(words).upper(),
    }
    return re.sub("|".join(spelled), lambda found: spelled[found[0]], text)
