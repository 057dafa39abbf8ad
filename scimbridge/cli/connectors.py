"""``scimbridge connectors``: what kinds of targets there are, and how to add one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scimbridge.cli.options import AsJson, new_group
from scimbridge.cli.output import say, say_json, say_table

app = new_group("connectors", "The kinds of targets that can be configured.")


@app.command("list")
def list_connectors(as_json: AsJson = False) -> None:
    """List the connectors that are installed.

    It shows the contract that each was written for, the package that brings it and, if it cannot be used, why.
    """
    from dataclasses import asdict

    from scimbridge import registry
    from scimbridge.sdk.contract import CONTRACT

    found = registry.installed()
    if as_json:
        say_json([{**asdict(each), "usable": not each.fault} for each in found])
        return
    say_table(
        ("CONNECTOR", "PACKAGE", "VERSION", "CONTRACT", "USABLE"),
        [
            (
                each.kind,
                each.package,
                each.version,
                "-" if each.contract is None else each.contract,
                f"no: {each.fault}" if each.fault else "yes",
            )
            for each in found
        ],
    )
    say(f"This scimbridge has contract {CONTRACT}.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What `connector` will say, like desk.")],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="The folder to create; by default scimbridge-NAME here."),
    ] = None,
) -> None:
    """Write a new connector to start from.

    It is a package that installs, and that passes its own checks and the conformance tests against an application that
    it brings along.
    """
    from scimbridge import registry
    from scimbridge.scaffold import ScaffoldError, write

    if name in registry.available_kinds():
        raise typer.BadParameter(f'there is a connector "{name}" already')
    folder = into or Path(f"scimbridge-{name}")
    try:
        written = write(name, folder)
    except ScaffoldError as error:
        raise typer.BadParameter(str(error)) from error
    say(*written, f"Now: cd {folder} && pip install -e . --group dev && pytest")
