"""The tree of commands. What a command needs is imported when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from scimbridge.cli import (
    approving,
    cases,
    check,
    client,
    config,
    connectors,
    db,
    erasing,
    evidence,
    exclusion,
    expediting,
    groups,
    guard,
    hold,
    inquiries,
    operator,
    plan,
    processes,
    reconcile,
    report,
    rules,
    sources,
    targets,
    tasks,
    token,
)
from scimbridge.cli.reporting import Reporting

app = typer.Typer(
    name="scimbridge",
    help="Turns 'this person left' into complete, delayed, reversible and proven removal of access.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 needs a person.",
    cls=Reporting,
    no_args_is_help=True,
    # Plain help: it is the same in a pipe, a log and a terminal without box characters, and it is quick.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

for process in (processes.up, processes.serve, processes.worker, processes.sweeper, processes.demo, processes.drill):
    app.command()(process)
app.command()(check.check)
app.command()(plan.plan)
app.command()(reconcile.reconcile)
app.command()(erasing.erase)
for command in (approving.approve, approving.unapprove, expediting.expedite):
    cases.app.command()(command)
for group in (
    *(token, client, operator, sources, rules, cases, tasks, groups, targets),
    *(guard, hold, exclusion, inquiries, evidence, report, config, connectors, db),
):
    app.add_typer(group.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"scimbridge {version('scimbridge')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Turns 'this person left' into complete, delayed, reversible and proven removal of access."""


def main() -> None:
    """Run the command that the process was started with."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal cannot show must not end the command.
            stream.reconfigure(errors="backslashreplace")
    app()
