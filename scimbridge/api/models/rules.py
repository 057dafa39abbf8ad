"""Versions of the rules."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.paging import Page
from scimbridge.api.values import At, Duration, Reason, Version
from scimbridge.domain.rules_version import Origin, VersionState

Text = Annotated[
    str,
    StringConstraints(max_length=256 * 1024, pattern=r"^[^\x00]*$"),
    Field(description="The text of `[[rules]]`, in TOML.", examples=['[[rules]]\nname = "employees"\n']),
]


class VersionLine(Answer):
    """One version of a list."""

    version: int
    state: VersionState
    origin: Origin
    base: int | None
    """For a draft: the version that was in force when it was begun, or last saved."""

    revision: int
    """Counts the changes of a draft; whoever changes or activates it says which one they have seen."""

    digest: str | None
    """Of what the text says; null while it is no TOML."""

    created_at: At
    created_by: str
    changed_at: At
    changed_by: str
    activated_at: At | None
    activated_by: str | None
    reason: str
    """Why it was activated."""

    ended_at: At | None
    """When it was discarded, or another one took its place."""

    ended_by: str | None


class VersionPage(Page[VersionLine]):
    """Versions, the newest first."""


class Placed(Answer):
    """What is wrong with a text of rules, and where."""

    line: int | None
    path: str
    message: str


class ReplayStory(Answer):
    """What the past would have been by a draft."""

    state: str
    """`running`, `ended`, or `failed`."""

    by: str
    begun_at: At
    ended_at: At | None
    since: At
    against: int | None
    """The version in force that it was compared with."""

    done: int
    total: int
    """Facts; what is done of them tells how far it is."""

    counts: dict[str, int] | None = None
    """Facts, and how many would have been treated the `same` and `different`."""

    people: dict[str, int] | None = None
    """How many people: `touched_only_now`, `spared_now`, `otherwise`, `irreversible_only_now`."""

    irreversible: list[str] | None = None
    """Steps that are new, and cannot be undone."""

    guard: list[dict[str, Any]] | None = None
    """Limits of the guard that would have been exceeded, by the draft (`after`) or by the rules in force (`before`)."""

    findings: list[str]
    warnings: list[str]


class VersionStory(VersionLine):
    """Everything about a version."""

    text: str
    problems: list[Placed]
    active: int | None
    """The version in force."""

    changes: list[str]
    """What differs from the version in force, line by line, as `diff -u` writes it."""

    obstacles: list[str]
    """Why it cannot be put in force as it is, each with the next step."""

    replay: ReplayStory | None


class DraftRequest(Model):
    """Of what: a text, a version, or the file. One of them."""

    text: Text | None = None
    of: Version | None = None
    """A version whose text is taken."""

    file: bool = False
    """Take the rules of the configuration file."""


class ChangeRequest(Model):
    """Another text for a draft."""

    text: Text
    revision: Version
    """The one that you have seen."""

    base: Version | None = None
    """The version in force that you have seen."""


class CheckRequest(Model):
    """A text to be looked at."""

    text: Text


class Checked(Answer):
    """What is wrong with a text."""

    ok: bool
    problems: list[Placed]


class ReplayRequest(Model):
    """How much of the past."""

    span: Duration = "90d"


class ActivateRequest(Model):
    """That it may be in force, and why."""

    revision: Version
    """The one that you have looked at."""

    reason: Reason
