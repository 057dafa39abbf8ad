"""Rows of moves: which targets identities lost by changing, while that stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.rule import Rule
from scimbridge.domain.shift import Shift
from scimbridge.store.id_lists import is_among
from scimbridge.store.prepared import Prepared
from scimbridge.store.schema import moves
from scimbridge.store.values import Row

_OF_IDENTITY = Prepared(select(moves).where(moves.c.identity_id == bindparam("identity")))
_FORGET = delete(moves).where(moves.c.identity_id == bindparam("identity"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """That an identity lost a target by changing.

    Attributes:
        rule: The name of the rule that said so.
        shift: What has changed, as the rule said it then.
        at: When it was a fact (UTC).
    """

    identity_id: str
    target: str
    rule: str
    shift: Shift
    at: datetime


def note(tx: Connection, identity_id: str, targets: Iterable[str], rule: Rule, at: datetime) -> None:
    """Note that an identity lost targets by a rule for movers; the last time counts."""
    shift = rule.shift
    assert shift is not None  # noqa: S101 - the configuration has both filters for movers
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    said = {"was": shift.was.text, "now": shift.now.text, "at": at}
    for target in targets:
        statement = dialect.insert(moves).values(identity_id=identity_id, target=target, rule=rule.name, **said)
        tx.execute(statement.on_conflict_do_update(index_elements=["identity_id", "target", "rule"], set_=said))


def moves_of(tx: Connection, identity_id: str) -> list[Move]:
    """Return what an identity lost by changing, and has not got back by changing again."""
    return [_move(row) for row in _OF_IDENTITY.all(tx, {"identity": identity_id})]


def who_moved(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Return which of some identities lost anything by changing."""
    query = select(moves.c.identity_id).where(is_among(tx, moves.c.identity_id, ids))
    return set(tx.execute(query).scalars())


def forget(tx: Connection, identity_id: str, over: Sequence[Move]) -> None:
    """Drop moves that stand no longer."""
    for move in over:
        tx.execute(_FORGET.where(moves.c.target == move.target, moves.c.rule == move.rule), {"identity": identity_id})


def _move(row: Row) -> Move:
    return Move(
        identity_id=row["identity_id"],
        target=row["target"],
        rule=row["rule"],
        shift=Shift(_filter(row["was"]), _filter(row["now"])),
        at=row["at"],
    )


@lru_cache(maxsize=256)
def _filter(text: str) -> IdentityFilter:
    return IdentityFilter(text)
