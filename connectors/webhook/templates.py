"""Templates of paths and bodies. What is put in can change neither a path's parts nor a body's structure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

Values = Mapping[str, Any]
"""What templates are filled with, by name: plain strings, lists and objects."""

T = TypeVar("T")

_ONE_EXPRESSION = re.compile(r"\{\{(?P<inner>(?:(?!\{\{|\}\}|\{%).)*)\}\}", re.DOTALL)


class TemplateFaultError(ValueError):
    """A template that cannot be used, or cannot be filled with these values."""


def fill_path(template: str, values: Values) -> str:
    """Return the path and query, every value quoted (RFC 3986 §2.1).

    Raises:
        TemplateFaultError: It cannot be filled; or a value would name another place: nothing, ``.`` or ``..``.
    """
    return _guarded(lambda: _PATHS.from_string(template).render(values))


def fill_body(template: Any, values: Values) -> bytes:
    """Return the JSON that a template of JSON stands for.

    A string that is one expression becomes the value itself, a list or ``true`` among them; any other is text.

    Raises:
        TemplateFaultError: It cannot be filled.
    """
    return _guarded(lambda: json.dumps(_filled(template, values), ensure_ascii=False, default=_as_list).encode())


def refuse_unknown(template: Any, names: Collection[str]) -> None:
    """Make sure that a template can be read, and uses these values alone.

    Raises:
        TemplateFaultError: It cannot, or names something else.
    """
    for text in _strings(template):
        used = _guarded(partial(_names_in, text))
        if unknown := used - set(names):
            raise TemplateFaultError(f"there is no {', '.join(sorted(unknown))} here; there is {', '.join(names)}")


def _names_in(template: str) -> set[str]:
    return meta.find_undeclared_variables(_BODIES.parse(template))


def _quoted(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises
    if not isinstance(value, str | int):
        raise TemplateFaultError("only a text or a number can be part of a path")
    text = str(value)
    if text in {"", ".", ".."}:
        raise TemplateFaultError(f"{text!r} as a part of a path would lead elsewhere")
    return quote(text, safe="")


_BODIES = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_PATHS = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_quoted)


def _filled(template: Any, values: Values) -> Any:
    match template:
        case str():
            found = _ONE_EXPRESSION.fullmatch(template.strip())
            if found is None:
                return _BODIES.from_string(template).render(values)
            return _BODIES.compile_expression(found["inner"], undefined_to_none=False)(**values)
        case Mapping():
            return {key: _filled(value, values) for key, value in template.items()}
        case list():
            return [_filled(value, values) for value in template]
        case _:
            return template


def _as_list(value: Any) -> list[Any]:
    """Return what filters yield; of what is undefined this raises."""
    return list(value)


def _strings(template: Any) -> list[str]:
    match template:
        case str():
            return [template]
        case Mapping():
            return [text for value in template.values() for text in _strings(value)]
        case list():
            return [text for value in template for text in _strings(value)]
        case _:
            return []


def _guarded(fill: Callable[[], T]) -> T:
    try:
        return fill()
    except TemplateFaultError:
        raise
    except (
        TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        # What a value's own error says may quote the value.
        said = error.message if isinstance(error, TemplateError) else type(error).__name__
        raise TemplateFaultError(f"the template cannot be filled: {said}") from None
