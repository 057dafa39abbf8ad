"""Whether the history is what was sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from scimbridge.domain.seal import ERASED, Seal, digest_of_document, digest_of_entry, gaps_between, hash_of_entries
from scimbridge.services.seal_key import PublicKeys
from scimbridge.services.sealing import IN_FLIGHT
from scimbridge.store import erasure, seals
from scimbridge.store.database import Database

MOST_FINDINGS = 1000
"""Findings that are listed; whoever changes everything fills no memory with it."""

_LOWEST = -(2**62)
"""Ids begin with 1; nobody who puts an entry in has to keep to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found.

    Attributes:
        seals: How many seals were looked at: all, or those of a part.
        entries: How many entries are under them.
        waiting: How many entries wait for their seal; ``None`` where more seals follow, or it cannot be read.
        head: Number and digest of the last of them; ``None`` where there is none. Who has noted an earlier head can
            tell whether the chain still leads there.
        has_more: More seals follow, so that verifying goes on after this head.
        findings: What is wrong, as sentences; empty where all is as it was sealed.
    """

    seals: int
    entries: int
    waiting: int | None
    head: tuple[int, str] | None
    findings: tuple[str, ...]
    has_more: bool = False


class Verifying:
    """Recomputes the chain of seals; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seal_count(self) -> int:
        """Return how many seals there are."""
        with self._database.read() as tx:
            found = seals.last(tx)
        return found.number if found is not None else 0

    def verify(
        self,
        keys: PublicKeys,
        now: datetime,
        *,
        expected: tuple[int, str] | None = None,
        told: Callable[[int], None] = lambda _number: None,
        after: tuple[int, str] | None = None,
        most: int | None = None,
    ) -> Verification:
        """Return whether all entries are as they were sealed, and none is missing or was added.

        Args:
            keys: Whose signatures are believed.
            now: The current time (UTC).
            expected: Number and digest of a seal that was noted earlier.
            told: Called with the number of each seal once it is looked at.
            after: The head of the part before; the first part begins without it.
            most: After so many entries, the part ends with its seal. What lies between seals is looked at in the last
                part alone.
        """
        findings: list[str] = []
        number = entry_count = 0
        waiting: int | None = None
        before: Seal | None = None
        has_more = False
        with self._database.view() as tx, _noting_what_cannot_be_read(findings):
            if after is not None:
                before = seals.seal_numbered(tx, after[0])
                findings += _seam_problems(before, after)
            for seal in seals.all_seals(tx, after=after[0] if after is not None else 0):
                if most is not None and entry_count >= most:
                    has_more = True
                    break
                findings += _chain_problems(seal, before, keys, expected)
                with _noting_what_cannot_be_read(findings, f" under seal {seal.number}"):
                    findings += _entry_problems(tx, seal)
                number, entry_count, before = number + 1, entry_count + seal.count, seal
                told(seal.number)
                if len(findings) > MOST_FINDINGS:
                    break
            if not has_more:
                waiting = seals.unsealed_count(tx)[0]
                findings += _strangers(tx, _covered(tx), now)
        if not has_more and expected is not None and (before is None or before.number < expected[0]):
            findings.append(f"the chain ends before seal {expected[0]}, which was noted: the end was cut off")
        return Verification(
            seals=number,
            entries=entry_count,
            waiting=waiting,
            head=(before.number, before.digest) if before is not None else None,
            findings=tuple(findings[:MOST_FINDINGS]),
            has_more=has_more,
        )


@contextmanager
def _noting_what_cannot_be_read(findings: list[str], where: str = "") -> Iterator[None]:
    """Take for a finding what is no entry and no seal at all: nobody hides a change by one that breaks the reader."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        findings.append(f"something{where} cannot be read: it was changed ({error})")


def _seam_problems(found: Seal | None, after: tuple[int, str]) -> Iterator[str]:
    """Yield whether the seal is another one by now that the part before has ended with."""
    if found is None:
        yield f"seal {after[0]} is missing"
    elif found.digest != after[1]:
        yield f"seal {after[0]} was changed while it was verified"


def _covered(tx: Connection) -> list[tuple[int, int]]:
    """Return the ids under all seals, as few ranges."""
    covered: list[tuple[int, int]] = []
    for seal in seals.all_seals(tx):
        covered = _joined(covered, seal)
    return covered


def _chain_problems(
    seal: Seal, before: Seal | None, keys: PublicKeys, expected: tuple[int, str] | None
) -> Iterator[str]:
    wanted = before.number + 1 if before is not None else 1
    if seal.number != wanted:
        yield f"seal {wanted} is missing"
    elif seal.previous != (before.digest if before is not None else ""):
        yield f"seal {seal.number} does not follow the seal before it: one of them was changed"
    problem = keys.problem(seal)
    if problem is not None:
        yield f"seal {seal.number} {problem}"
    if expected is not None and seal.number == expected[0] and seal.digest != expected[1]:
        yield f"seal {seal.number} is not the one that was noted"


def _entry_problems(tx: Connection, seal: Seal) -> Iterator[str]:
    seen: list[tuple[int, str]] = []
    proofs: dict[str, RowMapping] = {}
    erased: dict[str, list[int]] = {}
    for row in seals.entries(tx, seal.ranges):
        # What it holds now, not what it says of itself.
        digest = digest_of_entry(dict(row))
        if digest != row["digest"]:
            yield f"entry {row['id']} of {row['at']:%Y-%m-%d %H:%M} UTC was changed after it was written"
        seen.append((row["id"], digest))
        if isinstance(row["details"], Mapping) and row["details"].get("evidence"):
            proofs[row["task_id"]] = row
        if isinstance(row["personal"], Mapping) and ERASED in row["personal"]:
            erased.setdefault(row["identity_id"] or "", []).append(row["id"])
    yield from _erasure_problems(tx, erased)
    if hash_of_entries(seen) == seal.entries:
        yield from _evidence_problems(tx, proofs)
        return
    there = {entry_id for entry_id, _ in seen}
    missing = [each for first, last in seal.ranges for each in range(first, last + 1) if each not in there]
    if missing:
        yield f"seal {seal.number}: {len(missing)} of {seal.count} entries are missing, the first is entry {missing[0]}"
    else:
        yield f"seal {seal.number}: its entries are not what was sealed"


def _evidence_problems(tx: Connection, proofs: dict[str, RowMapping]) -> Iterator[str]:
    """Yield whose facts before and after are not those that the history has noted last."""
    names = list(proofs)
    for first in range(0, len(names), seals.PAGE):
        kept = seals.evidence_of(tx, names[first : first + seals.PAGE])
        for task_id in names[first : first + seals.PAGE]:
            row = proofs[task_id]
            # A task that was reopened has other evidence afterwards, and a later entry that says so.
            if digest_of_document(kept.get(task_id)) != row["details"]["evidence"] and not seals.has_later(tx, row):
                yield f"the evidence of task {task_id} is not what entry {row['id']} says"


def _erasure_problems(tx: Connection, erased: dict[str, list[int]]) -> Iterator[str]:
    """Yield whose personal values are gone although nobody has erased that person: their hash tells nothing of them."""
    said = erasure.is_erased(tx, erased) if erased else frozenset()
    for identity_id in erased.keys() - said:
        for entry_id in erased[identity_id]:
            yield f"the personal values of entry {entry_id} are gone, and no entry says that they were erased"


def _joined(covered: list[tuple[int, int]], seal: Seal) -> list[tuple[int, int]]:
    """Return ids as few ranges, with those of one more seal."""
    found: list[tuple[int, int]] = []
    for first, last in sorted([*covered, *seal.ranges]):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _strangers(tx: Connection, covered: list[tuple[int, int]], now: datetime) -> Iterator[str]:
    """Yield which entries lie among the sealed ones without a seal, for longer than one takes to be committed."""
    newest = seals.last(tx)
    if newest is None:
        return
    awaited = seals.awaited(tx, IN_FLIGHT)
    for row in seals.entries(tx, ((_LOWEST, covered[0][0] - 1), *gaps_between(covered))):
        # The next seal is on what is awaited, however long nobody has made one.
        is_awaited = any(first <= row["id"] <= last for first, last in awaited)
        if row["at"] < (min(now, newest.at) if is_awaited else now) - IN_FLIGHT:
            yield f"entry {row['id']} of {row['at']:%Y-%m-%d %H:%M} UTC has no seal: it was added later"
