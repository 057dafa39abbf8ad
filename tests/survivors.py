"""Changes of the code that no test can notice, each with the reason: ``survivors.toml``."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True)
class Change:
    """One change, as ``make mutate`` shows it.

    Attributes:
        function: Where: its module, its class if it has one, its name.
        was: The lines that are there, without indentation.
        now: What the change makes of them; in the list, nothing stands for whatever it may be.
    """

    function: str
    was: str
    now: str | None = None

    def covers(self, other: Change) -> bool:
        """Return whether an entry of the list is about a change."""
        return (self.function, self.was) == (other.function, other.was) and self.now in (None, other.now)

    def __str__(self) -> str:
        # TOML takes what JSON makes of a text.
        names = {"in": self.function, "was": self.was, "now": self.now}
        values = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in names.items() if value]
        return f"{{ {', '.join(values)} }},"


@dataclass(frozen=True, slots=True)
class Kind:
    """Changes that cannot be noticed for one reason."""

    reason: str
    changes: tuple[Change, ...]


def listed(text: str | None = None) -> list[Kind]:
    """Return what the list says."""
    kinds = tomllib.loads(LIST.read_text(encoding="utf-8") if text is None else text).get("kinds", [])
    return [
        Kind(kind["reason"], tuple(Change(each["in"], each["was"], each.get("now")) for each in kind["changes"]))
        for kind in kinds
    ]


def change_of(mutant: str, diff: str) -> Change:
    """Return the change behind mutmut's name and diff of it.

    The name is ``package.module.x_function__mutmut_7``, or ``…xǁClassǁmethod__mutmut_7``.
    """
    module, _, mangled = mutant.partition("__mutmut_")[0].rpartition(".")
    name = mangled.removeprefix("xǁ").replace("ǁ", ".") if mangled.startswith("xǁ") else mangled.removeprefix("x_")
    body = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
    was, now = (
        "\n".join(line[1:].strip() for line in body if line.startswith(sign) and line[1:].strip()) for sign in "-+"
    )
    return Change(f"{module}.{name}", was, now)


def unused(entries: Iterable[Change], survived: Iterable[Change], modules: Iterable[str]) -> list[Change]:
    """Return the entries about modules that no surviving change needs any more."""
    left, tried = list(survived), set(modules)
    return [
        entry
        for entry in entries
        if any(entry.function.startswith(f"{module}.") for module in tried)
        and not any(entry.covers(change) for change in left)
    ]


def lines_of(function: str, root: Path) -> list[str]:
    """Return the lines of a function without indentation.

    Raises:
        LookupError: There is no such function below the root.
    """
    parts = function.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        path = root.joinpath(*parts[:depth]).with_suffix(".py")
        if path.is_file():
            source = path.read_text(encoding="utf-8")
            node = _find(ast.parse(source), parts[depth:], function)
            return [line.strip() for line in (ast.get_source_segment(source, node) or "").splitlines()]
    raise LookupError(function)


def _find(node: ast.AST, names: list[str], function: str) -> ast.AST:
    for name in names:
        found = [each for each in ast.iter_child_nodes(node) if getattr(each, "name", None) == name]
        if not found:
            raise LookupError(function)
        node = found[-1]
    return node
