"""``scimbridge config``: the configuration file."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from scimbridge.cli.options import AsJson, ConfigPath, new_group
from scimbridge.cli.output import note, say, say_json
from scimbridge.cli.reporting import ExitCode
from scimbridge.domain.number import number_of
from scimbridge.errors import ConfigurationError, Problem

app = new_group("config", "The configuration file.")


@app.command()
def example() -> None:
    """Print a complete, explained configuration."""
    from scimbridge.config import example as example_text

    typer.echo(example_text(), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema, for editors."""
    from scimbridge.config import json_schema

    say_json(json_schema())


@app.command()
def check(as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Find all mistakes at once.

    It connects to nothing. Exit code 2 if there are mistakes.
    """
    from scimbridge.config import load

    try:
        settings = load(config)
        if settings.unusable:
            raise ConfigurationError(list(settings.unusable.values()))
    except ConfigurationError as error:
        if as_json:
            say_json({"ok": False, "problems": _listed(error.problems), "warnings": []})
            raise typer.Exit(ExitCode.WRONG_USAGE) from error
        raise
    if as_json:
        say_json({"ok": True, "problems": [], "warnings": _listed(settings.warnings)})
        return
    note(*(f"warning: {warning}" for warning in settings.warnings))
    counted = (("source", settings.sources), ("target", settings.targets), ("rule", settings.ruleset.rules))
    said = ", ".join(number_of(len(things), name) for name, things in counted)
    say(f"The configuration is good: {said}.")


def _listed(problems: Iterable[Problem]) -> list[dict[str, str]]:
    return [{"path": problem.path, "message": problem.message} for problem in problems]
