"""Finding connectors: entry points of the group ``scimbridge.connectors``, imported only when configured."""

from __future__ import annotations

import difflib
import inspect
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any

from scimbridge.errors import ConfigurationError, Problem, UnusableConnectorError
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector, Context
from scimbridge.sdk.contract import CONTRACT, OLDEST_CONTRACT

GROUP = "scimbridge.connectors"
OURS = "scimbridge"
"""The package whose connectors nobody else's stand in for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A connector that a package brings.

    Attributes:
        kind: What ``connector`` says in a configuration.
        package: The distribution that brings it.
        version: That of the package.
        contract: Which contract it says that it was written for; ``None`` where it says none, or cannot be imported.
        fault: Why it cannot be used, and what to do; empty where it can.
    """

    kind: str
    package: str
    version: str
    contract: int | None
    fault: str


def available_kinds() -> tuple[str, ...]:
    """Return the kinds of connectors that are installed, in alphabetical order. Imports none of them."""
    return tuple(sorted({entry.name for entry in _entry_points()}))


def connector_class(kind: str) -> type[Connector[Any]]:
    """Import the connector of a kind and return its class.

    Raises:
        UnusableConnectorError: It cannot be used: it cannot be imported, was written for another contract, or two
            packages bring it. The one problem's path is ``connector``.
        ConfigurationError: There is no such kind; likewise.
    """
    entries = _entry_points()
    entry = next((each for each in entries if each.name == kind and not _rivals(each, entries)), None)
    if entry is not None:
        return _fitting(entry, _imported(entry))
    rivals = [each for each in entries if each.name == kind]
    raise _refusal(_several(rivals)) if rivals else _unknown(kind)


def installed() -> tuple[Installed, ...]:
    """Return all connectors that are installed, in alphabetical order; imports them."""
    entries = sorted(_entry_points(), key=lambda entry: (entry.name, _package(entry)))
    return tuple(_described(entry, entries) for entry in entries)


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


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group=GROUP))


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else OURS


def _version(entry: EntryPoint) -> str:
    return entry.dist.version if entry.dist is not None else ""


def _rivals(entry: EntryPoint, entries: list[EntryPoint]) -> list[EntryPoint]:
    """Return who else brings the same kind, so that this one is not used; ours give way to nobody."""
    if _package(entry) == OURS:
        return []
    return [each for each in entries if each.name == entry.name and each is not entry]


def _described(entry: EntryPoint, entries: list[EntryPoint]) -> Installed:
    contract, fault = None, ""
    try:
        if rivals := _rivals(entry, entries):
            raise _refusal(_several([entry, *rivals]))
        loaded = _imported(entry)
        contract = _contract_of(loaded)
        _fitting(entry, loaded)
    except ConfigurationError as error:
        fault = "; ".join(problem.message for problem in error.problems)
    return Installed(kind=entry.name, package=_package(entry), version=_version(entry), contract=contract, fault=fault)


def _imported(entry: EntryPoint) -> type[Connector[Any]]:
    """Import a connector; what is wrong with it must stop nothing but itself."""
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as error:  # a stranger's module may do anything while it is imported
        raise _refusal(_not_loadable(entry, error)) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise _refusal(_no_connector(entry))
    return loaded


def _fitting(entry: EntryPoint, loaded: type[Connector[Any]]) -> type[Connector[Any]]:
    """Return a class that can be the connector of an entry point."""
    fault = _contract_fault(loaded) or _form_fault(entry.name, loaded)
    if fault:
        raise _refusal(f'the connector "{entry.name}" of {_package(entry)} {_version(entry)} cannot be used: {fault}')
    return loaded


def _contract_of(loaded: type[Connector[Any]]) -> int | None:
    contract = getattr(loaded, "contract", None)
    return contract if isinstance(contract, int) else None


def _contract_fault(loaded: type[Connector[Any]]) -> str:
    """Return why a connector's contract is not ours, and what to do; empty where it is."""
    contract = _contract_of(loaded)
    if contract is None:
        return f"it does not say which contract it was written for; whoever made it adds contract = {CONTRACT}"
    if contract > CONTRACT:
        return f"it was written for contract {contract}, and this scimbridge knows {CONTRACT}; upgrade scimbridge"
    if contract < OLDEST_CONTRACT:
        return (
            f"it was written for contract {contract}, and this scimbridge knows {OLDEST_CONTRACT} and newer; "
            "upgrade the package"
        )
    return ""


def _form_fault(kind: str, loaded: type[Connector[Any]]) -> str:
    """Return what a class lacks to be the connector of a kind; empty where it lacks nothing."""
    if missing := sorted(getattr(loaded, "__abstractmethods__", ())):
        return f"it has no {', '.join(missing)}; ask whoever made it"
    if getattr(loaded, "kind", None) != kind:
        return f"it calls itself {getattr(loaded, 'kind', None)!r}; ask whoever made it"
    config_type = getattr(loaded, "config_type", None)
    if not (inspect.isclass(config_type) and issubclass(config_type, TargetConfig)):
        return "its config_type is not a TargetConfig; ask whoever made it"
    return ""


def _refusal(message: str) -> UnusableConnectorError:
    return UnusableConnectorError([Problem("connector", message)])


def _unknown(kind: str) -> ConfigurationError:
    """Return that there is no such connector: a slip of whoever wrote it, unless its package is there."""
    with suppress(PackageNotFoundError, ValueError):
        package = distribution(f"scimbridge-{kind}").name
        return _refusal(f'the package {package} is installed, and registers no connector "{kind}"; ask whoever made it')
    available = available_kinds()
    close = difflib.get_close_matches(kind, available, n=1)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    message = f'"{kind}" is not a connector; {hint}available: {", ".join(available) or "none"}'
    return ConfigurationError([Problem("connector", message)])


def _several(entries: list[EntryPoint]) -> str:
    kind, packages = entries[0].name, sorted(_package(entry) for entry in entries)
    if OURS in packages:
        others = ", ".join(package for package in packages if package != OURS)
        return f'the connector "{kind}" is part of scimbridge, and nobody else\'s is used; uninstall {others}'
    return (
        f'the connector "{kind}" is in {" and in ".join(packages)}, and nobody can tell which is meant; uninstall one'
    )


def _not_loadable(entry: EntryPoint, error: BaseException) -> str:
    if isinstance(error, AttributeError) and entry.value.partition(":")[0].strip() in sys.modules:
        return _no_connector(entry)
    begin = f'the connector "{entry.name}" cannot be loaded'
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == OURS:
        return f"{begin}: {_line(error)}; upgrade scimbridge or {_package(entry)}, so that they fit"
    if _package(entry) == OURS:
        return f"{begin}: {_missing(error)}; pip install scimbridge[{entry.name}]"
    return f"{begin}: {_missing(error)}; reinstall {_package(entry)}, or ask whoever made it"


def _missing(error: BaseException) -> str:
    match error:
        case ModuleNotFoundError():
            return f"the Python package {error.name} is missing"
        case ImportError():
            return _line(error)
        case _:
            return f"{type(error).__name__}: {_line(error)}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _no_connector(entry: EntryPoint) -> str:
    return f'"{entry.name}" is registered, but is not a connector; ask whoever made {_package(entry)}, which brings it'
