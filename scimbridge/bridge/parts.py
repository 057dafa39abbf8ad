"""What everything else is made of: settings, store, queue, targets, clock, and the rules in force."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from redis import Redis

from scimbridge import registry
from scimbridge.config import Settings, read_rules, rules_text
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.rulebook import Rulebook
from scimbridge.errors import ConfigurationError
from scimbridge.queue.courier import Courier
from scimbridge.queue.redis import QUICK, connect
from scimbridge.sdk.connector import Connector, Context
from scimbridge.sdk.errors import TargetUnusableError
from scimbridge.services.alarming import Alarms
from scimbridge.services.fleet import NOTICES_TARGET, Fleet, Target
from scimbridge.services.following import FileRules, Following
from scimbridge.services.grants import Grants
from scimbridge.services.halt import Halt
from scimbridge.services.leases import TERMS, Leases, Terms
from scimbridge.services.permit import TargetPermit
from scimbridge.services.timing import Timing
from scimbridge.store.clock import StoreClock
from scimbridge.store.database import Database
from scimbridge.store.writer import Writer


class Parts:
    """What everything else is made of: settings, store, queue, targets, clock, and the rules in force."""

    def __init__(
        self,
        settings: Settings,
        *,
        queue_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
        lease: Terms = TERMS,
    ) -> None:
        self.settings = settings
        self.queue_url = queue_url or settings.queue_url
        self._lease = lease
        self._given_clock = clock

    @cached_property
    def database(self) -> Database:
        """The store."""
        return Database(self.settings.store_url)

    @cached_property
    def writer(self) -> Writer:
        """Writes what sources send."""
        return Writer(self.database)

    @cached_property
    def store_clock(self) -> StoreClock:
        """The store's clock."""
        return StoreClock(self.database)

    @property
    def clock(self) -> Callable[[], datetime]:
        """The clock that everything goes by."""
        return self._given_clock or self.store_clock

    @cached_property
    def leases(self) -> Leases:
        """The live attempts of this process."""
        return Leases(self.database, terms=self._lease)

    @cached_property
    def courier(self) -> Courier:
        """Tells the queue about work."""
        return Courier(self._redis(QUICK))

    @cached_property
    def fleet(self) -> Fleet:
        """The targets."""
        unusable = {name: problem.message for name, problem in self.settings.unusable.items()}
        found = {
            name: Target.of(name, config, self.settings.capabilities[name], unusable=unusable.get(name, ""))
            for name, config in self.settings.targets.items()
        }
        if self.settings.notices is not None:
            found[NOTICES] = NOTICES_TARGET
        return Fleet(found, self._build_connector)

    @cached_property
    def timing(self) -> Timing:
        """When work is let go."""
        return Timing(freezes=self.settings.freezes, deadlines=self.settings.deadlines)

    @cached_property
    def alarms(self) -> Alarms:
        """What operators have to know."""
        return Alarms(self.settings.notices)

    @cached_property
    def grants(self) -> Grants:
        """Which targets groups grant."""
        return Grants({name: config.granted_by for name, config in self.settings.targets.items()})

    @cached_property
    def halt(self) -> Halt:
        """Whether this process begins with anything new."""
        return Halt()

    @cached_property
    def file_rules(self) -> FileRules:
        """What the configuration says."""
        settings = self.settings
        text, digest = rules_text(settings)
        return FileRules(
            rules=settings.ruleset,
            text=text,
            digest=digest,
            name=f"{settings.path or 'the environment'} on {socket.gethostname()}",
            is_only_authority=not settings.operators.edit_rules,
        )

    @cached_property
    def rulebook(self) -> Rulebook:
        """The rules in force: those of the file until ``following`` knows better."""
        return Rulebook(self.settings.ruleset)

    @cached_property
    def following(self) -> Following:
        """Keeps the rulebook to the version in force."""
        return Following(
            self.database, self.rulebook, self.file_rules, self._rules_of, self._rules_changed, self.alarms
        )

    def _rules_of(self, text: str) -> Sequence[Rule]:
        found = read_rules(text, self.settings)
        if found.problems:
            raise ConfigurationError([placed.problem for placed in found.problems])
        return found.rules

    def _rules_changed(self, former: Ruleset, new: Ruleset) -> None:
        for target in self.fleet:
            if former.actions_at(target.name) != new.actions_at(target.name):
                self.fleet.renew(target.name)

    def _redis(self, timeout: float) -> Redis:
        return connect(self.queue_url, timeout=timeout)

    def _build_connector(self, name: str) -> Connector[Any]:
        if name not in self.settings.targets:
            raise TargetUnusableError(f"{name} is no target: nobody has an account there")
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock)
        planned = self.rulebook.rules.actions_at(name)
        context = Context(target=name, permit=permit, planned=planned, throttled=permit.throttled)
        return registry.build(name, self.settings.targets[name], context)
