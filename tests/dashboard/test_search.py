"""Searching by what one has in hand."""

from __future__ import annotations

import pytest

from scimbridge.sdk import RejectedError
from scimbridge.store import finding
from scimbridge.store.database import Database
from tests.counting import counted
from tests.dashboard.conftest import Browse, text_of
from tests.services.bench import Bench
from tests.store.test_query_plans import Explained


@pytest.fixture
def ada(bench: Bench) -> str:
    bench.join("grace@example.com")
    person = bench.join(
        "Ada@example.com",
        displayName="<b>Ada</b> de  l'Ÿ",
        emails=[{"value": "Lovelace@example.com"}],
        externalId="E-17",
    )
    bench.run()
    return person


def shown(browse: Browse, said: str) -> str:
    return text_of(browse().get("/search?q=" + said).text)


@pytest.mark.parametrize(
    "said", ["ada", "ADA@example.com", "lovelace@", "E-17", "native-Ada@example.com", "<B>ada</b> DE", "l'ÿ"]
)
def test_people_are_found_by_name_address_and_ids(browse: Browse, ada: str, said: str) -> None:
    html = browse().get("/search?q=" + said).text

    assert "People 1 Person Source There Newest case Look Ada@example.com <b>Ada</b> de l'Ÿ idp active none" in text_of(
        html
    )
    assert "<b>Ada" not in html


def test_their_newest_case_is_one_click_away(bench: Bench, browse: Browse, ada: str) -> None:
    bench.leave(ada)
    case = bench.case(ada).id

    for said in (ada, case, bench.tasks(case)[0].id):
        html = browse().get("/search?q=" + said).text
        assert f'<a href="/people/{ada}"><bdi>Ada@example.com</bdi></a>' in html
        assert f'<td data-label="Newest case"><a href="/cases/{case}">' in html
        assert "inactive open" in text_of(html)


def test_targets_are_found_with_who_has_work_there(browse: Browse) -> None:
    html = browse().get("/search?q=DIR").text

    assert '<a href="/targets/directory">' in html
    assert '<a href="/cases?target=directory">' in html


def test_errors_are_found_by_their_words(bench: Bench, browse: Browse, ada: str) -> None:
    bench.fail(RejectedError("quota of the <i>tenant</i> is used up"))
    bench.leave(ada)
    bench.run("7d")

    html = browse().get("/search?q=QUOTA").text

    assert "Ada@example.com suspend at crm failed quota of the <i>tenant</i> is used up" in text_of(html)
    assert "<i>" not in html


@pytest.mark.parametrize("said", ["", "a"])
def test_too_short_a_search_finds_nobody(browse: Browse, ada: str, said: str) -> None:
    assert "Say at least 2 characters." in shown(browse, said)


def test_whoever_is_called_otherwise_is_found_by_the_new_name(bench: Bench, browse: Browse, ada: str) -> None:
    bench.say(ada, displayName="", name={"givenName": "Augusta", "familyName": "King " * 40})
    browser = browse()

    assert "People 1" in text_of(browser.get("/search?q=augusta").text)
    assert "People 1" in text_of(browser.get("/search?q=king king").text)
    assert "Nothing is found." in text_of(browser.get("/search?q=l'ÿ").text)


@pytest.mark.parametrize("said", ["nobody", "da@example", "%25%25", "_da", "\U0010ffff\U0010ffff"])
def test_who_is_not_there_is_not_found(browse: Browse, ada: str, said: str) -> None:
    assert "Nothing is found. People are found by the beginning" in shown(browse, said)


def test_a_search_costs_the_same_however_many_it_finds(bench: Bench, browse: Browse) -> None:
    browser = browse()

    def cost() -> int:
        with counted(bench.database) as statements:
            browser.get("/search?q=person")
        return len(statements)

    bench.leave(bench.join("person1"))
    one = cost()
    for number in range(2, 6):
        bench.leave(bench.join(f"person{number}"))

    assert cost() == one <= 8


def test_every_part_of_a_search_uses_an_index(database: Database) -> None:
    with database.read() as tx:
        explained = Explained(tx)
        finding.people(tx, "ada", ["crm"], 20)
        finding.troubled(tx, "quota", 20)

    assert "ix_identities_any_case_name" in explained.plan
    assert "ix_identity_values_value" in explained.plan
    assert "ix_tasks_asking" in explained.plan
    assert "ix_tasks_retrying" in explained.plan
    assert "SCAN tasks\n" not in explained.plan
    assert "SCAN identities\n" not in explained.plan
