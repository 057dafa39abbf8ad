"""Following: each process goes by the version of the rules that is in force, and sees a new one while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from scimbridge.domain.number import number_of
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.rulebook import Edition, Rulebook
from scimbridge.domain.rules_version import Origin, RulesVersion
from scimbridge.errors import ConfigurationError
from scimbridge.services.activating import put_in_force
from scimbridge.services.alarming import Alarms
from scimbridge.store import rulesets
from scimbridge.store.database import Database

FOLLOW_EVERY = 1.0
"""Seconds between two looks at which version is in force; each is one row, read in a thread of its own."""

log = structlog.get_logger("scimbridge.rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """The rules of the configuration that this process was started with.

    Attributes:
        rules: With its exclusions, which count whatever version of the rules is in force.
        text: Of ``[[rules]]``.
        digest: Of what it says.
        name: Where the file is, and on which machine.
        is_only_authority: No other rules than those of a file are gone by.
    """

    rules: Ruleset
    text: str
    digest: str
    name: str
    is_only_authority: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which rules this process goes by, and how its file stands to them.

    Attributes:
        version: The one in force; ``None`` where the store knows of none: then it is the file.
        is_file: Its rules are those of the file.
        behind: Why this process cannot use it; empty where it does.
    """

    version: RulesVersion | None
    is_file: bool
    behind: str


class Following:
    """Keeps the rulebook of a process to the version in force.

    Args:
        database: The store.
        rulebook: What the process goes by.
        file: What its configuration says.
        read: Returns the rules of a text; raises ``ConfigurationError`` where this process cannot use them.
        changed: Told the former and the new rules, once they are gone by.
        alarms: How operators are told.
    """

    def __init__(
        self,
        database: Database,
        rulebook: Rulebook,
        file: FileRules,
        read: Callable[[str], Sequence[Rule]],
        changed: Callable[[Ruleset, Ruleset], object],
        alarms: Alarms,
    ) -> None:
        self._database = database
        self._rulebook = rulebook
        self._file = file
        self._read = read
        self._changed = changed
        self._alarms = alarms
        self._seen: int | None = None
        self._unused_for = ""
        self._told: tuple[int | None, str] = (None, "")
        self._turn = threading.Lock()

    def take_file(self, now: datetime) -> None:
        """Put the rules of the file in force where nobody has activated others; for processes that serve sources.

        A file that was changed takes the place of a file. What somebody has activated stays, and that is said; unless
        the file is the only authority. Twice does nothing more.
        """
        with self._database.write() as tx:
            rulesets.enter(tx)
            active = rulesets.active(tx)
            if active is not None and active.digest == self._file.digest:
                return
            if active is not None and active.origin is not Origin.FILE and not self._file.is_only_authority:
                log.warning(
                    "the file has other rules than those in force, which were activated here; `scimbridge rules diff` "
                    "shows the difference, and `scimbridge rules draft --file` makes a draft of the file",
                    action="rules.differ",
                    version=active.version,
                )
                return
            self._put_in_force(tx, active, now)

    def follow(self) -> None:
        """Go by the version in force, if it is another one than a moment ago.

        Raises:
            StoreError: The store does not say which one it is; the former rules stay.
        """
        with self._turn:  # whoever activates does not wait for the next look, which may come at the same moment
            with self._database.read() as tx:
                if rulesets.active_number(tx) == self._seen:
                    return
                version = rulesets.active(tx)
            if version is None:
                return
            former, edition = self._rulebook.edition, self._edition(version)
            self._rulebook.edition, self._seen = edition, version.version
            self._changed(former.rules, edition.rules)

    def keep(self, now: datetime) -> None:
        """Follow, and tell operators where this process does not go by what is in force; for processes that stay.

        Raises:
            StoreError: The store does not say what is in force, or does not take the alarm; the next time will do.
        """
        self.follow()
        found = (self._seen, self._unused_for)
        if found == self._told:
            return
        if self._seen is not None and self._unused_for:
            with self._database.write() as tx:
                self._alarms.rules_unused(
                    tx, version=self._seen, where=self._file.name, reason=self._unused_for, now=now
                )
        self._told = found

    def standing(self) -> Standing:
        """Return which rules are in force, and how the file stands to them."""
        with self._database.read() as tx:
            version = rulesets.active(tx)
        edition = self._rulebook.edition
        return Standing(
            version=version, is_file=version is None or version.digest == self._file.digest, behind=edition.behind
        )

    def _put_in_force(self, tx: Connection, former: RulesVersion | None, now: datetime) -> None:
        file = self._file
        earlier = rulesets.newest_like(tx, file.digest)
        added = rulesets.add(
            tx, text=file.text, digest=file.digest, origin=Origin.FILE, base=None, by=file.name, now=now
        )
        put_in_force(
            tx,
            added,
            former,
            rules=file.rules.rules,
            former_rules=self._readable(former),
            by=file.name,
            reason=_why_taken(former) + (f"; it says what version {earlier} said" if earlier is not None else ""),
            now=now,
            alarms=self._alarms,
        )

    def _readable(self, version: RulesVersion | None) -> Sequence[Rule]:
        """Return what a version says; nothing where this process cannot read it."""
        try:
            return self._read(version.text) if version is not None else ()
        except ConfigurationError:
            return ()

    def _edition(self, version: RulesVersion) -> Edition:
        """Return what this process goes by, now that a version is in force."""
        self._unused_for = ""
        if version.digest == self._file.digest:
            return self._taken(version, self._file.rules.rules)
        if self._file.is_only_authority and version.origin is not Origin.FILE:
            log.warning(
                "version %d of the rules was activated elsewhere; here the file is the only authority, and it is not "
                "used ([operators] edit_rules)",
                version.version,
                action="rules.unused",
            )
            self._unused_for = "here the file is the only authority (operators.edit_rules = false)"
            return Edition(self._file.rules)
        try:
            return self._taken(version, self._read(version.text))
        except ConfigurationError as error:
            why = f"{number_of(len(error.problems), 'problem')}, the first: {error.problems[0]}"
            return self._left_behind(version, why)
        except Exception as error:  # a fault of the reading must not let plans of former rules through either
            log.exception("reading the rules broke", action="rules.broke", version=version.version)
            return self._left_behind(version, f"unexpected {type(error).__name__}; see the log of the process")

    def _taken(self, version: RulesVersion, rules: Sequence[Rule]) -> Edition:
        log.info("rules in force", action="rules.followed", version=version.version, origin=version.origin)
        return Edition(Ruleset(rules, self._file.rules.exclusions), version.version)

    def _left_behind(self, version: RulesVersion, why: str) -> Edition:
        """Return the former rules: what is planned by them is held until a person has looked at it."""
        former = self._rulebook.edition
        self._unused_for = f"{why}; what it plans is held"
        log.error(
            "version %d of the rules cannot be used by this process, which has another configuration or release; what "
            "it plans by the former ones is held. Start it again with what the others have.",
            version.version,
            action="rules.behind",
            reason=why,
        )
        by = f"version {former.number}" if former.number is not None else "the rules of its file"
        behind = f"planned by {by}, for its process could not use version {version.version} of the rules ({why})"
        return Edition(former.rules, former.number, behind=behind, in_force=version.version)


def _why_taken(former: RulesVersion | None) -> str:
    if former is None:
        return "the rules of the configuration file"
    if former.origin is Origin.FILE:
        return "the configuration file has changed"
    return "the configuration file is the only authority (operators.edit_rules = false)"
