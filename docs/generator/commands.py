"""The commands with their arguments and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from docs.generator.texts import line
from scimbridge.cli.app import app

SHARED = {"--config", "--log-level", "--json", "--by"}
"""Options that are explained once, not with every command."""


def commands() -> Iterator[str]:
    """Yield every command with its arguments and its own options."""
    for path, function in commands_of(app, "scimbridge"):
        parameters = list(parameters_of(function))
        arguments = [info.metavar or name.upper() for name, _, info in parameters if isinstance(info, ArgumentInfo)]
        options = [(kind, info) for _, kind, info in parameters if isinstance(info, OptionInfo)]
        yield f"### `{' '.join([path, *arguments])}`\n\n{line(inspect.getdoc(function) or '')}\n"
        yield from _options((kind, info) for kind, info in options if not set(names_of(info)) & SHARED)
        shared = [f"`{names_of(info)[0]}`" for _, info in options if set(names_of(info)) & SHARED]
        yield f"Also {', '.join(shared)}.\n" if shared else ""


def shared_options() -> Iterator[str]:
    """Yield the options that many commands have."""
    seen = {}
    for _, function in commands_of(app, "scimbridge"):
        for _, kind, info in parameters_of(function):
            if isinstance(info, OptionInfo) and set(names_of(info)) & SHARED:
                seen[names_of(info)[0]] = (kind, info)
    yield from _options(seen.values())


def names_of(info: OptionInfo) -> list[str]:
    """Return how an option is spelled. In an annotation, Typer takes the first spelling for the default."""
    spellings = (info.default, *(info.param_decls or ()))
    return [name for name in spellings if isinstance(name, str) and name.startswith("-")]


def commands_of(group: typer.Typer, path: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """Yield how each command is called, and its function."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{path} {command.name or command.callback.__name__}", command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from commands_of(inner.typer_instance, f"{path} {inner.typer_instance.info.name}")


def parameters_of(function: Callable[..., None]) -> Iterator[tuple[str, Any, OptionInfo | ArgumentInfo]]:
    """Yield a command's parameters: name, type, and what Typer was told of it."""
    for name, annotation in get_type_hints(function, include_extras=True).items():
        for info in getattr(annotation, "__metadata__", ()):
            if isinstance(info, OptionInfo | ArgumentInfo):
                yield name, annotation.__origin__, info


def _options(options: Iterable[tuple[Any, OptionInfo]]) -> Iterator[str]:
    rows = [f"| {_option(kind, info)} | {line(info.help or '')} |" for kind, info in options]
    if rows:
        yield "| option | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _option(kind: Any, info: OptionInfo) -> str:
    names = ", ".join(f"`{name}`" for name in names_of(info))
    if kind is bool:
        return names
    choices = "\\|".join(kind) if isinstance(kind, type) and issubclass(kind, Enum) else "VALUE"
    return f"{names} `{info.metavar or choices}`"
