"""``[targets.NAME]``: each table is read by the connector that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict

from scimbridge import registry
from scimbridge.config.problems import read, spell
from scimbridge.domain.action import Action
from scimbridge.domain.capability import ANYTHING, Abilities
from scimbridge.domain.outline import NOTICES
from scimbridge.errors import ConfigurationError, Problem, UnusableConnectorError
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.secret import SecretSources

# They become names of queues, and labels of metrics.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


T = TypeVar("T")


class AnyTarget(TargetConfig):
    """What can be read of a target's table without its connector."""

    model_config = ConfigDict(extra="ignore")


@dataclass(slots=True)
class Targets:
    """The targets that could be read.

    Attributes:
        capabilities: What their connectors can do, where that is known.
        unusable: Those whose connectors cannot be used, each with the reason; what all targets have is read of them.
        warnings: What their connectors find doubtful in their tables.
    """

    configs: dict[str, TargetConfig] = field(default_factory=dict)
    capabilities: dict[str, Abilities] = field(default_factory=dict)
    connectors: dict[str, type[Connector[Any]]] = field(default_factory=dict)
    unusable: dict[str, Problem] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def planned_by(self) -> dict[str, Abilities]:
        """What each target can do; anything where nobody can tell, so that nothing of what rules ask is lost."""
        return {name: self.capabilities.get(name, ANYTHING) for name in self.configs}


def read_targets(tables: Any, base_dir: Path, problems: list[Problem]) -> Targets:
    """Return the targets, adding what is wrong with them to ``problems``."""
    found = Targets()
    if not isinstance(tables, dict):
        return found  # reported when it was read as a value
    for name, table in tables.items():
        if name == NOTICES:
            problems.append(
                Problem(spell(("targets", name)), "is the bridge's own name for notices; choose another one")
            )
        if not NAME.fullmatch(name):
            problems.append(Problem(spell(("targets", name)), 'write a name of a-z, 0-9, "_" and "-", like "okta-eu"'))
        if isinstance(table, dict):
            _read_target(found, name, table, SecretSources(base_dir), problems)
    return found


def check_needs(targets: Targets, planned: Mapping[str, Collection[Action]]) -> Iterator[Problem]:
    """Yield what targets' tables have to say for what the rules plan there, and do not."""
    for name, connector in list(targets.connectors.items()):
        if name not in targets.configs:
            continue
        config = targets.configs[name]
        try:
            lacking = _asked(config.connector, partial(_lacking, connector, config, planned.get(name, ())))
        except UnusableConnectorError as error:
            _give_up(targets, name, error)
            continue
        for key, message in lacking:
            yield Problem(spell(("targets", name, key)), message)


def _lacking(
    connector: type[Connector[Any]], config: TargetConfig, actions: Collection[Action]
) -> list[tuple[str, str]]:
    return list(connector.lacks(config, actions))


def _read_target(
    found: Targets, name: str, table: Mapping[str, Any], secrets: SecretSources, problems: list[Problem]
) -> None:
    at = ("targets", name)
    try:
        connector = _connector(table, at, problems)
        if connector is None:
            return
        found.capabilities[name] = connector.capabilities
        found.connectors[name] = connector
        own: list[Problem] = []
        config = _asked(table["connector"], lambda: read(connector.config_type, table, at, own, context=secrets))
        problems += own
        if config is not None:
            found.configs[name] = config
            found.capabilities[name] = _asked(config.connector, lambda: connector.able(config))
    except UnusableConnectorError as error:
        config = read(AnyTarget, table, at, problems, context=secrets)
        if config is not None:
            found.configs[name] = config
        _give_up(found, name, error)
    found.warnings += (Problem(spell((*at, warning.path)), warning.message) for warning in secrets.warnings)


def _asked(kind: str, question: Callable[[], T]) -> T:
    """Return what a connector's own code answers; whatever goes wrong in it stops no other target."""
    try:
        return question()
    except Exception as error:  # a stranger's code may do anything; its words may quote a secret
        message = f'the connector "{kind}" broke while its table was read ({type(error).__name__}); ask whoever made it'
        raise UnusableConnectorError([Problem("connector", message)]) from error


def _give_up(found: Targets, name: str, error: UnusableConnectorError) -> None:
    message = "; ".join(problem.message for problem in error.problems)
    found.unusable[name] = Problem(spell(("targets", name, "connector")), message)
    found.capabilities.pop(name, None)
    found.connectors.pop(name, None)


def _connector(table: Mapping[str, Any], at: tuple[str, ...], problems: list[Problem]) -> type[Connector[Any]] | None:
    """Return the connector that a table names, unless it names none.

    Raises:
        UnusableConnectorError: It cannot be used.
    """
    kind = table.get("connector")
    where = spell((*at, "connector"))
    if not isinstance(kind, str):
        problems.append(Problem(where, f"is missing; available: {', '.join(registry.available_kinds())}"))
        return None
    try:
        return registry.connector_class(kind)
    except UnusableConnectorError:
        raise
    except ConfigurationError as error:
        problems += (Problem(where, problem.message) for problem in error.problems)
        return None
