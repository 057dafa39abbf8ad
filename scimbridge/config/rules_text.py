"""The text of ``[[rules]]``: taken out of a file, written anew, and searched for the line of a problem."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:([A-Za-z0-9_-]+)|"([^"]+)"|'([^']+)')\s*=""")
_PART = re.compile(r"""([A-Za-z0-9_-]+)|"([^"]*)"|'([^']*)'""")
_STEP = re.compile(r'\[(\d+)\]|"([^"]+)"|([^.\[\]"]+)')

Loc = tuple[str | int, ...]


def digest_of(tables: Any) -> str:
    """Return the digest of what rules say, whatever their comments, blanks and the order of their keys."""
    return sha256(json.dumps(tables, sort_keys=True, default=str).encode()).hexdigest()


def text_of(file: str, tables: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of rules: as the file has it, with its comments, where that is all of it; else written anew.

    Args:
        file: The whole file; empty where there is none.
        tables: What its ``[[rules]]`` are, after the environment had its say.
    """
    taken = "".join(_taken(file.splitlines(keepends=True))).strip("\n") + "\n"
    try:
        is_all = tomllib.loads(taken) == {"rules": list(tables)}
    except tomllib.TOMLDecodeError:
        is_all = False
    return taken if is_all else written(tables)


def written(tables: Sequence[Mapping[str, Any]]) -> str:
    """Return rules as TOML."""
    return "\n".join("\n".join(_table(("rules",), table)) + "\n" for table in tables)


class Places:
    """Where in a text of rules something stands. The text is searched once, however many lines are asked for."""

    def __init__(self, text: str) -> None:
        # As TOML has it: what else ends a line for other programs is a character of a string or a comment.
        self._lines: Mapping[Loc, int] = dict(_places(text.split("\n")))

    def line_of(self, path: str) -> int | None:
        """Return the line, from 1, at which a path like ``rules[0].stages[1].do`` stands, or what it is a part of."""
        loc: Loc = tuple(int(index) if index else quoted or bare for index, quoted, bare in _STEP.findall(path))
        return next((self._lines[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self._lines), None)


def _taken(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the tables of rules, with the comments that stand before each."""
    pending: list[str] = []
    is_wanted = False
    for line, header in _with_headers(lines):
        if header is not None:
            is_wanted = header[1][0] == "rules"
            yield from pending if is_wanted else ()
            pending = []
            if is_wanted:
                yield line
        elif line.strip() and not line.lstrip().startswith("#"):
            yield from (*pending, line) if is_wanted else ()
            pending = []
        else:
            pending.append(line)
    yield from pending if is_wanted else ()


def _places(lines: Sequence[str]) -> Iterator[tuple[Loc, int]]:
    """Yield where tables and their keys stand."""
    counts: dict[Loc, int] = {}
    table: Loc = ()
    for number, (line, header) in enumerate(_with_headers(lines), 1):
        if header is not None:
            table = _resolved(header, counts)
            yield table, number
        elif (key := _KEY.match(line)) is not None:
            yield (*table, next(filter(None, key.groups()))), number


def _resolved(header: tuple[bool, tuple[str, ...]], counts: dict[Loc, int]) -> Loc:
    """Return where a table is, its lists counted."""
    is_listed, parts = header
    loc: Loc = ()
    for position, part in enumerate(parts, 1):
        loc = (*loc, part)
        if position == len(parts) and is_listed:
            counts[loc] = counts.get(loc, -1) + 1
        if loc in counts:
            loc = (*loc, counts[loc])
    return loc


def _with_headers(lines: Sequence[str]) -> Iterator[tuple[str, tuple[bool, tuple[str, ...]] | None]]:
    """Yield lines, each with what it says where it is a table's header: whether of a list, and its parts."""
    quotes = ""
    for line in lines:
        match = _HEADER.match(line) if not quotes else None
        for mark in ('"""', "'''"):
            if quotes in ("", mark) and line.count(mark) % 2:
                quotes = "" if quotes else mark
        parts = tuple(next(filter(None, found), "") for found in _PART.findall(match[2])) if match else ()
        yield line, (match[1] == "[[", parts) if match and parts else None


def _table(at: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    listed = {
        key: value
        for key, value in table.items()
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
    }
    yield f"[[{'.'.join(map(_key, at))}]]"
    yield from (f"{_key(key)} = {_value(value)}" for key, value in table.items() if key not in listed)
    for key, tables in listed.items():
        for each in tables:
            yield ""
            yield from _table((*at, key), each)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for the one character that JSON may leave as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
