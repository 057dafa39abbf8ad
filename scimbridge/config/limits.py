"""The guard and the exclusions of a configuration, as the domain has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta

from scimbridge.config.document import Document, ExclusionSection
from scimbridge.config.problems import spell, suggestion
from scimbridge.domain.action import GuardClass
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.guard import Guard, GuardScope, Limit
from scimbridge.errors import Problem
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.limits import GroupLimitSection, GuardSection, LimitSection

_DAY = timedelta(hours=24)
DEFAULT = GuardSection(all=LimitSection(count=100, percent=20, window=_DAY), percent_floor=50)
"""Where the configuration has no ``[guard]``."""

DEFAULT_GROUPS = GroupLimitSection(count=50, window=_DAY)
"""Where ``[guard]`` says nothing of groups: no limit of identities counts those."""


def guard_of(document: Document, targets: Mapping[str, TargetConfig]) -> Guard:
    """Return the guard with all its limits: overall, of each source, of each target."""
    overall = document.guard or DEFAULT
    overall = overall.model_copy(update={"groups": overall.groups or DEFAULT_GROUPS})
    sections = {(GuardScope.OVERALL, ""): overall}
    sections |= {(GuardScope.SOURCE, name): each.guard for name, each in document.sources.items() if each.guard}
    sections |= {(GuardScope.TARGET, name): each.guard for name, each in targets.items() if each.guard}
    return Guard(
        limits=tuple(limit for (scope, subject), each in sections.items() for limit in _limits(scope, subject, each)),
        floors={key: each.percent_floor for key, each in sections.items()},
    )


def exclusion_of(section: ExclusionSection) -> Exclusion:
    """Return who or what is never touched."""
    spared, subject = _subject(section)
    return Exclusion(
        reason=section.reason,
        spared=spared,
        match=section.match,
        subject=subject,
        target=(section.target or "") if spared in (Spared.ACCOUNT, Spared.GROUP) else "",
        until=section.until.ends(UTC) if section.until else None,
    )


def check_limits(document: Document, targets: object) -> Iterator[Problem]:
    """Yield what is wrong with exclusions beyond single values.

    Args:
        document: What could be read.
        targets: The plain tables of the targets.
    """
    names = frozenset(targets) if isinstance(targets, dict) else frozenset()
    for number, exclusion in enumerate(document.exclusions):
        if exclusion.target is not None and exclusion.target not in names:
            hint = suggestion(exclusion.target, names)
            yield Problem(spell(("exclusions", number, "target")), f'there is no target "{exclusion.target}"{hint}')


def _limits(scope: GuardScope, subject: str, section: GuardSection) -> Iterator[Limit]:
    for guard_class in GuardClass:
        limit: LimitSection | GroupLimitSection | None = getattr(section, guard_class)
        if limit is not None:
            yield Limit(
                scope=scope,
                subject=subject,
                guard_class=guard_class,
                window=limit.window,
                count=limit.count,
                percent=limit.percent if isinstance(limit, LimitSection) else None,
            )


def _subject(section: ExclusionSection) -> tuple[Spared, str]:
    for spared, value in (
        (Spared.MATCH, "" if section.match else None),
        (Spared.IDENTITY, section.identity),
        (Spared.MEMBERS, section.members),
        (Spared.ACCOUNT, section.account),
        (Spared.GROUP, section.group),
    ):
        if value is not None:
            return spared, value
    return Spared.TARGET, section.target or ""
