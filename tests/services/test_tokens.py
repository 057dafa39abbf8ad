"""Bearer tokens, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scimbridge.domain.access import Grant, Refusal
from scimbridge.errors import NotFoundError, TooManyTokensError
from scimbridge.services.recent import RecentGrants
from scimbridge.services.tokens import PREFIX, Tokens
from scimbridge.store.database import Database
from tests.clock import FakeClock
from tests.store.racing import race


@pytest.fixture
def tokens(database: Database) -> Iterator[Tokens]:
    tokens = Tokens(database)
    yield tokens
    tokens.close()


def last_used(tokens: Tokens) -> datetime | None:
    (row,) = tokens.all()
    used: datetime | None = row["last_used_at"]
    return used


def source_of(tokens: Tokens, token: str, now: datetime) -> str | None:
    """Whom a token lets in; its use is written down."""
    found = tokens.identify(token, now)
    tokens.all()
    return found.source if isinstance(found, Grant) else None


def test_a_token_names_its_source(tokens: Tokens, clock: FakeClock) -> None:
    okta = tokens.create("okta", by="ops", now=clock())
    entra = tokens.create("entra", by="ops", now=clock())

    assert okta.startswith(PREFIX)
    assert [source_of(tokens, token, clock()) for token in (okta, entra)] == ["okta", "entra"]


def test_a_source_may_have_two_tokens(tokens: Tokens, clock: FakeClock) -> None:
    old, new = (tokens.create("okta", by="ops", now=clock()) for _ in range(2))

    assert old != new
    assert {source_of(tokens, old, clock()), source_of(tokens, new, clock())} == {"okta"}


@pytest.mark.parametrize("token", ["", "scb_", "scb_unknown", "secret", "SCB_x"])
def test_an_unknown_token_names_nobody(tokens: Tokens, clock: FakeClock, token: str) -> None:
    tokens.create("okta", by="ops", now=clock())

    assert source_of(tokens, token, clock()) is None


def test_a_token_is_compared_whole(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())

    assert source_of(tokens, token[:-1], clock()) is None
    assert source_of(tokens, token + "x", clock()) is None


def test_a_revoked_token_names_nobody_at_once(tokens: Tokens, clock: FakeClock) -> None:
    token, other = (tokens.create("okta", by="ops", now=clock()) for _ in range(2))
    assert source_of(tokens, token, clock()) == "okta"
    token_id = next(row["id"] for row in tokens.all() if row["last_used_at"] is not None)

    assert tokens.revoke(token_id, by="ops", now=clock()) == "okta"

    assert source_of(tokens, token, clock()) is None
    assert source_of(tokens, other, clock()) == "okta"


def test_a_token_is_revoked_once(tokens: Tokens, clock: FakeClock) -> None:
    tokens.create("okta", by="ops", now=clock())
    (row,) = tokens.all()
    tokens.revoke(row["id"], by="ops", now=clock())

    with pytest.raises(NotFoundError):
        tokens.revoke(row["id"], by="ops", now=clock())
    with pytest.raises(NotFoundError):
        tokens.revoke("nothing", by="ops", now=clock())


def test_a_request_does_not_wait_for_its_use_to_be_written(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())
    with tokens._database.write():  # somebody else has the database for themselves
        (found,) = race([lambda: tokens.identify(token, clock())])

    assert found == Grant("okta")
    assert last_used(tokens) == clock()


def test_the_last_use_is_kept_to_the_minute(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())
    assert last_used(tokens) is None
    first = clock.advance("1h")
    source_of(tokens, token, first)
    source_of(tokens, token, clock.advance("59s"))
    assert last_used(tokens) == first

    later = clock.advance("1s")
    source_of(tokens, token, later)

    assert last_used(tokens) == later


def test_a_third_live_token_is_refused_with_what_to_do(tokens: Tokens, clock: FakeClock) -> None:
    for _ in range(2):
        tokens.create("okta", by="ops", now=clock())

    with pytest.raises(TooManyTokensError, match="has 2 live tokens already; revoke the one"):
        tokens.create("okta", by="ops", now=clock())

    assert len(tokens.all()) == 2
    assert tokens.create("entra", by="ops", now=clock())


def test_a_revoked_and_an_expired_token_make_room(tokens: Tokens, clock: FakeClock) -> None:
    tokens.create("okta", by="ops", now=clock(), lifetime=timedelta(days=1))
    tokens.create("okta", by="ops", now=clock())
    clock.advance("1d")
    tokens.create("okta", by="ops", now=clock())
    tokens.revoke(tokens.all()[1]["id"], by="ops", now=clock())

    assert tokens.create("okta", by="ops", now=clock())


def test_a_token_ends_at_its_time(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock(), lifetime=timedelta(hours=1))

    assert tokens.identify(token, clock.advance("59m")) == Grant("okta", clock.now + timedelta(minutes=1))
    assert tokens.identify(token, clock.advance("1m")) is Refusal.EXPIRED
    assert source_of(tokens, token, clock()) is None


def test_why_a_token_is_refused_is_known_here(tokens: Tokens, clock: FakeClock) -> None:
    token = tokens.create("okta", by="ops", now=clock())
    tokens.revoke(tokens.all()[0]["id"], by="ops", now=clock())

    assert tokens.identify(token, clock()) is Refusal.REVOKED
    assert tokens.identify(PREFIX + "unknown", clock()) is Refusal.UNKNOWN


def test_a_revocation_is_told_once_it_is_committed(database: Database, clock: FakeClock) -> None:
    recent = RecentGrants()
    tokens = Tokens(database, recent)
    token = tokens.create("okta", by="ops", now=clock())
    recent.remember(b"digest", Grant("okta"), clock(), recent.generation)

    tokens.revoke(tokens.all()[0]["id"], by="ops", now=clock())

    assert recent.fresh(b"digest") is None
    assert source_of(tokens, token, clock()) is None


def test_the_last_expiry_of_a_source_counts(tokens: Tokens, clock: FakeClock) -> None:
    for source, days in (("okta", 10), ("okta", 30), ("entra", 5), ("jump", 9)):
        tokens.create(source, by="ops", now=clock(), lifetime=timedelta(days=days))
    tokens.create("entra", by="ops", now=clock())
    (only,) = (row for row in tokens.all() if row["source"] == "jump")
    tokens.revoke(only["id"], by="ops", now=clock())

    assert tokens.expiries() == {"okta": clock() + timedelta(days=30), "entra": None}


def test_a_store_that_cannot_be_written_does_not_refuse_a_token(tokens: Tokens, clock: FakeClock) -> None:
    from scimbridge.errors import StoreUnavailableError

    token = tokens.create("okta", by="ops", now=clock())
    write = tokens._database.write

    def full() -> Any:
        raise StoreUnavailableError("disk full")

    tokens._database.write = full  # type: ignore[method-assign]
    assert source_of(tokens, token, clock()) == "okta"

    tokens._database.write = write  # type: ignore[method-assign]
    source_of(tokens, token, clock())
    assert last_used(tokens) == clock()


def test_the_token_itself_is_nowhere_in_the_database(clock: FakeClock, tmp_path: Path, sqlite_template: bytes) -> None:
    path = tmp_path / "bridge.db"
    path.write_bytes(sqlite_template)
    database = Database(f"sqlite:///{path}")
    tokens = Tokens(database)
    token = tokens.create("okta", by="ops", now=clock())
    source_of(tokens, token, clock())

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    database.close()

    assert b"okta" in kept
    assert token.encode() not in kept
    assert token[8:].encode() not in kept
