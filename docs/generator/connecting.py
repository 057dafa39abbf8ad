"""What authors of connectors find in the SDK."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from docs.generator.texts import attributes, described_in, first_sentence, line
from scimbridge import scaffold, sdk
from scimbridge.sdk import (
    AccountState,
    AccountSummary,
    Connector,
    GroupState,
    NativeState,
    conformance,
    expiry,
    fields,
    finding,
    http,
    relaying,
    reply,
    stamp,
    testing,
)
from scimbridge.sdk.conformance.hooks import Hooks
from scimbridge.sdk.contract import CONTRACT, OLDEST_CONTRACT

SDK_MODULES = (http, fields, finding, relaying, stamp, reply, expiry, testing, conformance)
"""What connectors and their tests may import beside ``scimbridge.sdk``."""

_SDK_SOURCES = (sdk.config, sdk.connector, sdk.listing, sdk.outcome, sdk.secret)


def new_connector(path: str) -> Iterator[str]:
    """Yield a file of a new connector, as ``scimbridge connectors new desk`` writes it."""
    language = {"py": "python", "toml": "ini"}[path.rpartition(".")[2]]
    yield f"```{language}\n{scaffold.texts('desk')[path].strip()}\n```"


def sdk_versions() -> Iterator[str]:
    """Yield which contracts there are."""
    yield f"Here is contract {CONTRACT}; it takes connectors that were written for {OLDEST_CONTRACT} to {CONTRACT}."


def sdk_modules() -> Iterator[str]:
    """Yield a table of what connectors may import beside ``scimbridge.sdk`` itself."""
    yield "| module | | names |\n|---|---|---|"
    for module in SDK_MODULES:
        names = ", ".join(f"`{name}`" for name in _public(module))
        yield f"| `{module.__name__}` | {first_sentence(module)} | {names} |"


def sdk_names() -> Iterator[str]:
    """Yield a table of what ``scimbridge.sdk`` exports."""
    texts = dict(pair for module in _SDK_SOURCES for pair in described_in(module))
    yield "| name | |\n|---|---|"
    for name in sdk.__all__:
        yield f"| `{name}` | {texts.get(name) or first_sentence(getattr(sdk, name))} |"


def sdk_connector() -> Iterator[str]:
    """Yield a table of the methods of a connector."""
    yield "| method | | |\n|---|---|---|"
    for name, method in _methods(Connector):
        needed = "yours" if name in Connector.__abstractmethods__ else ""
        yield f"| `{name}{_signature(method)}` | {needed} | {first_sentence(method)} |"


def sdk_states() -> Iterator[str]:
    """Yield tables of what is read."""
    for kind in (NativeState, AccountState, GroupState, AccountSummary):
        yield f"| `{kind.__name__}` | |\n|---|---|"
        yield from (f"| `{name}` | {text} |" for name, text in attributes(kind))
        told = set() if kind is NativeState else set(vars(NativeState))
        for name, member in vars(kind).items():
            if isinstance(member, property) and not name.startswith("_") and name not in told:
                yield f"| `{name}` | {first_sentence(member)} |"
        for name, method in _methods(kind):
            if name not in told:
                yield f"| `{name}{_signature(method)}` | {first_sentence(method)} |"
        yield ""


def sdk_hooks() -> Iterator[str]:
    """Yield a table of what the conformance tests ask for."""
    yield "| of your tests | |\n|---|---|"
    for name, method in _methods(Hooks):
        yield f"| `{name}{_signature(method)}` | {first_sentence(method)} |"


def _public(module: ModuleType) -> list[str]:
    """Return what a module exports; else its own classes and functions, and what it explains."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    explained = [name for name, _ in described_in(module)]
    return sorted({name for name in (*own, *explained) if not name.startswith("_")})


def _methods(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the methods of a class that are its own and public, in the order of its source."""
    for name, member in vars(kind).items():
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield name, function


def _signature(function: Callable[..., Any]) -> str:
    """Return how a method is called, and what it returns."""
    signature = inspect.signature(function)
    _, *parameters = signature.parameters.values()
    return line(str(signature.replace(parameters=parameters)).replace("'", ""))
