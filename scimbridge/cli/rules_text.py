"""Versions of the rules, for a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from scimbridge.cli.output import say
from scimbridge.domain.rules_version import RulesVersion, VersionState
from scimbridge.domain.times import moment
from scimbridge.services import replay_in_words

if TYPE_CHECKING:
    from scimbridge.services.drafting import Look


def say_look(look: Look, now: datetime) -> None:
    """Print a version: who made it, its text or what it changes, and what keeps it from being put in force."""
    version = look.version
    say(*_heading(version))
    if version.state is not VersionState.DRAFT:
        say("", *version.text.splitlines())
        return
    than = f"version {look.active.version}" if look.active is not None else "nothing"
    say("", f"Changed, compared with {than}:", *(look.changes or ["nothing"]))
    if look.read.problems:
        say("", "Wrong:", *look.read.problems)
    if version.replay is not None:
        say("")
        say_replay(version, now)
    say("", *(f"Not yet: {why}." for why in look.obstacles))


def say_replay(version: RulesVersion, now: datetime) -> None:
    """Print what the past would have been by a draft."""
    replay = version.replay
    if replay is None or replay["ended_at"] is None:
        say(replay_in_words.progress(replay, now) if replay is not None else "It was not replayed.")
        return
    say(*replay_in_words.findings(replay), *replay_in_words.warnings(replay))
    for fact in replay["facts"]:
        at = moment(datetime.fromisoformat(fact["at"]))
        say(f"  {at}  {fact['identity_id']}  {fact['trigger']}: {'; '.join(fact['said'])}")


def _heading(version: RulesVersion) -> list[str]:
    is_draft = version.state is VersionState.DRAFT
    name = f"Draft {version.version}" if is_draft else f"Version {version.version}, {version.state}"
    said = [f"{name}, written by {version.changed_by} {moment(version.changed_at)}."]
    if version.activated_at is not None:
        said.append(f"In force since {moment(version.activated_at)}, by {version.activated_by}: {version.reason}.")
    if version.ended_at is not None:
        said.append(f"Until {moment(version.ended_at)}, by {version.ended_by}.")
    return said
