"""Replaying: what the past would have been by a draft of the rules, kept with the draft for whoever activates it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from scimbridge.domain.guard import Guard
from scimbridge.domain.outline import counted_as
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.rules_change import changed_rules, new_irreversible
from scimbridge.domain.rules_version import RulesVersion, VersionState
from scimbridge.domain.times import iso
from scimbridge.errors import BridgeError, RulesRefusedError
from scimbridge.sdk.config import Mode
from scimbridge.services.fleet import Fleet
from scimbridge.services.rehearsal.replay import Difference, Treatment, judged
from scimbridge.services.rehearsal.windows import Fullest, Windows
from scimbridge.store import facts, holds, rulesets, targets
from scimbridge.store.database import Database

SPAN = timedelta(days=90)
"""How much of the past is looked at, unless somebody says otherwise."""

LONGEST_SPAN = timedelta(days=36_500)
"""No bridge is older, and calendars have a first day."""

MOST_FACTS = 50_000
"""Of a longer past, the newest."""

KEPT = 200
"""Facts that are kept with the draft to be looked at, of those that would have been treated otherwise."""

NOTED_EVERY = 1.0
PAUSE = 0.02
"""Seconds between two batches, in which a web process serves others."""

STALLED_AFTER = timedelta(seconds=60)
"""A replay that was not heard of for so long has ended with its process."""

log = structlog.get_logger("scimbridge.rules")

Progress = Callable[[int, int], object]


@dataclass(slots=True)
class _Sum:
    """What is found, as it grows."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("facts", "same", "different"), 0))
    people: dict[str, set[str]] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)

    def add(self, one: Difference) -> None:
        """Take in one fact."""
        self.counts["facts"] += 1
        self.counts["different" if one.said else "same"] += 1
        for kind in _kinds(one):
            self.people.setdefault(kind, set()).add(one.identity.id)
        if one.said and len(self.kept) < KEPT:
            self.kept.append(
                {
                    "identity_id": one.identity.id,
                    "at": iso(one.at),
                    "trigger": one.trigger.value,
                    "before": one.before.is_in_words,
                    "after": one.after.is_in_words,
                    "said": list(one.said),
                }
            )


def _kinds(one: Difference) -> Sequence[str]:
    kinds = ["all"]
    if one.said:
        before, after = one.before.touches, one.after.touches
        kinds += ["different"]
        kinds += ["touched_only_now"] if after and not before else []
        kinds += ["spared_now"] if before and not after else []
        kinds += ["otherwise"] if before and after else []
    if _final(one.after) - _final(one.before):
        kinds.append("irreversible_only_now")
    return kinds


def _final(treatment: Treatment) -> set[Any]:
    return {key for key in treatment.tasks if key[1].is_irreversible}


class Replaying:
    """Judges the facts of the last months by the rules in force and by a draft. Nothing but the draft's row is written.

    Args:
        database: The store.
        fleet: The targets.
        rulebook: The rules in force.
        guard: What would have been held.
        read: Returns the rules of a text; raises ``ConfigurationError`` where something is wrong with it.
    """

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        rulebook: Rulebook,
        guard: Guard,
        read: Callable[[str], Sequence[Rule]],
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._rulebook = rulebook
        self._guard = guard
        self._read = read
        self._turn = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def run(
        self, version: int, *, by: str, now: datetime, span: timedelta = SPAN, progress: Progress | None = None
    ) -> RulesVersion:
        """Replay the past by a draft, and return the draft with what was found.

        Raises:
            NotFoundError: There is no such version.
            RulesRefusedError: It is no draft, or was changed or given up meanwhile.
            ConfigurationError: Something is wrong with it.
        """
        draft = self._draft(version)
        other = Ruleset(self._read(draft.text), self._rulebook.rules.exclusions)
        note = self._begin(draft, by=by, now=now, span=span)
        self._replay(draft, other, note, now, progress or (lambda _done, _all: None))
        with self._database.read() as tx:
            return rulesets.by_number(tx, version)

    def start(self, version: int, *, by: str, now: datetime, span: timedelta = SPAN) -> None:
        """Begin the same in a thread of its own; how far it has come is kept with the draft.

        Raises:
            NotFoundError: There is no such version.
            RulesRefusedError: It is no draft, or this process is busy with another replay.
            ConfigurationError: Something is wrong with it.
        """
        draft = self._draft(version)
        other = Ruleset(self._read(draft.text), self._rulebook.rules.exclusions)
        if not self._turn.acquire(blocking=False):
            raise RulesRefusedError("another replay is under way in this process; wait until it is through")
        try:
            note = self._begin(draft, by=by, now=now, span=span)
            self._thread = threading.Thread(
                target=self._in_thread, args=(draft, other, note, now), name="replay", daemon=True
            )
            self._thread.start()
        except BaseException:
            self._turn.release()
            raise

    def close(self) -> None:
        """End what is under way."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _draft(self, version: int) -> RulesVersion:
        with self._database.read() as tx:
            found = rulesets.by_number(tx, version)
        if found.state is not VersionState.DRAFT:
            raise RulesRefusedError(f"version {version} is {found.state}; only a draft is replayed")
        return found

    def _begin(self, draft: RulesVersion, *, by: str, now: datetime, span: timedelta) -> dict[str, Any]:
        edition, span = self._rulebook.edition, min(span, LONGEST_SPAN)
        with self._database.read() as tx:
            since = facts.newest_since(tx, now - span, MOST_FACTS)
        note: dict[str, Any] = {
            "by": by,
            "begun_at": iso(now),
            "heard_at": iso(now),
            "since": iso(since),
            "is_shortened": since > now - span,
            # Where this process cannot use what is in force, it has nothing to compare with but the former rules;
            # to mend that takes a draft, too.
            "against": edition.in_force,
            "unread": edition.behind,
            "done": 0,
            "total": 0,
            "ended_at": None,
            "failed": "",
        }
        self._note(draft, note)
        return note

    def _in_thread(self, draft: RulesVersion, other: Ruleset, note: dict[str, Any], now: datetime) -> None:
        def breathe(_done: int, _all: int) -> None:
            if self._ending.wait(PAUSE):
                raise RulesRefusedError("the process has ended; start it again")

        try:
            self._replay(draft, other, note, now, breathe)
        except BridgeError as error:
            log.warning("a replay has ended early", action="rules.replay.failed", reason=str(error))
        except Exception:
            log.exception("a replay broke", action="rules.replay.broke")
        finally:
            self._turn.release()

    def _replay(
        self, draft: RulesVersion, other: Ruleset, note: dict[str, Any], now: datetime, progress: Progress
    ) -> None:
        """Judge the past, and note the end of it: also where it is one before its time."""
        begun = noted_at = time.monotonic()

        def through(done: int, total: int) -> None:
            nonlocal noted_at
            note.update(done=done, total=total)
            progress(done, total)
            at = time.monotonic()
            if at - noted_at >= NOTED_EVERY:
                noted_at = at
                self._note(draft, {**note, "heard_at": iso(now + timedelta(seconds=at - begun))})

        try:
            note.update(self._found(draft, other, note, now, through))
        except BaseException as error:
            self._note(draft, {**note, "failed": str(error) if isinstance(error, BridgeError) else "it broke"})
            raise
        self._note(draft, {**note, "ended_at": iso(now), "heard_at": iso(now)})

    def _found(
        self, draft: RulesVersion, other: Ruleset, note: dict[str, Any], now: datetime, progress: Progress
    ) -> dict[str, Any]:
        rules, summed = self._rulebook.rules, _Sum()
        since = datetime.fromisoformat(note["since"])
        with self._database.view() as tx:
            windows = Windows(self._guard, self._observing() - targets.armed(tx, now))
            exclusions = holds.standing_exclusions(tx)
            capabilities = self._fleet.capabilities
            for one in judged(tx, rules, other, capabilities, exclusions, since, now, progress):
                summed.add(one)
                for is_other, treatment in enumerate((one.before, one.after)):
                    counted = counted_as(treatment.tasks)
                    windows.add(one.identity.id, one.identity.source, one.at, counted, other=bool(is_other))
            fullest = [each for each in windows.fullest(tx, now) if each.trips]
            changed = changed_rules(rules, other)
            return {
                "revision": draft.revision,
                "counts": summed.counts,
                "people": {kind: len(who) for kind, who in summed.people.items()},
                "rules": changed,
                "irreversible": new_irreversible(rules, other),
                "left_behind": rulesets.open_cases_by(tx, frozenset(changed["removed"])),
                "guard": [_fullest_document(each) for each in fullest],
                "facts": summed.kept,
            }

    def _observing(self) -> frozenset[str]:
        return frozenset(each.name for each in self._fleet if each.mode is Mode.OBSERVE)

    def _note(self, draft: RulesVersion, note: dict[str, Any]) -> None:
        with self._database.write() as tx:
            if not rulesets.note_replay(tx, draft.version, draft.revision, note):
                raise RulesRefusedError(f"draft {draft.version} was changed meanwhile; replay it again")


def _fullest_document(each: Fullest) -> dict[str, Any]:
    return {
        "where": each.limit.where,
        "class": each.limit.guard_class.value,
        "window_seconds": each.limit.window.total_seconds(),
        "room": each.room,
        "before": each.before,
        "after": each.after,
    }
