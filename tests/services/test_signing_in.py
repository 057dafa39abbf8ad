"""Operators sign in, on both stores: passwords, codes, one-time links, identity providers; and how sessions end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from scimbridge.domain.one_time_code import STEP, code_at, new_secret
from scimbridge.domain.operator import Operator, Role, Way
from scimbridge.domain.session import Session, SessionTerms, Started, Visitor
from scimbridge.errors import NotFoundError, OperatorRefusedError, SignInRefusedError, WeakPasswordError
from scimbridge.services.forgetting import Forgetting
from scimbridge.services.operators import Operators
from scimbridge.services.own_access import OwnAccess
from scimbridge.services.passwords import Passwords
from scimbridge.services.sessions import Sessions
from scimbridge.services.signing_in import LINK_LIFETIME, NO_LINK, WRONG, Introduced, Presented, SigningIn
from scimbridge.services.tries import FORGOTTEN_AFTER, FREE, LONGEST_LOCK
from scimbridge.store.database import Database
from scimbridge.store.schema import operator_links, operator_sessions
from tests.clock import FakeClock

PASSWORD = "correct horse battery"
DESK = Visitor(address="192.0.2.7", browser="Firefox")
TERMS = SessionTerms(length=timedelta(hours=12), idle=timedelta(hours=1))


class Desk:
    """Where operators sign in."""

    def __init__(self, database: Database, clock: FakeClock, passwords: Passwords) -> None:
        self.clock = clock
        self.operators = Operators(database)
        self.sessions = Sessions(database, TERMS)
        self.signing_in = SigningIn(database, self.sessions, passwords)
        self.own_access = OwnAccess(database, passwords)

    def ada(self, role: Role = Role.OPERATOR) -> None:
        self.operators.create("ada", role, by="ops", now=self.clock())
        self.own_access.set_password("ada", PASSWORD, by="ops", now=self.clock())

    def sign_in(self, password: str = PASSWORD, code: str = "", name: str = "ada") -> Started:
        presented = Presented(name=name, password=password, code=code)
        return self.signing_in.by_password(presented, DESK, self.clock())

    def by_link(self, name: str = "ada") -> Started:
        secret = self.signing_in.make_link(name, by="ops", now=self.clock())
        return self.signing_in.by_link(secret, DESK, self.clock())

    def find(self, started: Started) -> Session | None:
        return self.sessions.find(started.cookie, self.clock())

    def refusal(self, *args: str, **more: str) -> SignInRefusedError:
        with pytest.raises(SignInRefusedError) as refused:
            self.sign_in(*args, **more)
        return refused.value

    def with_app(self) -> str:
        secret = new_secret()
        self.own_access.add_codes(self.sign_in().session, secret, self.code(secret), self.clock())
        self.clock.advance(timedelta(seconds=STEP))
        return secret

    def code(self, secret: str) -> str:
        return code_at(secret, int(self.clock().timestamp()) // STEP)

    def introduced(self, subject: str = "s-1", name: str = "ada", role: Role = Role.VIEWER) -> Introduced:
        until = self.clock() + timedelta(hours=2)
        return Introduced(issuer="https://login.example.com", subject=subject, name=name, role=role, until=until)

    def by_provider(self, subject: str = "s-1", name: str = "ada", role: Role = Role.VIEWER) -> Started:
        return self.signing_in.by_provider(self.introduced(subject, name, role), DESK, self.clock())


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(memory=8, passes=1)


@pytest.fixture
def desk(database: Database, clock: FakeClock, passwords: Passwords) -> Desk:
    return Desk(database, clock, passwords)


def test_name_and_password_begin_a_session(desk: Desk) -> None:
    desk.ada()

    started = desk.sign_in(name=" ada ")

    found = desk.find(started)
    assert found == started.session
    assert found is not None
    assert (found.operator, found.way, found.visitor) == (Operator("ada", Role.OPERATOR), Way.PASSWORD, DESK)
    assert started.cookie not in repr(started)


def test_passwords_are_kept_as_argon2id_with_the_costs_that_owasp_names() -> None:
    passwords = Passwords()
    kept = passwords.hash(PASSWORD)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.is_right(kept, PASSWORD)
    assert not passwords.is_right(kept, PASSWORD + " ")
    assert not passwords.is_right(None, "")
    assert not passwords.is_right("no hash", PASSWORD)


def test_every_sign_in_has_a_session_of_its_own(desk: Desk) -> None:
    desk.ada()

    cookies = {desk.sign_in().cookie for _ in range(3)}

    assert len(cookies) == 3
    assert len(desk.sessions.of("ada", desk.clock())) == 3


@pytest.mark.parametrize("cookie", ["", "x", "ada"])
def test_an_unknown_cookie_is_nobodys(desk: Desk, cookie: str) -> None:
    desk.ada()
    desk.sign_in()

    assert desk.sessions.find(cookie, desk.clock()) is None


def test_whoever_fails_learns_nothing(desk: Desk) -> None:
    desk.ada()
    desk.operators.create("without", Role.ADMIN, by="ops", now=desk.clock())
    desk.with_app()

    found = {
        str(desk.refusal("wrong password")),
        str(desk.refusal(PASSWORD, "000000")),
        str(desk.refusal(PASSWORD)),
        str(desk.refusal(PASSWORD, name="nobody")),
        str(desk.refusal("", name="nobody")),
        str(desk.refusal("", name="without")),
    }

    assert found == {WRONG}


def test_as_long_is_taken_for_nobody_as_for_somebody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def is_right(_: Passwords, kept: str | None, password: str) -> bool:
        checked.append(password)
        return False

    monkeypatch.setattr(Passwords, "is_right", is_right)
    desk.ada()

    desk.refusal("one")
    desk.refusal("two", name="nobody")

    assert checked == ["one", "two"]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_name_is_locked_after_some_tries_whether_there_is_one_or_not(desk: Desk, name: str) -> None:
    desk.ada()
    for _ in range(FREE):
        assert desk.refusal("wrong", name=name).wait is None

    refused = desk.refusal(PASSWORD, name=name.upper())

    assert refused.wait == timedelta(seconds=30)
    assert "Try again in 31 seconds" in str(refused)
    assert name not in str(refused)


def test_each_further_failure_locks_twice_as_long_up_to_a_limit(desk: Desk) -> None:
    desk.ada()
    for _ in range(FREE):
        desk.refusal("wrong")
    waits = []
    for _ in range(7):
        wait = desk.refusal("wrong").wait
        assert wait is not None
        waits.append(wait.total_seconds())
        desk.clock.advance(wait)
        assert desk.refusal("wrong").wait is None

    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert LONGEST_LOCK.total_seconds() == 900


def test_who_waits_gets_in_and_begins_anew(desk: Desk) -> None:
    desk.ada()
    for _ in range(FREE):
        desk.refusal("wrong")
    desk.clock.advance("30s")

    assert desk.find(desk.sign_in())

    assert desk.refusal("wrong").wait is None
    assert desk.refusal("wrong").wait is None


def test_failures_are_forgotten_after_an_hour(desk: Desk) -> None:
    desk.ada()
    for _ in range(FREE + 1):
        desk.refusal("wrong")
    desk.clock.advance(FORGOTTEN_AFTER)

    assert [desk.refusal("wrong").wait for _ in range(FREE)] == [None] * FREE


def test_a_code_is_asked_for_and_good_once(desk: Desk) -> None:
    desk.ada()
    secret = desk.with_app()

    assert desk.find(desk.sign_in(code=desk.code(secret)))
    assert str(desk.refusal(PASSWORD, desk.code(secret))) == WRONG

    desk.clock.advance(timedelta(seconds=STEP))
    assert desk.find(desk.sign_in(code=desk.code(secret)))


def test_an_app_that_shows_something_else_is_not_added(desk: Desk) -> None:
    desk.ada()
    session = desk.sign_in().session

    for secret, code in ((new_secret(), "000000"), ("short", "000000")):
        with pytest.raises(SignInRefusedError, match="clock"):
            desk.own_access.add_codes(session, secret, code, desk.clock())

    assert desk.own_access.has("ada") == (True, False)


def test_there_is_one_app_and_it_is_removed_by_its_code_or_after_a_link(desk: Desk) -> None:
    desk.ada()
    secret = desk.with_app()
    session = desk.sign_in(code=desk.code(secret)).session
    other = new_secret()
    with pytest.raises(OperatorRefusedError, match="already"):
        desk.own_access.add_codes(session, other, desk.code(other), desk.clock())
    with pytest.raises(SignInRefusedError):
        desk.own_access.drop_codes(session, "000000", desk.clock())
    assert desk.own_access.has("ada") == (True, True)

    desk.own_access.drop_codes(desk.by_link().session, "", desk.clock())

    assert desk.own_access.has("ada") == (True, False)
    assert desk.find(desk.sign_in())


def test_a_link_lets_in_once_and_unlocks(desk: Desk) -> None:
    desk.ada()
    for _ in range(FREE):
        desk.refusal("wrong")
    secret = desk.signing_in.make_link("ada", by="ops", now=desk.clock())
    assert desk.signing_in.whose_link(secret, desk.clock()) == "ada"

    started = desk.signing_in.by_link(secret, DESK, desk.clock())

    assert started.session.way is Way.LINK
    assert desk.find(started)
    assert desk.signing_in.whose_link(secret, desk.clock()) is None
    with pytest.raises(SignInRefusedError, match=NO_LINK):
        desk.signing_in.by_link(secret, DESK, desk.clock())
    assert desk.find(desk.sign_in())


def test_a_link_ends_by_age_by_a_newer_one_and_with_its_operator(desk: Desk) -> None:
    desk.ada()
    desk.operators.create("grace", Role.ADMIN, by="ops", now=desk.clock())
    make = desk.signing_in.make_link
    replaced, newer = (make("ada", by="ops", now=desk.clock()) for _ in range(2))
    gone = make("grace", by="ops", now=desk.clock())
    desk.operators.revoke("grace", reason="left", by="ops", now=desk.clock())
    assert desk.signing_in.whose_link(newer, desk.clock()) == "ada"
    desk.clock.advance(LINK_LIFETIME)

    for secret in (replaced, newer, gone, "", "x"):
        with pytest.raises(SignInRefusedError, match=NO_LINK):
            desk.signing_in.by_link(secret, DESK, desk.clock())
    with pytest.raises(NotFoundError):
        make("grace", by="ops", now=desk.clock())


def test_a_session_ends_after_its_time_whatever_happens(desk: Desk) -> None:
    desk.ada()
    started = desk.sign_in()
    for _ in range(23):
        desk.clock.advance("30m")
        assert desk.find(started)
    desk.clock.advance("30m")

    assert desk.find(started) is None


def test_a_session_ends_when_it_idles(desk: Desk) -> None:
    desk.ada()
    started = desk.sign_in()
    desk.clock.advance("59m")
    assert desk.find(started)
    desk.clock.advance("59m")
    assert desk.find(started)
    desk.clock.advance("60m")

    assert desk.find(started) is None
    assert desk.sessions.of("ada", desk.clock()) == []


def test_what_is_over_is_forgotten_and_nothing_else(desk: Desk, database: Database) -> None:
    desk.ada()
    desk.sign_in()
    desk.signing_in.make_link("ada", by="ops", now=desk.clock())
    desk.clock.advance("11h")
    kept, link = desk.sign_in(), desk.signing_in.make_link("ada", by="ops", now=desk.clock())

    def left() -> tuple[int, int]:
        with database.read() as tx:
            return tuple(  # type: ignore[return-value]
                tx.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (operator_sessions, operator_links)
            )

    desk.clock.advance("59m")
    Forgetting(database).forget_sign_ins(desk.clock())
    assert left() == (2, 1)
    desk.clock.advance("1m")
    Forgetting(database).forget_sign_ins(desk.clock())

    assert left() == (1, 0)
    assert desk.sessions.find(kept.cookie, desk.clock() - timedelta(minutes=1))
    assert desk.signing_in.whose_link(link, desk.clock()) is None


ENDINGS: dict[str, Callable[[Desk], object]] = {
    "revoked": lambda desk: desk.operators.revoke("ada", reason="left", by="ops", now=desk.clock()),
    "another role": lambda desk: desk.operators.change_role(
        "ada", Role.VIEWER, reason="moved", by="ops", now=desk.clock()
    ),
    "another password": lambda desk: desk.own_access.set_password(
        "ada", "another good password", by="ops", now=desk.clock()
    ),
    "all ended": lambda desk: desk.sessions.end_all("ada", by="ops", now=desk.clock()),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_sessions_end_with_what_they_stood_for(desk: Desk, ending: str) -> None:
    desk.ada()
    desk.operators.create("grace", Role.ADMIN, by="ops", now=desk.clock())
    started, other = desk.sign_in(), desk.by_link("grace")

    ENDINGS[ending](desk)

    assert desk.find(started) is None
    assert desk.find(other)


def test_a_revoked_operator_comes_back_without_anything_they_had(desk: Desk) -> None:
    desk.ada()
    desk.with_app()
    desk.operators.revoke("ada", reason="left", by="ops", now=desk.clock())
    desk.operators.create("ada", Role.ADMIN, by="ops", now=desk.clock())

    assert str(desk.refusal(PASSWORD)) == WRONG
    assert desk.own_access.has("ada") == (False, False)


def test_somebody_ends_one_session_of_their_own_and_nobody_elses(desk: Desk) -> None:
    desk.ada()
    desk.operators.create("grace", Role.ADMIN, by="ops", now=desk.clock())
    one, two, other = desk.sign_in(), desk.sign_in(), desk.by_link("grace")

    desk.sessions.end("ada", one.session.id, by="ada", now=desk.clock())

    assert [desk.find(each) is None for each in (one, two, other)] == [True, False, False]
    with pytest.raises(NotFoundError):
        desk.sessions.end("ada", other.session.id, by="ada", now=desk.clock())
    assert [each.operator.name for each in desk.sessions.all(desk.clock())] == ["ada", "grace"]


def test_a_new_password_takes_the_current_one_and_ends_the_other_sessions(desk: Desk) -> None:
    desk.ada()
    here, elsewhere = desk.sign_in(), desk.sign_in()
    choose = desk.own_access.choose_password
    with pytest.raises(SignInRefusedError, match="current"):
        choose(here.session, "wrong", "another good password", desk.clock())

    choose(here.session, PASSWORD, "another good password", desk.clock())

    assert (desk.find(here) is None, desk.find(elsewhere) is None) == (False, True)
    assert desk.find(desk.sign_in("another good password"))
    choose(desk.by_link().session, "", PASSWORD, desk.clock())
    assert desk.find(desk.sign_in())


def test_guessing_at_the_current_password_locks_the_name_too(desk: Desk) -> None:
    desk.ada()
    session = desk.sign_in().session
    for _ in range(FREE):
        with pytest.raises(SignInRefusedError, match="current"):
            desk.own_access.choose_password(session, "wrong", "another good password", desk.clock())

    with pytest.raises(SignInRefusedError, match="Too many"):
        desk.own_access.choose_password(session, PASSWORD, "another good password", desk.clock())


@pytest.mark.parametrize("weak", ["", "short", "a" * 20, "ADA ada ada ada ada", "x1" * 200])
def test_weak_passwords_are_refused(desk: Desk, weak: str) -> None:
    desk.ada()

    with pytest.raises(WeakPasswordError):
        desk.own_access.set_password("ada", weak, by="ops", now=desk.clock())


def test_nobody_locks_themselves_out(desk: Desk) -> None:
    desk.ada(Role.ADMIN)

    with pytest.raises(OperatorRefusedError, match="another admin"):
        desk.operators.revoke("ada", reason="left", by="ADA", now=desk.clock())
    with pytest.raises(OperatorRefusedError, match="another admin"):
        desk.operators.change_role("ada", Role.VIEWER, reason="moved", by="ada", now=desk.clock())


def test_a_provider_introduces_somebody_with_a_name_of_a_space_of_its_own(desk: Desk) -> None:
    desk.ada(Role.ADMIN)

    started = desk.by_provider(role=Role.VIEWER)

    assert started.session.operator == Operator("ada (oidc)", Role.VIEWER)
    assert started.session.ends_at == desk.clock() + timedelta(hours=2)
    assert desk.find(started)


def test_a_subject_keeps_its_name_and_takes_the_role_that_the_provider_says(desk: Desk) -> None:
    before = desk.by_provider()

    again = desk.by_provider(name="ada.lovelace", role=Role.OPERATOR)

    assert again.session.operator == Operator("ada (oidc)", Role.OPERATOR)
    assert desk.find(before) is None
    assert desk.find(again) == again.session


def test_a_name_is_never_handed_to_another_subject(desk: Desk) -> None:
    desk.by_provider()

    with pytest.raises(SignInRefusedError, match="another's name"):
        desk.by_provider(subject="s-2")
    desk.operators.revoke("ada (oidc)", reason="left", by="ops", now=desk.clock())
    with pytest.raises(SignInRefusedError, match="another's name"):
        desk.by_provider(subject="s-2")


def test_whoever_was_revoked_here_stays_out_until_an_admin_says_otherwise(desk: Desk) -> None:
    started = desk.by_provider()
    desk.operators.revoke("ada (oidc)", reason="left", by="ops", now=desk.clock())
    assert desk.find(started) is None
    with pytest.raises(SignInRefusedError, match="was revoked here"):
        desk.by_provider()

    desk.operators.let_in_again("ada (oidc)", reason="left", by="ops", now=desk.clock())

    assert desk.find(desk.by_provider())
    with pytest.raises(NotFoundError):
        desk.operators.let_in_again("ada (oidc)", reason="left", by="ops", now=desk.clock())
    with pytest.raises(OperatorRefusedError, match="create ada anew"):
        desk.operators.let_in_again("ada", reason="left", by="ops", now=desk.clock())


def test_whom_a_provider_signs_in_has_no_password_and_no_other_role(desk: Desk) -> None:
    session = desk.by_provider().session
    name = session.operator.name

    attempts: tuple[Callable[[], object], ...] = (
        lambda: desk.own_access.set_password(name, PASSWORD, by="ops", now=desk.clock()),
        lambda: desk.own_access.choose_password(session, "", PASSWORD, desk.clock()),
        lambda: desk.own_access.add_codes(session, new_secret(), "", desk.clock()),
        lambda: desk.operators.change_role(name, Role.ADMIN, reason="moved", by="ops", now=desk.clock()),
    )
    for attempt in attempts:
        with pytest.raises(OperatorRefusedError, match="provider"):
            attempt()
