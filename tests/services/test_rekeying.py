"""The rule by which a source's userNames are compared can be changed (RFC 7643 §4.1.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from scimbridge.domain.source import NameCase, Profiles, SourceProfile
from scimbridge.errors import ConfigurationError, DuplicateError
from scimbridge.services.rekeying import Rekeying
from scimbridge.store import identities, name_keys, naming, schema
from scimbridge.store.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXACT = Profiles({"okta": SourceProfile(user_name_case=NameCase.EXACT)})
IGNORED = Profiles()


@pytest.fixture(autouse=True)
def sources(database: Database) -> None:
    with database.write() as tx:
        tx.execute(insert(schema.sources), [{"name": name, "created_at": NOW} for name in ("okta", "entra")])


def a_user(database: Database, name: str, case: NameCase = NameCase.IGNORED, source: str = "okta") -> str:
    with database.write() as tx:
        return identities.insert_user(tx, source, {"userName": name}, NOW, name_case=case).identity.id


def found(database: Database, name: str, case: NameCase) -> str | None:
    with database.read() as tx:
        user = identities.user_by_name(tx, "okta", name, name_case=case)
    return None if user is None else user.identity.user_name


def rule(database: Database) -> str:
    with database.read() as tx:
        return name_keys.rules(tx)["okta"]


def test_by_the_exact_rule_the_case_makes_another_name(database: Database) -> None:
    a_user(database, "Ada", NameCase.EXACT)
    a_user(database, "ada", NameCase.EXACT)

    assert found(database, "Ada", NameCase.EXACT) == "Ada"
    assert found(database, "ADA", NameCase.EXACT) is None
    with pytest.raises(DuplicateError):
        a_user(database, "ada", NameCase.EXACT)


def test_across_sources_the_case_never_counts(database: Database) -> None:
    one = a_user(database, "Ada", NameCase.EXACT)
    two = a_user(database, "ADA", source="entra")

    with database.read() as tx:
        assert set(naming.by_name_anywhere(tx, "ada")) == {one, two}
        owners = naming.active_owners(tx, "userName", ["aDA"], but_not=two)
        assert [owner.id for owner in owners] == [one]


def test_a_rule_is_made_exact(database: Database) -> None:
    a_user(database, "Ada")

    Rekeying(database, EXACT).run()

    assert rule(database) == "exact"
    assert found(database, "Ada", NameCase.EXACT) == "Ada"
    assert a_user(database, "ADA", NameCase.EXACT)


def test_a_rule_is_made_to_ignore_the_case_again_in_many_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_keys, "BATCH", 2)
    Rekeying(database, EXACT).run()
    for number in range(7):
        a_user(database, f"User{number}", NameCase.EXACT)

    Rekeying(database, IGNORED).run()

    assert rule(database) == "ignored"
    assert [found(database, f"USER{number}", NameCase.IGNORED) for number in range(7)] == [
        f"User{number}" for number in range(7)
    ]


def test_a_rule_that_makes_two_the_same_is_refused_with_their_ids(database: Database) -> None:
    Rekeying(database, EXACT).run()
    one, two = (a_user(database, name, NameCase.EXACT) for name in ("Ada", "ADA"))
    with database.write() as tx:
        gone = identities.insert_user(tx, "okta", {"userName": "ada"}, NOW, name_case=NameCase.EXACT).identity.id
        identities.mark_deleted(tx, gone, NOW + timedelta(minutes=1))

    with pytest.raises(ConfigurationError) as refusal:
        Rekeying(database, IGNORED).run()

    (problem,) = refusal.value.problems
    assert problem.path == "sources.okta.user_name_case"
    assert one in problem.message
    assert two in problem.message
    assert gone not in problem.message
    assert "Ada" not in problem.message
    assert rule(database) == "exact"
    assert found(database, "ADA", NameCase.EXACT) == "ADA"


def test_keys_of_the_release_before_are_made_anew(database: Database) -> None:
    user = a_user(database, "\uff21da")  # a wide A, which that release did not map
    with database.write() as tx:
        tx.execute(update(schema.identities).values(user_name_key="\uff41da", any_case_name="\uff41da"))
        tx.execute(update(schema.sources).values(user_name_case="lowercase"))

    Rekeying(database, IGNORED).run()

    assert found(database, "ada", NameCase.IGNORED) == "\uff21da"
    with database.read() as tx:
        assert naming.by_name_anywhere(tx, "ADA") == [user]


def test_nothing_is_written_where_the_rule_is_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    a_user(database, "Ada")

    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr(database, "write", fail)
    Rekeying(database, IGNORED).run()

    with database.read() as tx:
        assert tx.execute(select(schema.sources.c.user_name_case)).scalars().all() == ["ignored", "ignored"]
