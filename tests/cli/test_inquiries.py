"""What operators are asked about groups."""

from __future__ import annotations

import pytest

from scimbridge.domain.inquiry import Cause
from tests.cli.conftest import Terminal
from tests.services.bench import Bench


@pytest.fixture
def inquiry_id(bench: Bench) -> str:
    group = bench.group("CRM Users", bench.join("ada"))
    return bench.ask_about(group, "CRM Users", Cause.RENAMED).id


def test_inquiries_are_listed_until_they_are_answered(inquiry_id: str, terminal: Terminal) -> None:
    (listed,) = terminal.read("inquiries", "list")
    assert (listed["id"], listed["cause"], listed["group"], listed["people"]) == (inquiry_id, "renamed", "CRM Users", 1)
    assert listed["verdict"] is None
    assert "CRM Users" in terminal.run("inquiries", "list").stdout

    dismissed = terminal.run("inquiries", "dismiss", inquiry_id, "--reason", "moved")
    assert "everything stays as it is" in dismissed.stdout
    assert terminal.run("inquiries", "list").stdout == "No open inquiries.\n"


def test_a_confirmed_inquiry_says_how_many_lost_something(inquiry_id: str, terminal: Terminal) -> None:
    assert terminal.run("inquiries", "confirm", inquiry_id).stdout.startswith("Confirmed: 1 person lost a target")
    assert "no open inquiry" in terminal.run("inquiries", "confirm", inquiry_id, code=1).stderr
    assert "no open inquiry" in terminal.run("inquiries", "dismiss", inquiry_id, "--reason", "x", code=1).stderr


def test_an_unknown_inquiry_is_a_failure(bench: Bench, terminal: Terminal) -> None:
    assert bench.wakeups == []
    assert "no inquiry 'nope'" in terminal.run("inquiries", "confirm", "nope", code=1).stderr
