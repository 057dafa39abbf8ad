"""Bearer tokens, on both stores."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scimbridge.errors import NotFoundError
from scimbridge.services.tokens import PREFIX, Tokens
from scimbridge.store.database import Database
from tests.clock import FakeClock


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


def last_used(tokens: Tokens) -> datetime | None:
    (row,) = tokens.all()
    used: datetime | None = row["last_used_at"]
    return used


def test_a_token_names_its_source(tokens: Tokens, clock: FakeClock) -> None:
    okta = tokens.create("okta", by="ops", now=clock())
    entra = tokens.create("entra", by="ops", now=clock())

    assert okta.startswith(PREFIX)
    assert [tokens.source_of(token, clock()) for token in (okta, entra)] == ["okta", "entra"]


def test_a_source_may_have_several_tokens(tokens: Tokens, clock: FakeClock) -> None:
    old, new = (tokens.create("okta", by="ops", now=clock()) for _ in range(2))

    assert old != new
    assert {tokens.source_of(old, clock()), tokens.source_of(new, clock())} == {"okta"}


@pytest.mark.parametrize("token", ["", "scb_", "scb_unknown", "secret", "SCB_x"])
def test_an_unknown_token_names_nobody(tokens: Tokens, clock: FakeClock, token: str) -> None:
    tokens.create("okta", by="ops", now=clock())

    assert tokens.source_of(token, clock()) is None


def test_a_token_is_compared_whole(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())

    assert tokens.source_of(token[:-1], clock()) is None
    assert tokens.source_of(token + "x", clock()) is None


def test_a_revoked_token_names_nobody_at_once(tokens: Tokens, clock: FakeClock) -> None:
    token, other = (tokens.create("okta", by="ops", now=clock()) for _ in range(2))
    assert tokens.source_of(token, clock()) == "okta"
    token_id = next(row["id"] for row in tokens.all() if row["last_used_at"] is not None)

    assert tokens.revoke(token_id, by="ops", now=clock()) == "okta"

    assert tokens.source_of(token, clock()) is None
    assert tokens.source_of(other, clock()) == "okta"


def test_a_token_is_revoked_once(tokens: Tokens, clock: FakeClock) -> None:
    tokens.create("okta", by="ops", now=clock())
    (row,) = tokens.all()
    tokens.revoke(row["id"], by="ops", now=clock())

    with pytest.raises(NotFoundError):
        tokens.revoke(row["id"], by="ops", now=clock())
    with pytest.raises(NotFoundError):
        tokens.revoke("nothing", by="ops", now=clock())


def test_the_last_use_is_kept_to_the_minute(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())
    assert last_used(tokens) is None
    first = clock.advance("1h")
    tokens.source_of(token, first)
    tokens.source_of(token, clock.advance("59s"))
    assert last_used(tokens) == first

    later = clock.advance("1s")
    tokens.source_of(token, later)

    assert last_used(tokens) == later


def test_a_store_that_cannot_be_written_does_not_refuse_a_token(tokens: Tokens, clock: FakeClock) -> None:
    from scimbridge.errors import StoreUnavailableError

    token = tokens.create("okta", by="ops", now=clock())
    write = tokens._database.write

    def full() -> Any:
        raise StoreUnavailableError("disk full")

    tokens._database.write = full  # type: ignore[method-assign]
    assert tokens.source_of(token, clock()) == "okta"

    tokens._database.write = write  # type: ignore[method-assign]
    tokens.source_of(token, clock())
    assert last_used(tokens) == clock()


def test_the_token_itself_is_nowhere_in_the_database(clock: FakeClock, tmp_path: Path, sqlite_template: bytes) -> None:
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    database = Database(f"sqlite:///{path}")
    tokens = Tokens(database)
    token = tokens.create("okta", by="ops", now=clock())
    tokens.source_of(token, clock())

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    database.close()

    assert b"okta" in kept
    assert token.encode() not in kept
    assert token[8:].encode() not in kept
