"""Requests that people leave."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ConfigDict, Field

from scimbridge.api.endpoint import Answer
from scimbridge.api.endpoint import Model as Strict
from scimbridge.api.values import At, Text
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.request import Outcome

MOST_PEOPLE = 500
"""People in one request: each is a transaction. More go into several, or into a file for the command line."""


class Model(Strict):
    """What is asked, without spaces around it."""

    model_config = ConfigDict(str_strip_whitespace=True)


class Named(Model):
    """Who is meant. At least one of the first four is there; where there are several, all have to fit."""

    user_name: Text = ""
    external_id: Text = ""
    email: Text = ""
    id: Text = ""
    """The SCIM id."""

    source: Text = ""
    """Whose person is meant, where several sources have one."""


class Person(Named):
    """Who is to leave."""

    date: Text = ""
    """When, like 2026-12-31 or 2026-12-31T18:00; now where absent."""

    reason: Text = ""
    """Why, where it is another reason than that of the whole request."""


class LeaveRequest(Model):
    """Who is to leave, and why."""

    people: list[Person] = Field(min_length=1, max_length=MOST_PEOPLE)
    reason: Text = ""
    """Why; for people without a reason of their own."""

    source: Text = ""
    date: Text = ""
    partial: bool = False
    """Do what can be done; else one person who cannot be found leaves everybody alone."""

    again: bool = False
    """Also who has left already by a complete case."""

    dry_run: bool = False
    """Only say what would become of each."""


class Line(Answer):
    """What became of one person, in the order of the request; the first is line 1."""

    line: int
    person: str
    outcome: Outcome
    why: str
    identity_id: str | None
    user_name: str | None
    source: str | None
    case_id: str | None
    due_at: At | None


class LeaveReport(Answer):
    """What became of all.

    Attributes:
        done: False for a dry run.
    """

    done: bool
    lines: list[Line]


class LeaveLine(Answer):
    """Somebody who is to leave on a later date."""

    id: str
    identity_id: str
    user_name: str
    source: str
    due_at: At
    reason: str
    requested_by: str
    requested_at: At


class Leaves(Answer):
    """Who is to leave on a later date, the next first."""

    items: list[LeaveLine]


def leavers_of(people: Sequence[Named]) -> list[Leaver]:
    """Return those who are named, as the services take them; the first is line 1."""
    return [
        Leaver(
            line=number,
            problem="" if any((each.user_name, each.external_id, each.email, each.id)) else "it names nobody",
            **each.model_dump(),
        )
        for number, each in enumerate(people, 1)
    ]
