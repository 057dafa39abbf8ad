"""Operators, sources and tokens, as an admin sees to them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from scimbridge.dashboard.browsers import browser_in_words
from scimbridge.domain.access import Grant, Refusal
from scimbridge.domain.operator import Operator, Role, Way
from scimbridge.domain.session import Visitor
from scimbridge.services.signing_in import Introduced
from scimbridge.store.quirks import add_sightings
from tests.counting import counted
from tests.dashboard.conftest import Browse, Browser, text_of
from tests.services.bench import Bench

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def admin(browse: Browse) -> Browser:
    return browse(Role.ADMIN, "grace")


def shown_once(html: str) -> str:
    assert "Shown this once" in html
    (secret,) = re.findall(r'<code class="secret">([^<]+)</code>', html)
    return str(secret)


def events(bench: Bench) -> list[tuple[str, str]]:
    return [(row["event"], row["actor"]) for row in bench.overview.history_after(0)]


def test_another_operator_is_let_in_by_a_link(admin: Browser, bench: Bench) -> None:
    link = shown_once(admin.send("/operators", name="ada", role="auditor").text)

    secret = link.removeprefix("http://127.0.0.1:8085/sign-in/once?token=")
    session = admin.bridge.signing_in.by_link(secret, Visitor(), bench.clock()).session

    assert (session.operator, session.way) == (Operator("ada", Role.AUDITOR), Way.LINK)
    listed = text_of(admin.get("/operators").text)
    assert "ada auditor one-time links 1 0 now" in listed
    assert secret not in listed
    assert events(bench)[:2] == [("operator created", "grace"), ("sign-in link made", "grace")]


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "a b", "role": "viewer"}, "a name is letters"),
        ({"name": "ada (oidc)", "role": "viewer"}, "a name is letters"),
        ({"name": "ada", "role": "king"}, "choose a role"),
        ({"name": "grace", "role": "viewer"}, "already has this name"),
    ],
)
def test_who_cannot_be_is_not_created(admin: Browser, bench: Bench, form: dict[str, str], says: str) -> None:
    answer = admin.send("/operators", **form)

    assert says in text_of(admin.get(answer.headers["location"]).text)
    assert events(bench) == []


def test_an_admin_changes_what_others_may_and_not_what_they_may_themselves(admin: Browser, bench: Bench) -> None:
    admin.bridge.operators.add("ada", Role.VIEWER, by="test", now=bench.clock())
    secret = admin.bridge.signing_in.make_link("ada", by="test", now=bench.clock())
    admin.bridge.signing_in.by_link(secret, Visitor(browser=HOSTILE), bench.clock())
    page = admin.get("/operators/ada").text
    assert HOSTILE not in page
    assert HOSTILE in text_of(page)

    admin.send("/operators/ada", what="role", role="operator")
    assert "give a reason" in text_of(admin.get("/operators/ada").text)
    admin.send("/operators/ada", what="role", role="operator", reason="moved to the service desk")
    assert "The role is operator now" in text_of(admin.get("/operators/ada").text)
    assert admin.bridge.sessions.of("ada", bench.clock()) == []

    assert "Revoke" not in text_of(admin.get("/operators/grace").text)
    for what in ("role", "revoke"):
        admin.send("/operators/grace", what=what, role="viewer", sure="yes", reason="x")
        assert "ask another admin" in text_of(admin.get("/operators").text)

    admin.send("/operators/ada", what="revoke")
    assert "confirm it by its box" in text_of(admin.get("/operators/ada").text)
    admin.send("/operators/ada", what="revoke", sure="yes", reason="left the company")
    assert "Revoked: nothing they have" in text_of(admin.get("/operators/ada").text)
    assert "create them anew" in text_of(admin.get("/operators/ada").text)
    found = {entry["event"]: entry["reason"] for entry in bench.overview.history_after(0)}
    assert (found["operator role changed"], found["operator revoked"]) == (
        "moved to the service desk",
        "left the company",
    )


def test_sessions_of_others_are_ended_one_by_one_and_all(admin: Browser, bench: Bench) -> None:
    admin.bridge.operators.add("ada", Role.VIEWER, by="test", now=bench.clock())
    for _ in range(3):
        secret = admin.bridge.signing_in.make_link("ada", by="test", now=bench.clock())
        admin.bridge.signing_in.by_link(secret, Visitor(), bench.clock())
    first = re.findall(r'name="session" value="([^"]+)"', admin.get("/operators/ada").text)[0]

    admin.send("/operators/ada", what="end", session=first)
    assert len(admin.bridge.sessions.of("ada", bench.clock())) == 2
    admin.send("/operators/ada", what="end-all")

    assert "Sessions that were ended: 2." in text_of(admin.get("/operators/ada").text)
    assert admin.bridge.sessions.of("ada", bench.clock()) == []


def test_tokens_of_operators_are_made_and_revoked(admin: Browser, bench: Bench) -> None:
    admin.bridge.operators.add("ada", Role.OPERATOR, by="test", now=bench.clock())
    for form, says in (
        ({"purpose": "", "lifetime": "90"}, "say what the token is for"),
        ({"purpose": "x", "lifetime": "91"}, "choose how long"),
    ):
        admin.send("/operators/ada", what="token", **form)
        assert says in text_of(admin.get("/operators/ada").text)

    token = shown_once(admin.send("/operators/ada", what="token", purpose=HOSTILE, lifetime="90").text)
    assert admin.bridge.operators.identify(token, bench.clock()) == Operator("ada", Role.OPERATOR)
    assert admin.bridge.operators.identify(token, bench.clock() + timedelta(days=90)) is None
    page = admin.get("/operators/ada").text
    assert (token in page, HOSTILE in page, HOSTILE in text_of(page)) == (False, False, True)
    (token_id,) = re.findall(r'<option value="([^"]+)">&lt;', page)
    sure = {"reason": "not used", "sure": "yes"}
    admin.send("/operators/grace", what="revoke-token", token=token_id, **sure)
    assert admin.bridge.operators.identify(token, bench.clock())
    admin.send("/operators/ada", what="revoke-token", token=token_id, **sure)

    assert admin.bridge.operators.identify(token, bench.clock()) is None


def test_whom_a_provider_signs_in_is_kept_out_and_let_in_again(admin: Browser, bench: Bench) -> None:
    until = bench.clock() + timedelta(hours=1)
    eve = Introduced(issuer="https://login.example.com", subject="1", name="eve", role=Role.VIEWER, until=until)
    admin.bridge.signing_in.by_provider(eve, Visitor(), bench.clock())
    page = "/operators/eve%20%28oidc%29"
    assert f'href="{page}"' in admin.get("/operators").text
    shown = text_of(admin.get(page).text)
    assert "says their role" in shown
    assert "Change the role" not in shown

    admin.send(page, what="revoke", sure="yes", reason="left")
    assert "revoked" in text_of(admin.get(page).text)
    admin.send(page, what="readmit", reason="cleared")

    assert "They may sign in again" in text_of(admin.get(page).text)
    assert admin.bridge.signing_in.by_provider(eve, Visitor(), bench.clock()).session.operator.name == "eve (oidc)"


def test_a_source_is_connected_by_its_first_token(admin: Browser, bench: Bench) -> None:
    assert "idp 0 never" in text_of(admin.get("/sources").text)
    for form, says in (
        ({"name": "a b", "lifetime": "90"}, "no source can have this name"),
        ({"name": "hr"}, "choose how long"),
    ):
        admin.send("/sources", **form)
        assert says in text_of(admin.get("/sources").text)

    token = shown_once(admin.send("/sources", name="hr", lifetime="90").text)

    assert admin.bridge.tokens.identify(token, bench.clock()) == Grant("hr", bench.clock() + timedelta(days=90))
    assert "hr 1 now in 90d" in re.sub(r" 20\d\d-\d\d-\d\d \d\d:\d\d UTC", "", text_of(admin.get("/sources").text))
    assert token not in admin.get("/sources").text + admin.get("/sources/hr").text


def test_a_token_is_replaced_and_the_old_one_revoked(admin: Browser, bench: Bench) -> None:
    old = shown_once(admin.send("/sources", name="idp", lifetime="never").text)
    new = shown_once(admin.send("/sources/idp", what="token", lifetime="180").text)
    admin.send("/sources/idp", what="token", lifetime="180")
    page = admin.get("/sources/idp").text
    assert "2 live tokens already" in text_of(page)
    old_id = re.findall(r'<option value="([^"]+)">scb_', page)[0]

    admin.send("/sources/idp", what="revoke", token=old_id)
    assert admin.bridge.tokens.identify(old, bench.clock()) == Grant("idp")
    admin.send("/sources/hr", seen_on="/sources", what="revoke", token=old_id, sure="yes")
    assert admin.bridge.tokens.identify(old, bench.clock()) == Grant("idp")
    admin.send("/sources/idp", what="revoke", token=old_id, sure="yes")

    assert admin.bridge.tokens.identify(old, bench.clock()) is Refusal.REVOKED
    assert admin.bridge.tokens.identify(new, bench.clock()) == Grant("idp", bench.clock() + timedelta(days=180))


def test_a_source_tells_what_it_has_and_its_ways(admin: Browser, bench: Bench) -> None:
    bench.join("ada")
    with bench.database.write() as tx:
        add_sightings(tx, "idp", {HOSTILE: 3}, bench.clock())

    page = admin.get("/sources/idp").text

    assert "1 of 1 Users are active; 0 Groups." in text_of(page)
    assert f"{HOSTILE} 3 now" in text_of(page)
    assert HOSTILE not in page
    assert admin.get("/sources/nowhere").status_code == 404
    assert admin.get("/operators/nobody").status_code == 404


def test_an_auditor_reads_and_is_offered_nothing(browse: Browse) -> None:
    auditor = browse(Role.AUDITOR, "aude")

    for path in ("/operators", "/operators/aude", "/sources", "/sources/idp"):
        page = auditor.get(path)
        assert page.status_code == 200
        assert f'action="{path}"' not in page.text


def test_more_operators_and_sources_cost_no_more_statements(admin: Browser, bench: Bench) -> None:
    def cost(path: str) -> int:
        with counted(bench.database) as statements:
            assert admin.get(path).status_code == 200
        return len(statements)

    few = [cost(path) for path in ("/operators", "/sources")]
    for number in range(5):
        admin.bridge.operators.create(f"o{number}", Role.VIEWER, by="test", now=bench.clock())
        admin.bridge.tokens.create(f"s{number}", by="test", now=bench.clock())

    assert few == [cost(path) for path in ("/operators", "/sources")] == [3, 2]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1 Version/18.1 Safari/605.1", "Safari on macOS"),
        ("curl/8.14", "curl/8.14"),
        ("", "unknown"),
    ],
)
def test_browsers_are_called_as_people_call_them(agent: str, words: str) -> None:
    assert browser_in_words(agent) == words
