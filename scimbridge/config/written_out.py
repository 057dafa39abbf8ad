"""Secrets that stand in the file itself, and not in a variable or a file of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr

from scimbridge.config.problems import Loc, keys_of, spell
from scimbridge.errors import Problem

MESSAGE = 'holds a secret in the file itself; use { env = "NAME" } or { file = "PATH" }'


def written_out(
    model: type[BaseModel], table: Mapping[str, Any], at: Loc, elsewhere: Collection[str]
) -> Iterator[Problem]:
    """Yield a warning for each secret of a table that stands in the file itself.

    Args:
        model: What the table was read as.
        table: As it was written, without mistakes.
        at: Where the table stands.
        elsewhere: The places, as ``spell`` writes them, that come from variables of the environment.
    """
    for key, kind in keys_of(model).items():
        if key in table:
            yield from _within(kind, table[key], (*at, key), elsewhere)


def _within(kind: Any, value: Any, at: Loc, elsewhere: Collection[str]) -> Iterator[Problem]:
    if spell(at) in elsewhere:
        return
    if kind is SecretStr:
        if isinstance(value, str):
            yield Problem(spell(at), MESSAGE)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if isinstance(value, Mapping):
            yield from written_out(kind, value, at, elsewhere)
    elif get_origin(kind) in {dict, Mapping}:
        for key, inner in value.items() if isinstance(value, Mapping) else ():
            yield from _within(get_args(kind)[1], inner, (*at, key), elsewhere)
    else:
        for inner in get_args(kind):
            yield from _within(inner, value, at, elsewhere)
