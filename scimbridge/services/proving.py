"""What proves a case to somebody who does not have the database: its history, and the seals on it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scimbridge.domain.seal import Seal, digest_of_document, digest_of_entry, hash_of_entries
from scimbridge.services.seal_key import PublicKeys
from scimbridge.store import case_search, journal, seals, tasks
from scimbridge.store.database import Database

_COLUMNS = (
    "id",
    "at",
    "event",
    "actor",
    "reason",
    "identity_id",
    "case_id",
    "task_id",
    "target",
    "details",
    "personal",
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The history of a case with the seals on it.

    Attributes:
        entries: As they are stored, in their order.
        evidence: What was true before and after, by task.
        seals: Each with the ids and digests of all entries under it; without those, it could not be checked.
    """

    case_id: str
    entries: Sequence[Document]
    evidence: Mapping[str, Any]
    seals: Sequence[tuple[Seal, Sequence[tuple[int, str]]]]


class Proving:
    """Gathers proofs; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_case(self, case_id: str) -> Proof:
        """Return the proof of a case. Entries that wait for their seal are in it too, without one."""
        with self._database.view() as tx:
            rows = journal.entries_of_case(tx, case_id)
            found: dict[int, Seal] = {}
            for row in rows:
                if not any(seal.covers(row["id"]) for seal in found.values()):
                    seal = seals.seal_of(tx, row["id"])
                    if seal is not None:
                        found[seal.number] = seal
            listed = [
                (seal, [(row["id"], row["digest"]) for row in seals.entries(tx, seal.ranges)])
                for _, seal in sorted(found.items())
            ]
            kept = {row["id"]: row["evidence"] for row in tasks.task_rows_of_case(tx, case_id) if row["evidence"]}
        entries = [{key: row[key] for key in _COLUMNS} for row in rows]
        return Proof(case_id=case_id, entries=entries, evidence=kept, seals=listed)

    def sample(self, size: int, since: datetime, until: datetime, seed: int) -> list[str]:
        """Return the ids of cases that ended in a period, chosen by chance; the same for the same seed.

        Args:
            size: How many; all where there are fewer.
            since: The period's first moment (UTC).
            until: Its last moment.
            seed: Whoever knows it can choose them again.
        """
        with self._database.read() as tx:
            ended = case_search.ended_between(tx, since, until)
        return sorted(random.Random(seed).sample(ended, min(size, len(ended))))  # noqa: S311 - to be repeated, not secret


def document_of(proof: Proof) -> Document:
    """Return a proof as plain data."""
    return {
        "case_id": proof.case_id,
        "entries": [{**entry, "at": _iso(entry["at"])} for entry in proof.entries],
        "evidence": dict(proof.evidence),
        "seals": [
            {
                "number": seal.number,
                "at": _iso(seal.at),
                "previous": seal.previous,
                "ranges": [list(each) for each in seal.ranges],
                "entries": seal.entries,
                "key_id": seal.key_id,
                "signature": seal.signature,
                "digests": [list(each) for each in digests],
            }
            for seal, digests in proof.seals
        ],
    }


def problems_of(document: Mapping[str, Any], keys: PublicKeys) -> Iterator[str]:
    """Yield what is wrong with a proof, as sentences. Needs no database.

    Args:
        document: As ``document_of`` has made it, or anything else that somebody calls a proof.
        keys: Whose signatures are believed.
    """
    try:
        yield from _problems(document, keys)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"it is not a proof that can be read: {error!r}"


def _problems(document: Mapping[str, Any], keys: PublicKeys) -> Iterator[str]:
    sealed: dict[int, str] = {}
    for each in document["seals"]:
        seal, digests = _read_seal(each), [(int(entry_id), str(digest)) for entry_id, digest in each["digests"]]
        problem = keys.problem(seal)
        if problem is not None:
            yield f"seal {seal.number} {problem}"
        if hash_of_entries(digests) != seal.entries:
            yield f"seal {seal.number}: the digests listed are not those that were sealed"
        sealed.update(digests)
    yield from _entry_problems(document["entries"], sealed)
    yield from _evidence_problems(document["entries"], document["evidence"])


def _entry_problems(entries: Iterable[Mapping[str, Any]], sealed: Mapping[int, str]) -> Iterator[str]:
    for entry in entries:
        digest = sealed.get(entry["id"])
        if digest is None:
            yield f"entry {entry['id']} has no seal"
        elif digest_of_entry({**entry, "at": datetime.fromisoformat(entry["at"])}) != digest:
            yield f"entry {entry['id']} is not what was sealed"


def _evidence_problems(entries: Iterable[Mapping[str, Any]], evidence: Mapping[str, Any]) -> Iterator[str]:
    noted = {entry["task_id"]: entry["details"]["evidence"] for entry in entries if entry["details"].get("evidence")}
    for task_id in noted.keys() | evidence.keys():
        if noted.get(task_id) != digest_of_document(evidence.get(task_id)):
            yield f"the evidence of task {task_id} is not what was sealed"


def _read_seal(said: Mapping[str, Any]) -> Seal:
    return Seal(
        number=int(said["number"]),
        at=datetime.fromisoformat(said["at"]),
        previous=str(said["previous"]),
        ranges=tuple((int(first), int(last)) for first, last in said["ranges"]),
        entries=str(said["entries"]),
        key_id=str(said["key_id"]),
        signature=str(said["signature"]),
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
