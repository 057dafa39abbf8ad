"""Changing the rule by which a source's userNames are compared."""

from __future__ import annotations

import structlog

from scimbridge.domain.names import any_case_key, user_name_key
from scimbridge.domain.source import NameCase, Profiles
from scimbridge.errors import ConfigurationError, Problem
from scimbridge.store import name_keys
from scimbridge.store.database import Database

_MOST_SHOWN = 10
_TELL_EVERY = 100_000
"""Identities between two lines of the log."""


class Rekeying:
    """Makes the keys of userNames what the configuration says; for the start of a process.

    It works in small transactions, and may run in several processes at once or be cut off: what
    it did stays right, and the next start goes on.
    """

    def __init__(self, database: Database, profiles: Profiles) -> None:
        self._database = database
        self._profiles = profiles
        self._log = structlog.get_logger("scimbridge.rekeying")

    def run(self) -> None:
        """Rekey the sources whose rule has changed; nothing happens where none has.

        Raises:
            ConfigurationError: By a source's new rule several of its Users have the same name. Nothing
                that the source notices was changed.
        """
        with self._database.read() as tx:
            made = name_keys.rules(tx)
        for source, rule in made.items():
            case = self._profiles.of(source).user_name_case
            if rule != case.value:
                self._rekey(source, case)

    def _rekey(self, source: str, case: NameCase) -> None:
        self._log.info("comparing userNames by another rule", action="rekey", source=source, rule=case.value)
        # First the keys that may be the same for several: they tell whether the rule can be kept.
        self._walk(source, lambda name: {"any_case_name": any_case_key(name)})
        if case is NameCase.IGNORED:
            self._refuse_clashes(source)
        self._walk(source, lambda name: {"user_name_key": user_name_key(name, case)})
        with self._database.write() as tx:
            name_keys.remember_rule(tx, source, case)
        self._log.info("userNames are compared by the new rule", action="rekeyed", source=source, rule=case.value)

    def _walk(self, source: str, keys: name_keys.Keys) -> None:
        seen, after = 0, ""
        while True:
            with self._database.write() as tx:
                last, read = name_keys.rekey_batch(tx, source, after, keys)
            if last is None:
                return
            seen, after = seen + read, last
            if seen % _TELL_EVERY < read:
                self._log.info("rekeying", action="rekey", source=source, identities=seen)

    def _refuse_clashes(self, source: str) -> None:
        with self._database.read() as tx:
            found = name_keys.clashes(tx, source, _MOST_SHOWN)
        if found:
            listed = "; ".join(", ".join(ids) for ids in found)
            raise ConfigurationError(
                [
                    Problem(
                        f"sources.{source}.user_name_case",
                        f'without case, these Users have the same userName: {listed}. Rename them, or keep "exact"',
                    )
                ]
            )
