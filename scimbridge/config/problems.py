"""From pydantic's errors to sentences an operator can act on. A value is never part of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scimbridge.errors import Problem
from scimbridge.sdk.config import TargetConfig

Loc = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be a string, in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": 'must be a list, like ["…"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "path_type": "must be a path, in quotes",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_pattern_mismatch": "has a character that cannot stand there",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


def read(model: type[ModelT], table: Any, at: Loc, problems: list[Problem], *, context: Any = None) -> ModelT | None:
    """Return a section, or ``None`` after adding all that is wrong with it to ``problems``.

    Args:
        model: What to read it as.
        table: The plain table of the file.
        at: Where it stands in the file.
        problems: The list to add to.
        context: The validation context; connectors' secrets need one.
    """
    try:
        return model.model_validate(table, context=context)
    except ValidationError as error:
        problems += (_problem(model, at, details) for details in error.errors(include_url=False))
    return None


def spell(loc: Iterable[str | int]) -> str:
    """Return a place as the file spells it, e.g. ``rules[0].stages[1].do``."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _BARE_KEY.fullmatch(part) else f'"{part}"')
    return path


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return what somebody may have meant, as a clause, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def keys_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """Return a model's keys as the file spells them, each with its type."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _problem(model: type[BaseModel], at: Loc, details: ErrorDetails) -> Problem:
    loc = tuple(part for part in details["loc"] if part != "[key]")
    if details["type"] == "extra_forbidden":
        return Problem(spell((*at, *loc)), _unknown_key(_owner(model, loc[:-1]), str(loc[-1])))
    if details["type"] == "list_type" and _owner(model, loc) is not None:
        tables = spell(part for part in (*at, *loc) if isinstance(part, str))
        return Problem(spell((*at, *loc)), f"is a list of tables: begin each with [[{tables}]]")
    template = _SENTENCES.get(details["type"])
    message = template.format(**details.get("ctx", {})) if template else _lowered(details["msg"])
    if details["type"] in {"enum", "literal_error"}:
        # pydantic quotes expected values with ', the file with "
        message = message.replace("'", '"') + _meant(details)
    return Problem(spell((*at, *loc)), message)


def _meant(details: ErrorDetails) -> str:
    """Return which of the words that may stand somewhere is close to what does; that itself is not repeated."""
    said, known = details["input"], re.findall(r"'([^']+)'", details["ctx"]["expected"])
    return suggestion(said, known) if isinstance(said, str) else ""


def _unknown_key(owner: type[BaseModel] | None, key: str) -> str:
    if owner is not None and issubclass(owner, TargetConfig) and key in owner.not_offered:
        return owner.not_offered[key]
    return "is not a setting" + (suggestion(key, keys_of(owner)) if owner else "")


def _owner(model: type[BaseModel] | None, loc: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the table in which ``loc`` ends."""
    for part in loc:
        if model is None:
            return None
        if part in (keys := keys_of(model)):
            model = _model_within(keys[str(part)])
    return model


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_within(inner))), None)


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
