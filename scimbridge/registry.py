"""Finding connectors: entry points of the group ``scimbridge.connectors``, imported only when configured."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from scimbridge.errors import ConfigurationError, Problem
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector, Context

GROUP = "scimbridge.connectors"


def available_kinds() -> tuple[str, ...]:
    """Return the kinds of connectors that are installed, in alphabetical order. Imports none of them."""
    return tuple(sorted(_entry_points()))


def connector_class(kind: str) -> type[Connector[Any]]:
    """Import the connector of a kind and return its class.

    Raises:
        ConfigurationError: There is no such kind, or it cannot be imported, mostly because
            its extra is not installed. The one problem's path is ``connector``.
    """
    found = _entry_points()
    if kind not in found:
        raise _refusal(_unknown(kind))
    try:
        loaded = found[kind].load()
    except ImportError as error:
        raise _refusal(_not_loadable(kind, error)) from error
    except AttributeError as error:
        raise _refusal(_no_connector(kind)) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise _refusal(_no_connector(kind))
    return loaded


def build(name: str, config: TargetConfig, context: Context) -> Connector[Any]:
    """Return a connector for one target.

    Args:
        name: The target's name; must be the context's.
        config: As the connector's own ``config_type`` has read it.
        context: What the engine hands over.
    """
    if name != context.target:
        raise ValueError(f"the context is for target {context.target!r}, not {name!r}")
    return connector_class(config.connector)(config, context)


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _refusal(message: str) -> ConfigurationError:
    return ConfigurationError([Problem("connector", message)])


def _unknown(kind: str) -> str:
    available = available_kinds()
    close = difflib.get_close_matches(kind, available, n=1)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    return f'"{kind}" is no connector; {hint}available: {", ".join(available) or "none"}'


def _not_loadable(kind: str, error: ImportError) -> str:
    missing = f"the Python package {error.name} is missing" if isinstance(error, ModuleNotFoundError) else str(error)
    return f'the connector "{kind}" cannot be loaded: {missing}; pip install scimbridge[{kind}]'


def _no_connector(kind: str) -> str:
    return f'"{kind}" is registered, but is no connector; ask whoever made the package that brings it'
