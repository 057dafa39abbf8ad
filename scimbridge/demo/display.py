"""What the demo shows: lines as things happen and, on a terminal that can, a table that follows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

_STYLES = {"bridge": "green", "targets": "magenta", "application": "magenta"}


class Display(AbstractContextManager["Display"]):
    """Prints lines; above a live table where the terminal can show one.

    Args:
        console: Where to print; the terminal's settings (``TERM``, ``NO_COLOR``) are honored.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._can_draw = self.console.is_terminal and not self.console.is_dumb_terminal
        self._live: Live | None = None
        self._draw: Callable[[], Table] = Table
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.settle()

    def follow(self, draw: Callable[[], Table]) -> None:
        """Keep a table below the lines, where the terminal can; ``refresh`` draws it anew."""
        self._draw = draw
        if self._can_draw and self._live is None:
            self._live = Live(draw(), console=self.console, auto_refresh=False, transient=True)
            self._live.start()

    def refresh(self) -> None:
        """Draw the table anew."""
        if self._live is not None:
            self._live.update(self._draw(), refresh=True)

    def settle(self) -> None:
        """Take the table away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, text: str = "", *, style: str = "") -> None:
        """Print a line of its own."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def heading(self, text: str) -> None:
        """Print the heading of a part."""
        self.say()
        self.say(text, style="bold")

    def event(self, who: str, whom: str, text: str) -> None:
        """Print something that has just happened."""
        seconds = time.monotonic() - self._began
        line = Text.assemble(
            (f"{seconds:6.1f} s  ", "dim"), (f"{who:<12}", _STYLES.get(who, "cyan")), (f"{whom:<6}", "bold"), text
        )
        self.console.print(line, soft_wrap=True)

    def show(self, table: Table) -> None:
        """Print a table; with lines only where they can be drawn."""
        table.box = table.box if self._can_draw else None
        self.console.print(table)


def people_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table with one row per person."""
    table = Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
