"""Erasing a person: their personal values go, and the history stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.identity import AT_TARGET
from scimbridge.errors import ErasureRefusedError, NotFoundError, SeveralNamedError
from scimbridge.store import cases, dated, erasure, holds, journal, naming
from scimbridge.store.database import Database
from scimbridge.store.erasure import Known


class Erasing:
    """Erases what is known of people whom their source has deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, said: str) -> str:
        """Return the id of the person whom somebody names by the id, or by a userName that nobody else has or had.

        Raises:
            NotFoundError: It is neither.
            SeveralNamedError: Several have or had this userName; nobody is guessed.
        """
        with self._database.read() as tx:
            found = naming.everybody_named(tx, said)
            if len(found) > 1:
                raise SeveralNamedError(said, [f"{identity_id} ({source})" for identity_id, source in found])
            identity_id = found[0][0] if found else said
            if erasure.known(tx, identity_id) is None:
                raise NotFoundError("identity", said)
        return identity_id

    def look(self, identity_id: str) -> tuple[Known, tuple[str, ...]]:
        """Return what is known of a person, and what stands in the way of erasing it, as sentences.

        Raises:
            NotFoundError: There is nobody of this id.
        """
        with self._database.read() as tx:
            known = _known(tx, identity_id)
            return known, tuple(_obstacles(tx, known))

    def erase(self, identity_id: str, *, reason: str, by: str, now: datetime) -> Known:
        """Erase a person's personal values, in one transaction, and note it in the history. Returns what was known.

        It cannot be undone, and nothing can be given back to the person afterwards.

        Raises:
            NotFoundError: There is nobody of this id.
            ErasureRefusedError: The source still has them, a case is open, something is held or under way.
        """
        with self._database.write() as tx:
            # A hold that was placed a moment ago is seen.
            holds.enter(tx)
            cases.lock_identity(tx, identity_id)
            known = _known(tx, identity_id)
            obstacles = tuple(_obstacles(tx, known))
            if obstacles:
                raise ErasureRefusedError("; ".join(obstacles))
            erasure.erase(tx, identity_id, now)
            details = {"cases": known.cases, "entries": known.entries, "requests": known.requests}
            journal.record(tx, erasure.EVENT, now, reason=reason, actor=by, identity_id=identity_id, details=details)
        return known


def _known(tx: Connection, identity_id: str) -> Known:
    known = erasure.known(tx, identity_id)
    if known is None:
        raise NotFoundError("identity", identity_id)
    return known


def _obstacles(tx: Connection, known: Known) -> Iterator[str]:
    """Yield why a person is not erased, each with what to do."""
    if known.source.startswith(AT_TARGET):
        yield "it is a group, and nobody"
        return
    if known.erased_at is not None:
        yield f"was erased on {known.erased_at:%Y-%m-%d %H:%M} UTC already"
        return
    if known.deleted_at is None:
        yield f"{known.source} still has this User, and would send it again: delete it there first"
    case = cases.open_case_of(tx, [known.identity_id])
    if case is not None:
        yield f"case {case.id} is open: wait for its end, or cancel it"
    for case_id in erasure.awaiting(tx, known.identity_id):
        yield f"case {case_id} gives their accounts to who came after them: wait for its end, or cancel it"
    waiting = dated.dated_of(tx, known.identity_id)
    if waiting is not None:
        yield f"is to leave on {waiting['due_at']:%Y-%m-%d}, by request {waiting['id']}: wait, or withdraw it"
    for hold in erasure.holds_on(tx, known.identity_id, known.source):
        yield f"hold {hold['id']} stands ({hold['reason']}): nothing is erased until it is lifted"
    for target in erasure.busy_targets(tx, known.identity_id):
        yield f"something is under way at {target}: try again in a moment"
    for flood in erasure.undecided_floods(tx, known.identity_id):
        yield f"flood {flood} is not decided and carried out: see `scimbridge guard show {flood}`"
