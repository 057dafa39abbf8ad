"""Who may use the API."""

from __future__ import annotations

from scimbridge.domain.operator import Operator, Role
from scimbridge.services.operators import Operators
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

    terminal.run("operator", "revoke", "grace")
    assert operators.identify(token, bench.clock()) is None
    assert terminal.read("operator", "list")[0]["revoked_at"] is not None
    assert "no operator 'grace'" in terminal.run("operator", "revoke", "grace", code=1).stderr


def test_a_name_is_of_one_operator_and_can_be_let_in_again(bench: Bench, terminal: Terminal) -> None:
    operators = Operators(bench.database)
    create = ("operator", "create", "grace", "--role", "viewer", "--expires", "1d")
    first = terminal.run(*create).stdout.splitlines()[-1]
    assert "already has this name" in terminal.run(*create, code=1).stderr
    terminal.run("operator", "revoke", "grace")

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
