"""Where the configuration is read from: a TOML file, and environment variables over it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scimbridge.config.document import Document
from scimbridge.config.problems import spell, suggestion
from scimbridge.errors import ConfigurationError, Problem

PREFIX = "SCIMBRIDGE_"
PATH_VARIABLE = "SCIMBRIDGE_CONFIG"
DEFAULT_NAME = "scimbridge.toml"

RULES = ("rules", "exclusions", "guard", "freeze", "deadlines")
"""The sections that say what is made of facts; other rules can be tried with the rest as it is."""

_SECTIONS = frozenset(Document.model_fields)


@dataclass(slots=True)
class RawSettings:
    """The configuration before anything was checked.

    Attributes:
        path: The file; ``None`` where the environment says it all.
        tables: The file's tables with the environment's values put in.
        variables: Which place came from which environment variable.
        problems: Variables that name no place.
        text: The file, as it was read.
    """

    path: Path | None
    tables: dict[str, Any]
    variables: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    text: str = field(default="", repr=False)

    @property
    def base_dir(self) -> Path:
        """What relative paths are relative to."""
        return (self.path.parent if self.path else Path.cwd()).absolute()


def collect(path: Path | None, environ: Mapping[str, str], *, rules: Path | None = None) -> RawSettings:
    """Return what the file and the environment say.

    With ``rules``, that file's tables of ``RULES`` are taken instead. What it lacks stays, unless it is a whole
    configuration, which has targets: then what it lacks is meant to be gone.

    Without a path, the file is the one that ``SCIMBRIDGE_CONFIG`` names, else
    ``scimbridge.toml`` in the current folder, else the environment has to say it all.

    Raises:
        ConfigurationError: There is no configuration, or the file cannot be read or is no TOML.
    """
    settings = _variables(environ)
    chosen = path or _from_environment(environ) or _in_current_folder()
    if chosen is None and not settings:
        raise ConfigurationError(
            [Problem("--config", f"there is no {DEFAULT_NAME} here; name the file, or set {PATH_VARIABLE}")]
        )
    text = _text(chosen) if chosen else ""
    raw = RawSettings(path=chosen, tables=_tables(chosen, text) if chosen else {}, text=text)
    if rules is not None:
        others = _tables(rules, _text(rules))
        kept = {key: table for key, table in raw.tables.items() if key not in RULES or "targets" not in others}
        raw.tables = kept | {key: table for key, table in others.items() if key in RULES}
    for name, keys in settings.items():
        _put(raw, name, keys, environ[name])
    return raw


def _from_environment(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(PATH_VARIABLE)
    return Path(named) if named else None


def _in_current_folder() -> Path | None:
    path = Path(DEFAULT_NAME)
    return path if path.is_file() else None


def _text(path: Path) -> str:
    try:
        # Some editors put a byte order mark at the beginning.
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "is not UTF-8 text") from error


def _tables(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, f"is not TOML: {error}") from error


def _unreadable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(str(path), message)])


def _variables(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the keys that each of our variables names, in order of the names.

    A variable without ``__`` counts only if it names a section: orchestrators put variables
    of their own, such as ``SCIMBRIDGE_PORT``, beside a service called scimbridge.
    """
    found = {}
    for name in sorted(environ):
        keys = name.removeprefix(PREFIX).lower().split("__")
        if name.startswith(PREFIX) and (len(keys) > 1 or keys[0] in _SECTIONS):
            found[name] = keys
    return found


def _put(raw: RawSettings, name: str, keys: list[str], text: str) -> None:
    if keys[0] not in _SECTIONS:
        raw.problems.append(Problem(name, f'there is no section "{keys[0]}"{suggestion(keys[0], _SECTIONS)}'))
        return
    place: Any = raw.tables
    loc: list[str | int] = []
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        step = _step(place, key)
        if step is None:
            raw.problems.append(Problem(name, f'"{key}" is no place in {spell(loc)}; lists are counted from 0'))
            return
        loc.append(step)
        if following is None:
            _assign(place, step, _value(text))
        else:
            place = _enter(place, step, [] if following.isdigit() else {})
    raw.variables[spell(loc)] = name


def _step(place: Any, key: str) -> str | int | None:
    """Return the key or index to take within a table or list; ``None`` where it cannot be entered."""
    if isinstance(place, dict):
        # Variables cannot spell a hyphen or a capital; what the file has already is meant.
        return next((known for known in place if known.lower().replace("-", "_") == key), key)
    if isinstance(place, list) and key.isdigit() and int(key) <= len(place):
        return int(key)
    return None


def _enter(place: Any, step: str | int, empty: Any) -> Any:
    if isinstance(place, dict):
        return place.setdefault(step, empty)
    if step == len(place):
        place.append(empty)
    return place[step]


def _assign(place: Any, step: str | int, value: Any) -> None:
    if isinstance(place, list) and step == len(place):
        place.append(value)
    else:
        place[step] = value


def _value(text: str) -> Any:
    """Return a list or table written as JSON or TOML; all else is text, which the models turn into what they need."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
