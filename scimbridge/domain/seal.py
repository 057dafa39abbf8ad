"""Seals: what makes visible that somebody changed, removed or added an entry of the history afterwards.

Entries are sealed in batches. A seal names the entries by their ids, hashes their digests and the seal before it, and
is signed with a key that is not in the database. Ids are given before entries are committed, so that a later seal may
name smaller ids than an earlier one: where an entry stands is said by its seal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

ERASED = "erased"
"""What stands in place of personal values that were erased: their hash, which the entry's digest is made of."""

_HASHED = ("at", "event", "actor", "reason", "identity_id", "case_id", "task_id", "target", "details")

Ranges = tuple[tuple[int, int], ...]
"""Ids, as the first and the last of each run of consecutive ones, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A seal on a batch of entries.

    Attributes:
        number: 1 for the first, and no number is left out.
        at: When it was made (UTC).
        previous: The digest of the seal before it; empty for the first.
        ranges: The ids of the entries.
        entries: ``hash_of_entries`` of them, in the order of their ids.
        key_id: Which key has signed it.
        signature: Ed25519 over the digest's text, in hexadecimal digits; empty until it is signed.
    """

    number: int
    at: datetime
    previous: str
    ranges: Ranges
    entries: str
    key_id: str
    signature: str = ""

    @property
    def digest(self) -> str:
        """What is signed, and what the next seal names: SHA-256 over everything but the signature."""
        said = {
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "previous": self.previous,
            "ranges": [list(each) for each in self.ranges],
            "entries": self.entries,
            "key": self.key_id,
        }
        return hashlib.sha256(_canonical(said)).hexdigest()

    @property
    def count(self) -> int:
        """How many entries it is on."""
        return sum(last - first + 1 for first, last in self.ranges)

    def covers(self, entry_id: int) -> bool:
        """Whether it is on an entry."""
        return any(first <= entry_id <= last for first, last in self.ranges)


def hash_of_entries(digests: Iterable[tuple[int, str]]) -> str:
    """Return the hash of entries' ids and digests, in the order given."""
    found = hashlib.sha256()
    for entry_id, digest in digests:
        found.update(f"{entry_id}:{digest}\n".encode())
    return found.hexdigest()


def ranges_of(ids: Sequence[int]) -> Ranges:
    """Return ascending ids as ranges."""
    found: list[tuple[int, int]] = []
    for each in ids:
        if found and found[-1][1] == each - 1:
            found[-1] = (found[-1][0], each)
        else:
            found.append((each, each))
    return tuple(found)


def gaps_between(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what lies between ranges that come in any order, as ranges: ids that none of them names."""
    reached: int | None = None
    for first, last in sorted(ranges):
        if reached is not None and first > reached + 1:
            yield reached + 1, first - 1
        reached = last if reached is None else max(reached, last)


def digest_of_entry(row: Mapping[str, Any]) -> str:
    """Return the digest of an entry. It is the same before and after its personal values are erased."""
    return digest_of_new({key: row[key] for key in _HASHED}, row["personal"])


def digest_of_new(entry: Mapping[str, Any], personal: Mapping[str, Any] | None) -> str:
    """Return the same for an entry that has nothing but what is hashed, and its personal values beside it."""
    return digest_of_document({**entry, "personal": _hash_of_personal(personal)})


def _hash_of_personal(personal: Any) -> str:
    if personal is None:
        return ""
    is_erased = isinstance(personal, Mapping) and personal.keys() == {ERASED}
    return str(personal[ERASED]) if is_erased else digest_of_document(personal)


def digest_of_document(value: Any) -> str:
    """Return the SHA-256 of plain data, whatever the order of its keys."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
