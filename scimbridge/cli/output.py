"""What commands print: sentences, tables that fit, and JSON. Results go to standard output, the rest to error."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

from scimbridge.domain.directions import DIRECTIONS
from scimbridge.domain.times import iso

SHOWS_PROGRESS_FROM = 20
"""Steps."""

COUNTED_EVERY = 1000
"""Things."""

_WIDE = 10_000
"""Columns where nobody looks at them: a pipe gets each row on one line."""


def plain(text: object) -> str:
    """Return a text that cannot move the cursor, change colors or reorder a line, whoever wrote it."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unsafe(character) else character for character in str(text))


def say(*lines: object) -> None:
    """Print lines of the result."""
    for line in lines:
        typer.echo(plain(line))


def note(*lines: object) -> None:
    """Print lines beside the result."""
    for line in lines:
        for part in str(line).splitlines() or [""]:
            typer.echo(plain(part), err=True)


@contextmanager
def progress(length: int) -> Iterator[Callable[[int], None]]:
    """Draw how far long work is: on a terminal only, and not for a few. Yields what to call after each step."""
    with typer.progressbar(length=length, hidden=length < SHOWS_PROGRESS_FROM, file=sys.stderr) as bar:
        yield lambda _done: bar.update(1)


def note_count(count: int, things: str) -> None:
    """Say on a terminal, every thousand, how far work is whose length nobody knows."""
    if count % COUNTED_EVERY == 0 and sys.stderr.isatty():
        note(f"{count} {things} so far")


def say_json(value: Any) -> None:
    """Print a result as JSON, in ASCII: whatever the terminal's encoding is, it arrives."""
    typer.echo(json.dumps(value, indent=2, default=_json_value))


def say_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: folded to a terminal's width, one line a row where it goes elsewhere."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colors = "auto" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else None
    console = Console(color_system=colors, width=_width(), highlight=False, markup=False, emoji=False, soft_wrap=False)  # type: ignore[arg-type]  # "auto" is one of its values
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold" if colors else "")
    for heading in headings:
        # An id that is cut or folded cannot be copied.
        table.add_column(heading, overflow="fold", no_wrap=heading == "ID")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def _json_value(value: object) -> str | None:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in DIRECTIONS


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80 if sys.stdout.isatty() else _WIDE
