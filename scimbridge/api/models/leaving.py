"""Requests that people leave."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from scimbridge.api.endpoint import Answer
from scimbridge.api.endpoint import Model as Strict
from scimbridge.api.values import At, Text
from scimbridge.domain.request import Outcome

MOST_PEOPLE = 500
"""People in one request: each is a transaction. More go into several, or into a file for the command line."""


class Model(Strict):
    """What is asked, without spaces around it."""

    model_config = ConfigDict(str_strip_whitespace=True)


class Person(Model):
    """Who is to leave. At least one of the first four is there; where there are several, all have to fit."""

    user_name: Text = ""
    external_id: Text = ""
    email: Text = ""
    id: Text = ""
    """The SCIM id."""

    source: Text = ""
    """Whose person is meant, where several sources have one."""

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
