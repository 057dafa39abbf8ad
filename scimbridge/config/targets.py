"""``[targets.NAME]``: each table is read by the connector that it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scimbridge import registry
from scimbridge.config import later
from scimbridge.config.problems import read, spell
from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities
from scimbridge.domain.outline import NOTICES
from scimbridge.errors import ConfigurationError, Problem
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.secret import SecretSources

# They become names of queues, and labels of metrics.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(slots=True)
class Targets:
    """The targets that could be read, with what their connectors can do."""

    configs: dict[str, TargetConfig] = field(default_factory=dict)
    capabilities: dict[str, Abilities] = field(default_factory=dict)
    connectors: dict[str, type[Connector[Any]]] = field(default_factory=dict)


def read_targets(tables: Any, secrets: SecretSources, problems: list[Problem]) -> Targets:
    """Return the targets, adding what is wrong with them to ``problems``."""
    found = Targets()
    if not isinstance(tables, dict):
        return found  # reported when it was read as a value
    for name, table in tables.items():
        if name == NOTICES:
            problems.append(
                Problem(spell(("targets", name)), "is how the bridge calls telling people; take another name")
            )
        if not NAME.fullmatch(name):
            problems.append(Problem(spell(("targets", name)), 'write a name of a-z, 0-9, "_" and "-", like "okta-eu"'))
        if isinstance(table, dict):
            _read_target(found, name, table, secrets, problems)
    return found


def check_needs(targets: Targets, planned: Mapping[str, Collection[Action]]) -> Iterator[Problem]:
    """Yield what targets' tables have to say for what the rules plan there, and do not."""
    for name, config in targets.configs.items():
        for key, message in targets.connectors[name].lacks(config, planned.get(name, ())):
            yield Problem(spell(("targets", name, key)), message)


def _read_target(
    found: Targets, name: str, table: Mapping[str, Any], secrets: SecretSources, problems: list[Problem]
) -> None:
    at = ("targets", name)
    connector = _connector(table, at, problems)
    if connector is None:
        return
    found.capabilities[name] = connector.capabilities
    found.connectors[name] = connector
    literals = len(secrets.warnings)
    config = read(connector.config_type, table, at, problems, context=secrets)
    secrets.warnings[literals:] = [
        Problem(spell((*at, warning.path)), warning.message) for warning in secrets.warnings[literals:]
    ]
    if config is not None:
        found.configs[name] = config
        found.capabilities[name] = connector.able(config)


def _connector(table: Mapping[str, Any], at: tuple[str, ...], problems: list[Problem]) -> type[Connector[Any]] | None:
    kind = table.get("connector")
    where = spell((*at, "connector"))
    if not isinstance(kind, str):
        problems.append(Problem(where, f"is missing; available: {', '.join(registry.available_kinds())}"))
        return None
    if kind in later.CONNECTORS and kind not in registry.available_kinds():
        problems.append(Problem(where, f'"{kind}" {later.SAYS}'))
        return None
    try:
        return registry.connector_class(kind)
    except ConfigurationError as error:
        problems += (Problem(where, problem.message) for problem in error.problems)
        return None
