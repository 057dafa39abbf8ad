"""Rehearsals and replays as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scimbridge.cli.output import say, say_table
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.duration import format_duration
from scimbridge.domain.number import number_of, people
from scimbridge.domain.outline import NOTICES
from scimbridge.services.rehearsal import words

if TYPE_CHECKING:
    from scimbridge.services.rehearsal import FileRehearsal, LineRehearsal, Rehearsal, RehearsedTask, Replay

Row = tuple[str, str, str, str, str]

NO_RETURN = f"-- {words.NO_RETURN} --"


def say_rehearsal(rehearsal: Rehearsal, now: datetime) -> None:
    """Print what would happen to one person."""
    identity = rehearsal.identity
    already = ", inactive already" if identity.is_gone else ""
    say(f"{identity.user_name} (source {identity.source}{already}), {rehearsal.trigger} now:")
    if rehearsal.rule is not None:
        say(f"  Rule {rehearsal.rule}.")
    said = list(words.before(rehearsal))
    say(*(f"  {sentence}" for sentence in said))
    if rehearsal.rule is not None and rehearsal.excluded is None:
        say(*(f"  {sentence}" for sentence in words.guard(rehearsal) if sentence not in said))
        if rehearsal.stages:
            say("")
            say_table(("WHEN", "ACTION", "TARGET", "ACCOUNT", "NOTES"), _rows(rehearsal, now))
        if said := list(words.after(rehearsal)):
            say("", *said)
    say("")


def say_file(found: FileRehearsal) -> None:
    """Print what a file of leavers would lead to: how many, what the guard would say, and each line."""
    say(*summary(found), "")
    say_table(("LINE", "PERSON", "SOURCE", "WHAT", "NOTES"), _lines(found))


def summary(found: FileRehearsal) -> Iterator[str]:
    """Yield how many would be treated how, and what the guard would say."""
    counts = found.counts
    named = people(counts["people"])
    yield f"Lines: {counts['lines']}; they name {named}, and {counts['problems']} of them nobody who is known."
    for key, said in (
        ("would_act", "would lose access as below"),
        ("held", "would be held: by a hold, or by the guard"),
        ("excluded", "are excluded"),
        ("without_rule", "match no rule"),
        ("nothing_to_do", "have nothing left to lose"),
    ):
        if counts[key]:
            yield f"  {counts[key]} {said}"
    for trip in found.trips:
        yield (
            f"The guard would stop at line {trip.line}: {trip.reason}. It and what follows are held, and what was "
            f"planned before it within {format_duration(trip.limit.window)}, as far as that has not begun."
        )
    if found.ignored:
        yield f"Columns that say nothing here: {', '.join(found.ignored)}."


def say_replay(found: Replay, *, everything: bool) -> None:
    """Print what other rules would have made of the past: how many facts, and those that differ."""
    say(*replay_summary(found), "")
    shown = found.facts if everything else found.different
    if shown:
        say_table(
            ("AT", "PERSON", "SOURCE", "FACT", "DIFFERENCE"),
            (
                (
                    moment(one.at),
                    one.identity.user_name,
                    one.identity.source,
                    one.trigger,
                    "; ".join(one.said) or "none",
                )
                for one in shown
            ),
        )


def replay_summary(found: Replay) -> Iterator[str]:
    """Yield the counts of a replay."""
    counts = found.counts
    yield f"Since {moment(found.since)}: {number_of(counts['facts'], 'fact')} about {people(counts['people'])}."
    yield f"  {counts['same']} would have been treated the same"
    yield f"  {counts['otherwise']} otherwise"
    yield f"  {counts['touched_only_now']} would have lost access, and have not"
    yield f"  {counts['spared_now']} would have been left alone, and were not"
    yield "People are judged as they are stored now: their attributes and groups of then are not kept."


def _rows(rehearsal: Rehearsal, now: datetime) -> Iterator[Row]:
    """Yield a row for each task, and one that draws the line before what cannot be taken back."""
    is_drawn = False
    for stage in rehearsal.stages:
        if not stage.tasks:
            yield (_when(stage.due_at, now), "nothing: no target can do this", "", "", "")
        for task in stage.tasks:
            if task.action.is_irreversible and not is_drawn:
                yield (NO_RETURN, "", "", "", "")
                is_drawn = True
            notes = "; ".join(words.notes(stage, task))
            yield (_when(task.released_at, now), task.action, task.target, account(task), notes)


def account(task: RehearsedTask) -> str:
    """Return what the account of a task is called."""
    return task.account or ("-" if task.target == NOTICES else "not linked yet")


def _lines(found: FileRehearsal) -> Iterator[Row]:
    for line in found.lines:
        if line.problem is not None:
            yield (str(line.number), line.named or "-", "-", "nothing", line.problem)
        for rehearsal in line.rehearsals:
            yield _line(line, rehearsal)


def _line(line: LineRehearsal, rehearsal: Rehearsal) -> Row:
    contested = sorted({task.target for stage in rehearsal.stages for task in stage.tasks if task.contested})
    notes = [*words.before(rehearsal), *([f"Contested at {', '.join(contested)}."] if contested else [])]
    identity = rehearsal.identity
    return (str(line.number), identity.user_name, identity.source, _what(rehearsal), " ".join(notes))


def _what(rehearsal: Rehearsal) -> str:
    """Return what would be done, in as few words as there are: ``suspend in 7d; delete in 90d``."""
    by_grace: dict[timedelta, dict[str, None]] = {}
    for stage in rehearsal.stages:
        for task in stage.tasks:
            by_grace.setdefault(task.after, {})[task.action] = None
    parts = (
        f"{', '.join(actions)} {f'after {format_duration(after)}' if after else 'at once'}"
        for after, actions in sorted(by_grace.items())
    )
    return "; ".join(parts) or "nothing"


def _when(at: datetime, now: datetime) -> str:
    return f"{moment(at)} ({distance(at, now)})"
