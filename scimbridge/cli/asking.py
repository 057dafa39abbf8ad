"""Asking before something that has no undo."""

from __future__ import annotations

import sys

import typer

from scimbridge.cli.output import note
from scimbridge.cli.reporting import ExitCode


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if somebody says yes.

    Args:
        question: What to ask.
        yes: It was said already.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("this is not a terminal, so nobody can be asked; give --yes if you are sure")
    if not typer.confirm(question, err=True):
        note("Nothing was changed.")
        raise typer.Exit(ExitCode.FAILED)
