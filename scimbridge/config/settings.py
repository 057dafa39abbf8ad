"""Reading the configuration: all problems at once, then values that the rest of the bridge uses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scimbridge.config.access import access_of, check_access
from scimbridge.config.addresses import has_password, queue_url, store_url
from scimbridge.config.asking import hooks_of
from scimbridge.config.document import Document, SourceSection
from scimbridge.config.limits import check_limits, exclusion_of, guard_of
from scimbridge.config.listing import Listed, list_settings
from scimbridge.config.notify import channels_of
from scimbridge.config.operators import OperatorSettings, operators_of
from scimbridge.config.problems import read
from scimbridge.config.recipients import check_recipients
from scimbridge.config.retention import retention_of
from scimbridge.config.rules import check_rule_tables, rule_of
from scimbridge.config.sources import RawSettings, collect
from scimbridge.config.targets import Targets, read_targets
from scimbridge.config.values import Listen
from scimbridge.config.written_out import written_out
from scimbridge.domain.access import Network, SourceAccess
from scimbridge.domain.action import Action
from scimbridge.domain.capability import Capabilities
from scimbridge.domain.guard import Guard
from scimbridge.domain.retention import Retention
from scimbridge.domain.rule import Ruleset
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.source import Profiles, SourceProfile
from scimbridge.errors import ConfigurationError, Problem
from scimbridge.hooks.hook import Hook
from scimbridge.notices.channels import Channels
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.secret import SecretSources


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The HTTP server.

    Attributes:
        public_url: Without a slash at its end.
        max_body: The largest request, in bytes.
        max_bulk_body: The largest request to /Bulk, in bytes.
        documentation_url: Where people read how to connect; ``None`` where that is not said.
        trusted_proxies: Whose X-Forwarded-For is believed.
        core: The only core that the web process runs on; any where absent.
    """

    listen: Listen
    public_url: str
    max_body: int
    max_bulk_body: int
    documentation_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    core: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A configuration without mistakes.

    Attributes:
        path: The file; ``None`` where the environment said it all.
        data_dir: Absolute. It may not exist yet.
        profiles: How each source is read.
        access: How each source shows who it is.
        operators: How people sign in to the pages.
        store_url: For SQLAlchemy; a SQLite path in it is absolute.
        queue_url: ``embedded`` or a Redis address.
        targets: As the connectors' own ``config_type``, by name.
        capabilities: What each target's connector can do, by name; anything where it cannot be used.
        unusable: The targets whose connectors cannot be used, each with the reason. They wait; all others work.
        freezes: Periods without irreversible work.
        deadlines: How long after its due date each action may take before an alarm goes out.
        hooks: Whom rules can ask, by the names that they use.
        seal_key: The file of the key that seals the history.
        retention: How long records are kept.
        notices: How people are told; ``None`` where nobody is.
        warnings: What is allowed, and yet worth a look.
        document: As it was read, defaults filled in.
        raw: As it was written, for where each setting comes from.
    """

    path: Path | None
    data_dir: Path
    server: ServerSettings
    store_url: str = field(repr=False)
    queue_url: str = field(repr=False)
    sources: Mapping[str, SourceSection]
    profiles: Profiles
    access: Mapping[str, SourceAccess] = field(repr=False)
    operators: OperatorSettings
    targets: Mapping[str, TargetConfig]
    capabilities: Capabilities
    unusable: Mapping[str, Problem]
    ruleset: Ruleset
    guard: Guard
    freezes: tuple[Freeze, ...]
    deadlines: Mapping[Action, timedelta]
    hooks: Mapping[str, Hook] = field(repr=False)
    seal_key: Path
    retention: Retention
    notices: Channels | None = field(repr=False)
    warnings: tuple[Problem, ...]
    document: Document = field(repr=False)
    raw: RawSettings = field(repr=False)

    def listed(self) -> Iterator[Listed]:
        """Yield all settings, each with where it comes from, and without what must stay secret."""
        return list_settings(self.document, self.targets, self.raw)


def load(path: Path | None = None, environ: Mapping[str, str] | None = None, *, rules: Path | None = None) -> Settings:
    """Read the configuration from its file and the environment.

    Args:
        path: The file; where absent, see ``sources.collect``.
        environ: The environment; that of the process where absent.
        rules: Another file, whose rules and limits are taken instead, to try them.

    Raises:
        ConfigurationError: With all mistakes, each with its path.
    """
    raw = collect(path, os.environ if environ is None else environ, rules=rules)
    problems = list(raw.problems)
    document = read(Document, _without_targets(raw.tables), (), problems, context=SecretSources(raw.base_dir))
    targets = read_targets(raw.tables.get("targets"), raw.base_dir, problems)
    problems += check_access(document.sources) if document is not None else ()
    problems += check_rule_tables(raw.tables, targets)
    problems += check_limits(document, raw.tables.get("targets")) if document is not None else ()
    problems += check_recipients(document.rules, document.notify) if document is not None else ()
    if problems or document is None:
        raise ConfigurationError([_with_variable(raw, problem) for problem in problems])
    return _settings(raw, document, targets)


def _without_targets(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tables with each target's emptied: their keys are their connectors' affair."""
    targets = tables.get("targets")
    if not isinstance(targets, dict):
        return tables
    return {**tables, "targets": {name: {} if isinstance(table, dict) else table for name, table in targets.items()}}


def _with_variable(raw: RawSettings, problem: Problem) -> Problem:
    variable = raw.variables.get(problem.path)
    return Problem(problem.path, f"{problem.message} (from {variable})") if variable else problem


def _settings(raw: RawSettings, document: Document, targets: Targets) -> Settings:
    data_dir = raw.base_dir / document.data_dir
    public_url = document.server.public_url or f"http://{document.server.listen}"
    return Settings(
        path=raw.path,
        document=document,
        raw=raw,
        data_dir=data_dir,
        server=ServerSettings(
            listen=document.server.listen,
            public_url=public_url,
            max_body=document.server.max_body,
            max_bulk_body=document.server.max_bulk_body,
            documentation_url=document.server.documentation_url,
            trusted_proxies=tuple(document.server.trusted_proxies),
            core=document.server.core,
        ),
        store_url=store_url(document.store.url, base_dir=raw.base_dir, data_dir=data_dir),
        queue_url=queue_url(document.queue.url),
        sources=MappingProxyType(document.sources),
        profiles=Profiles({name: _profile(section) for name, section in document.sources.items()}),
        access=MappingProxyType({name: access_of(section) for name, section in document.sources.items()}),
        operators=operators_of(document.operators),
        targets=MappingProxyType(targets.configs),
        capabilities=MappingProxyType(targets.planned_by),
        unusable=MappingProxyType(targets.unusable),
        ruleset=Ruleset(
            rules=tuple(rule_of(section) for section in document.rules),
            exclusions=tuple(exclusion_of(section) for section in document.exclusions),
        ),
        guard=guard_of(document, targets.configs),
        freezes=tuple(section.freeze() for section in document.freeze),
        deadlines=MappingProxyType(dict(document.deadlines)),
        hooks=MappingProxyType(hooks_of(document.hooks)),
        seal_key=raw.base_dir / key_file if (key_file := document.evidence.key_file) else data_dir / "evidence.key",
        retention=retention_of(document.retention),
        notices=channels_of(document.notify, public_url) if document.notify is not None else None,
        warnings=(
            *map(_waits, targets.unusable.values()),
            *_written_out(raw, targets),
            *targets.warnings,
            *_absences(document),
        ),
    )


def _profile(section: SourceSection) -> SourceProfile:
    return SourceProfile(
        strict=section.strict,
        user_name_case=section.user_name_case,
        over_inactive=section.over_inactive,
        end_date=section.end_date,
        timezone=section.timezone,
        membership_memory=section.membership_memory,
    )


def _written_out(raw: RawSettings, targets: Targets) -> Iterator[Problem]:
    """Yield a warning for each secret in the file itself; those in the environment are where they belong."""
    harmless = {f"{section}.url" for section in ("store", "queue") if not _has_password(raw.tables.get(section, {}))}
    yield from (found for found in written_out(Document, raw.tables, (), raw.variables) if found.path not in harmless)
    for name, config in targets.configs.items():
        yield from written_out(type(config), raw.tables["targets"][name], ("targets", name), raw.variables)


def _has_password(section: Mapping[str, Any]) -> bool:
    return isinstance(url := section.get("url"), str) and has_password(url)


def _waits(problem: Problem) -> Problem:
    return Problem(problem.path, f"{problem.message}. Until it is mended, the tasks of this target wait")


def _absences(document: Document) -> list[Problem]:
    """Return a warning for each part that is empty, although the bridge is of no use without it."""
    return [
        Problem(section, message)
        for section, present, message in (
            ("sources", document.sources, "there are none; `scimbridge token create NAME` makes one"),
            ("targets", document.targets, "there are none: a case has nothing to do"),
            ("rules", document.rules, "there are none: whoever leaves keeps their access"),
        )
        if not present
    ]
