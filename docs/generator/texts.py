"""What docstrings say, and the texts below names that only the source has."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from types import ModuleType


def line(text: str) -> str:
    """Return a text as one line of a table."""
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def first_sentence(documented: object) -> str:
    """Return the first paragraph of a docstring, as one line."""
    return line((documented.__doc__ or "").split("\n\n")[0])


def attributes(kind: type) -> Iterator[tuple[str, str]]:
    """Yield what a class's docstring says about its attributes."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    for entry in re.split(r"\n    (?=\w+: )", f"\n{listed}")[1:]:
        name, _, text = entry.partition(": ")
        yield name, line(text.replace("``", "`"))


def described(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the members of an enum and the texts below them, which only the source has."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  # it is an enum
    for member, text in zip(definition.body, definition.body[1:], strict=False):
        match member, text:
            case ast.Assign(value=ast.Constant(value=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield str(name), line(said)
            case _:
                pass


def described_in(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the names that a module assigns, and the first paragraphs of the texts below them."""
    body = ast.parse(inspect.getsource(module)).body
    for member, text in pairwise(body):
        match member, text:
            case (
                (ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                yield name, line(said.split("\n\n")[0])
            case _:
                pass


def named(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    return ", ".join(f"`{name}`" for name in names)
