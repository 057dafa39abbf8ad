"""Who may use the pages and the API."""

from __future__ import annotations

import re

from scimbridge.domain.operator import Operator, Role, Way
from scimbridge.domain.session import SessionTerms, Visitor
from scimbridge.services.operators import Operators
from scimbridge.services.passwords import Passwords
from scimbridge.services.sessions import Sessions
from scimbridge.services.signing_in import SigningIn
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


def test_an_operator_is_let_in_until_revoked(bench: Bench, terminal: Terminal) -> None:
    operators = Operators(bench.database)
    shown = terminal.run("operator", "create", "grace", "--role", "operator")
    token = shown.stdout.splitlines()[-1]
    assert operators.identify(token, bench.clock()) == Operator("grace", Role.OPERATOR)
    assert token not in shown.stderr

    (listed,) = terminal.read("operator", "list")
    assert (listed["name"], listed["role"], listed["revoked_at"]) == ("grace", "operator", None)
    assert token not in terminal.run("operator", "list").stdout
    assert "grace" in terminal.run("operator", "list").stdout

    terminal.run("operator", "revoke", "grace", "--reason", "left")
    assert operators.identify(token, bench.clock()) is None
    assert terminal.read("operator", "list")[0]["revoked_at"] is not None
    assert "no operator 'grace'" in terminal.run("operator", "revoke", "grace", "--reason", "left", code=1).stderr


def test_a_name_is_of_one_operator_and_can_be_let_in_again(bench: Bench, terminal: Terminal) -> None:
    operators = Operators(bench.database)
    create = ("operator", "create", "grace", "--role", "viewer", "--expires", "1d")
    first = terminal.run(*create).stdout.splitlines()[-1]
    assert "already has this name" in terminal.run(*create, code=1).stderr
    terminal.run("operator", "revoke", "grace", "--reason", "left")

    second = terminal.run(*create).stdout.splitlines()[-1]

    assert operators.identify(first, bench.clock()) is None
    assert operators.identify(second, bench.clock()) == Operator("grace", Role.VIEWER)
    assert operators.identify(second, bench.at("1d")) is None


def test_names_roles_and_times_are_checked(bench: Bench, terminal: Terminal) -> None:
    assert terminal.run("operator", "list").stdout == "There are no operators.\n"
    for wrong in (
        ("gra ce", "--role", "admin"),
        ("grace", "--role", "king"),
        ("grace",),
        ("grace", "--role", "admin", "--expires", "soon"),
    ):
        terminal.run("operator", "create", *wrong, code=2)

    assert list(Operators(bench.database).all()) == []


def signing_in(bench: Bench) -> SigningIn:
    return SigningIn(bench.database, Sessions(bench.database, SessionTerms()), Passwords(memory=8, passes=1))


def secret_in(shown: str) -> str:
    (secret,) = re.findall(r"http://127\.0\.0\.1:8085/sign-in/once\?token=([\w-]{43})", shown)
    return str(secret)


def test_who_is_created_signs_in_once_by_a_link(bench: Bench, terminal: Terminal) -> None:
    shown = terminal.run("operator", "create", "grace", "--role", "auditor")
    assert "/sign-in/" not in shown.stdout

    session = signing_in(bench).by_link(secret_in(shown.stderr), Visitor(), bench.clock()).session

    assert (session.operator, session.way) == (Operator("grace", Role.AUDITOR), Way.LINK)


def test_a_link_stands_alone_on_the_last_line(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "grace", "--role", "admin")

    last = terminal.run("operator", "sign-in", "grace").stdout.splitlines()[-1]

    assert signing_in(bench).whose_link(secret_in(last), bench.clock()) == "grace"
    assert "no operator 'nobody'" in terminal.run("operator", "sign-in", "nobody", code=1).stderr
    assert "identity provider" in terminal.run("operator", "sign-in", "grace (oidc)", code=1).stderr


def test_a_password_is_read_from_the_standard_input(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "grace", "--role", "admin")
    link = secret_in(terminal.run("operator", "sign-in", "grace").stdout)
    began = signing_in(bench).by_link(link, Visitor(), bench.clock())

    shown = terminal.run("operator", "password", "grace", typed="correct horse battery\n")

    assert "correct" not in shown.stdout + shown.stderr
    assert Sessions(bench.database, SessionTerms()).find(began.cookie, bench.clock()) is None
    assert "12 characters" in terminal.run("operator", "password", "grace", typed="short\n", code=1).stderr


def test_a_role_changes_at_once(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "grace", "--role", "admin")

    terminal.run("operator", "role", "grace", "viewer", "--reason", "moved")

    assert terminal.read("operator", "list")[0]["role"] == "viewer"
    assert "no operator 'nobody'" in terminal.run("operator", "role", "nobody", "admin", "--reason", "x", code=1).stderr


def test_nobody_revokes_themselves(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "grace", "--role", "admin")

    assert (
        "another admin"
        in terminal.run("operator", "revoke", "grace", "--reason", "left", "--by", "Grace", code=1).stderr
    )


def test_only_whom_a_provider_signs_in_is_let_in_again(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "grace", "--role", "admin")

    assert "create grace anew" in terminal.run("operator", "readmit", "grace", "--reason", "back", code=1).stderr
    assert "no revoked operator" in terminal.run("operator", "readmit", "eve (oidc)", "--reason", "back", code=1).stderr


def test_the_first_operator_is_an_admin_and_there_is_one_first(bench: Bench) -> None:
    operators = Operators(bench.database)

    assert operators.add_first("olga", now=bench.clock())
    assert not operators.add_first("grace", now=bench.clock())

    secret = signing_in(bench).make_link("olga", by="olga", now=bench.clock())
    assert signing_in(bench).by_link(secret, Visitor(), bench.clock()).session.operator == Operator("olga", Role.ADMIN)


def test_programs_have_tokens_of_their_own(bench: Bench, terminal: Terminal) -> None:
    operators = Operators(bench.database)
    first = terminal.run("operator", "create", "grace", "--role", "operator").stdout.splitlines()[-1]
    second = terminal.run("operator", "token", "create", "grace", "hr-sync", "--expires", "1d").stdout.splitlines()[-1]
    listed = terminal.read("operator", "token", "list", "grace")
    assert [(each["name"], each["revoked_at"]) for each in listed] == [("", None), ("hr-sync", None)]
    assert operators.identify(second, bench.clock()) == Operator("grace", Role.OPERATOR)
    assert operators.identify(second, bench.at("1d")) is None

    terminal.run("operator", "token", "revoke", listed[1]["id"], "--reason", "replaced")

    assert operators.identify(second, bench.clock()) is None
    assert operators.identify(first, bench.clock()) is not None
    assert "hr-sync" in terminal.run("operator", "token", "list").stdout
    assert (
        "no live token"
        in terminal.run("operator", "token", "revoke", listed[1]["id"], "--reason", "replaced", code=1).stderr
    )
    assert "no operator 'nobody'" in terminal.run("operator", "token", "create", "nobody", "x", code=1).stderr


def test_whoever_has_no_token_any_more_is_listed_all_the_same(bench: Bench, terminal: Terminal) -> None:
    terminal.run("operator", "create", "olga", "--role", "viewer")
    (token,) = terminal.read("operator", "token", "list", "olga")
    terminal.run("operator", "token", "revoke", token["id"], "--reason", "replaced")

    (listed,) = terminal.read("operator", "list")
    assert (listed["name"], listed["hint"], listed["revoked_at"]) == ("olga", None, None)
