"""Drafting: rules are written, checked, compared, put in force, and given up. Every version is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.approval import BOTH, may_be_same_person, same_operator
from scimbridge.domain.number import number_of
from scimbridge.domain.rules_change import difference
from scimbridge.domain.rules_version import Origin, RulesRead, RulesVersion, VersionState
from scimbridge.errors import ConcurrentUpdateError, RulesRefusedError
from scimbridge.services.activating import put_in_force
from scimbridge.services.alarming import Alarms
from scimbridge.store import identities, journal, rulesets
from scimbridge.store.database import Database

FRESH = timedelta(hours=24)
"""How long a replay counts for an activation."""

SHOWN = 50

Read = Callable[[str], RulesRead]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A version as it stands to the one in force.

    Attributes:
        active: The one in force, if the store knows of one.
        read: What it says, and what is wrong with it, in this process.
        changes: What differs from the version in force, line by line.
        obstacles: Why it cannot be put in force as it is, each with the next step; nothing where it can.
    """

    version: RulesVersion
    active: RulesVersion | None
    read: RulesRead
    changes: tuple[str, ...]
    obstacles: tuple[str, ...]

    @property
    def is_outdated(self) -> bool:
        """Whether another version has come into force since the draft was begun."""
        return self.version.state is VersionState.DRAFT and self.version.base != _number(self.active)


class Drafting:
    """What admins do with versions of the rules.

    Args:
        database: The store.
        read: Reads a text as this process would use it.
        alarms: How operators are told that other rules are in force.
        is_allowed: Whether rules may be changed elsewhere than in the file.
        approvers: How many different people it takes to put a draft in force.
    """

    def __init__(self, database: Database, read: Read, alarms: Alarms, *, is_allowed: bool, approvers: int = 1) -> None:
        self._database = database
        self._read = read
        self._alarms = alarms
        self._is_allowed = is_allowed
        self._approvers = approvers

    def versions(self, limit: int = SHOWN, *, before: int | None = None) -> list[RulesVersion]:
        """Return versions, the newest first, drafts and discarded ones among them."""
        with self._database.read() as tx:
            return rulesets.listed(tx, limit, before=before)

    def drafts(self) -> list[RulesVersion]:
        """Return the drafts that somebody works on, the newest first."""
        with self._database.read() as tx:
            return rulesets.drafts(tx, SHOWN)

    def version(self, number: int) -> RulesVersion:
        """Return a version.

        Raises:
            NotFoundError: There is none of this number.
        """
        with self._database.read() as tx:
            return rulesets.by_number(tx, number)

    def active(self) -> RulesVersion | None:
        """Return the version in force, if the store knows of one."""
        with self._database.read() as tx:
            return rulesets.active(tx)

    def look(self, number: int, now: datetime, *, by: str | None = None) -> Look:
        """Return a version as it stands.

        Args:
            number: Which one.
            now: When (UTC).
            by: Who would put it in force; where that is not known, whether they may is not among the obstacles.

        Raises:
            NotFoundError: There is none of this number.
        """
        with self._database.read() as tx:
            version, active = rulesets.by_number(tx, number), rulesets.active(tx)
        read = self._read(version.text)
        return Look(
            version=version,
            active=active,
            read=read,
            changes=tuple(difference(active.text if active else "", version.text)),
            obstacles=tuple(self._obstacles(version, active, read, now, by)),
        )

    def check(self, text: str) -> RulesRead:
        """Return what a text says, and all that is wrong with it."""
        return self._read(text)

    def difference(self, one: int, other: int) -> list[str]:
        """Return what differs between two versions, line by line.

        Raises:
            NotFoundError: One of them is not there.
        """
        return difference(self.version(one).text, self.version(other).text)

    def names(self, identity_ids: set[str], now: datetime) -> dict[str, str]:
        """Return the userNames of people whom a replay is about, as they are now."""
        with self._database.read() as tx:
            found = identities.identities_by_id(tx, identity_ids, now)
        return {key: identity.user_name for key, identity in found.items()}

    def begin(self, text: str, *, by: str, now: datetime) -> RulesVersion:
        """Store a draft, whatever is wrong with it, and return it.

        Raises:
            RulesRefusedError: The file is the only authority.
        """
        self._require_allowed()
        text = _storable(text)
        digest = self._read(text).digest  # may take a while, in which others write
        with self._database.write() as tx:
            base = rulesets.active_number(tx)
            draft = rulesets.add(tx, text=text, digest=digest, origin=Origin.DRAFT, base=base, by=by, now=now)
            _record(tx, "rules drafted", draft.version, now, by=by, reason=f"draft {draft.version}")
        return draft

    def change(
        self, number: int, text: str, *, revision: int, base: int | None, by: str, now: datetime
    ) -> RulesVersion:
        """Give a draft another text, and return it.

        Args:
            number: Which draft.
            text: All of it.
            revision: The one that whoever changes it has seen.
            base: The version in force that they have seen.
            by: Who.
            now: When (UTC).

        Raises:
            NotFoundError: There is none of this number.
            RulesRefusedError: Somebody else has changed it since, it is no draft any more, or the file is the only
                authority.
        """
        self._require_allowed()
        text = _storable(text)
        digest = self._read(text).digest
        with self._database.write() as tx:
            draft = _draft(tx, number)
            try:
                rulesets.change(tx, number, revision=revision, text=text, digest=digest, base=base, by=by, now=now)
            except ConcurrentUpdateError as error:
                raise RulesRefusedError(
                    f"{draft.changed_by} has saved draft {number} since you opened it; compare, and save again"
                ) from error
            return rulesets.by_number(tx, number)

    def discard(self, number: int, *, by: str, now: datetime, reason: str = "") -> None:
        """Give a draft up; it stays in the list.

        Raises:
            NotFoundError: There is none of this number.
            RulesRefusedError: It is no draft any more.
        """
        with self._database.write() as tx:
            _draft(tx, number)
            rulesets.discard(tx, number, by=by, now=now)
            said = f"draft {number}{': ' if reason else ''}{reason}"
            _record(tx, "rules discarded", number, now, by=by, reason=said)

    def activate(self, number: int, *, revision: int, reason: str, by: str, now: datetime) -> RulesVersion:
        """Put a draft in force, in the place of the version that it was begun from, and return it.

        Raises:
            NotFoundError: There is none of this number.
            RulesRefusedError: It cannot be, or somebody else was faster; the message says why, and what to do.
        """
        if not reason.strip():
            raise RulesRefusedError("say why: the reason is kept with the version")
        with self._database.write() as tx:
            rulesets.enter(tx)
            draft, active = _draft(tx, number), rulesets.active(tx)
            if draft.revision != revision:
                raise RulesRefusedError(
                    f"{draft.changed_by} has changed draft {number} since you looked at it; look at it again"
                )
            read = self._read(draft.text)
            obstacle = next(self._obstacles(draft, active, read, now, by), None)
            if obstacle is not None:
                raise RulesRefusedError(obstacle)
            put_in_force(
                tx,
                draft,
                active,
                rules=read.rules,
                former_rules=self._read(active.text).rules if active is not None else (),
                by=by,
                reason=reason,
                now=now,
                alarms=self._alarms,
                actor=by,
            )
            return rulesets.by_number(tx, number)

    def _obstacles(
        self, version: RulesVersion, active: RulesVersion | None, read: RulesRead, now: datetime, by: str | None
    ) -> Iterator[str]:
        """Yield why a version cannot be put in force, what to do first coming first."""
        number = version.version
        if not self._is_allowed:
            yield _ONLY_FILE
        if version.state is not VersionState.DRAFT:
            yield f"version {number} is {version.state}; make a draft of it"
            return
        if read.problems:
            yield f"draft {number} has {number_of(len(read.problems), 'problem')}; the first: {read.problems[0]}"
            return
        if active is not None and version.digest == active.digest:
            yield f"draft {number} says what is in force already"
            return
        if version.base != _number(active) and active is not None:
            yield (
                f"{active.activated_by} has put version {active.version} in force since draft {number} was begun; "
                "look at the difference, and save the draft again"
            )
            return
        yield from _unseen(version, active, now)
        if by is not None and self._approvers >= BOTH:
            yield from _own(version, by)

    def _require_allowed(self) -> None:
        if not self._is_allowed:
            raise RulesRefusedError(_ONLY_FILE)


_ONLY_FILE = "here the configuration file is the only authority (operators.edit_rules = false): change the rules there"


def _unseen(draft: RulesVersion, active: RulesVersion | None, now: datetime) -> Iterator[str]:
    """Yield why the past has to be replayed by a draft before it is put in force."""
    replay, number = draft.replay, draft.version
    if replay is None:
        yield f"replay the past by draft {number} first, and look at who would have been treated otherwise"
    elif replay["ended_at"] is None:
        yield f"the replay of draft {number} has not come to its end"
    elif replay["against"] != _number(active):
        yield f"draft {number} was compared with version {replay['against']}, which is not in force; replay it again"
    elif now - datetime.fromisoformat(replay["ended_at"]) > FRESH:
        yield f"the replay of draft {number} is older than a day; replay it again"


def _own(draft: RulesVersion, by: str) -> Iterator[str]:
    """Yield why somebody does not put a draft in force that is, or may be, their own."""
    number, authors = draft.version, (draft.created_by, draft.changed_by)
    if any(same_operator(author, by) for author in authors):
        yield (
            f"{by} has written draft {number}, and here it takes two (operators.rules_approvers = 2); "
            "let another admin look at it and put it in force"
        )
        return
    same = next((author for author in authors if may_be_same_person(author, by)), None)
    if same is not None:
        yield (
            f"{same}, who has written draft {number}, and {by} may be one person, because only one of them signs in by "
            f"the identity provider; let another admin put it in force who signs in the way {same} does"
        )


def _draft(tx: Connection, number: int) -> RulesVersion:
    found = rulesets.by_number(tx, number)
    match found.state:
        case VersionState.DRAFT:
            return found
        case VersionState.ACTIVE | VersionState.RETIRED:
            raise RulesRefusedError(f"{found.activated_by} has put version {number} in force; make a draft of it")
        case VersionState.DISCARDED:
            raise RulesRefusedError(f"{found.ended_by} has discarded draft {number}; make another one")


def _record(tx: Connection, event: str, version: int, now: datetime, *, by: str, reason: str) -> None:
    journal.record(tx, event, now, reason=reason, actor=by, details={"version": version})


def _number(version: RulesVersion | None) -> int | None:
    return None if version is None else version.version


def _storable(text: str) -> str:
    """Return a text as it can be kept: with the ends of lines that files have, and no character that is none."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return plain.encode("utf-8", "replace").decode("utf-8")
