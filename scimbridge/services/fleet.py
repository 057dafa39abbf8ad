"""The configured targets, and one connector for each, made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scimbridge.domain.capability import Abilities, Capabilities
from scimbridge.domain.outline import NOTICES, TELLING
from scimbridge.domain.schedule import Schedule
from scimbridge.errors import ConfigurationError, NotFoundError
from scimbridge.sdk.config import LOST_PERCENT, Mode, TargetConfig
from scimbridge.sdk.connector import Connector
from scimbridge.sdk.errors import TargetUnusableError

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the engine needs to know about a target.

    Attributes:
        match: SCIM attribute = the target's attribute, tried in order.
        interval: Time between two calls, where a rate limit is set.
        unusable: Why its connector cannot be used, in this process; empty where it can.
        reconcile: When all its accounts are compared with what is known of them; only when asked, where absent.
        stale_after: Stale is an account that nobody has signed in with for so long; none is, where absent.
        lost_percent: How many of a hundred accounts may be missing from a list that is believed.
    """

    name: str
    kind: str
    mode: Mode
    concurrency: int
    interval: timedelta | None
    match: Mapping[str, str]
    abilities: Abilities
    unusable: str = ""
    reconcile: Schedule | None = None
    stale_after: timedelta | None = None
    lost_percent: int = LOST_PERCENT

    @classmethod
    def of(cls, name: str, config: TargetConfig, abilities: Abilities, *, unusable: str = "") -> Target:
        """Return what the configuration and the connector's class say about a target."""
        return cls(
            name=name,
            kind=config.connector,
            mode=config.mode,
            concurrency=config.concurrency,
            interval=config.rate_limit,
            match={str(attribute): native for attribute, native in config.match.items()},
            abilities=abilities,
            unusable=unusable,
            reconcile=Schedule.parse(config.reconcile, _UTC) if config.reconcile is not None else None,
            stale_after=config.stale_after,
            lost_percent=config.lost_percent,
        )


NOTICES_TARGET = Target(
    name=NOTICES,
    kind=NOTICES,
    mode=Mode.ENFORCE,
    concurrency=4,
    interval=None,
    match={},
    abilities=TELLING,
)
"""Stands for the bridge itself where it tells people: its tasks wait, pause and resume like those of any target."""


class Fleet:
    """All targets of a configuration.

    Args:
        targets: What the engine needs to know of each.
        build: Makes the connector of a target. It may raise; the next call tries again.
    """

    def __init__(self, targets: Mapping[str, Target], build: Callable[[str], Connector[Any]]) -> None:
        self._targets = targets
        self._build = build
        self._connectors: dict[str, Connector[Any]] = {}
        self._former: list[Connector[Any]] = []
        self._turn = threading.Lock()

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def __getitem__(self, name: str) -> Target:
        """Return a target.

        Raises:
            NotFoundError: The configuration has no target of this name (any more).
        """
        try:
            return self._targets[name]
        except KeyError:
            raise NotFoundError("target", name) from None

    def __contains__(self, name: str) -> bool:
        return name in self._targets

    @property
    def unusable(self) -> Mapping[str, str]:
        """Why connectors cannot be used, by target."""
        return {target.name: target.unusable for target in self if target.unusable}

    @property
    def capabilities(self) -> Capabilities:
        """What each target can do."""
        return {target.name: target.abilities for target in self}

    def connector(self, name: str) -> Connector[Any]:
        """Return the connector of a target, the same one for all threads.

        Raises:
            TargetUnusableError: It cannot be used, or not be made with this configuration.
        """
        if name in self and self[name].unusable:
            raise TargetUnusableError(self[name].unusable)
        with self._turn:
            if name not in self._connectors:
                try:
                    self._connectors[name] = self._build(name)
                except ConfigurationError as error:
                    raise TargetUnusableError(str(error)) from error
            return self._connectors[name]

    def renew(self, name: str) -> None:
        """Have the connector of a target made anew; the former one is kept for those who are at work with it."""
        with self._turn:
            former = self._connectors.pop(name, None)
            if former is not None:
                self._former.append(former)

    def close(self) -> None:
        """Close all connectors that were made."""
        with self._turn:
            for connector in (*self._connectors.values(), *self._former):
                connector.close()
            self._connectors.clear()
            self._former.clear()
