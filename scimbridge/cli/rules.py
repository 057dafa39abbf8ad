"""``scimbridge rules``: which rules are in force, and others drafted, tried on the past, and put in their place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode
from scimbridge.dashboard.times import moment

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.domain.rules_version import PlacedProblem, RulesVersion

app = new_group("rules", "Rules: versions and drafts, tried on the past.")

Number = Annotated[int, typer.Argument(metavar="VERSION", help="As `scimbridge rules list` shows it.")]
MaybeNumber = Annotated[
    int | None, typer.Argument(metavar="[VERSION]", help="As `scimbridge rules list` shows it; else the one in force.")
]


@app.command("list")
def list_versions(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List versions and drafts, newest first."""
    with opened(config, log_level) as bridge:
        from scimbridge.documents.rules import version_document

        found = bridge.drafting.versions()
    if as_json:
        say_json([version_document(each) for each in found])
    elif not found:
        say("There is none yet: `scimbridge up` and `serve` take the rules of the configuration file.")
    else:
        say_table(("VERSION", "STATE", "FROM", "SINCE", "BY", "REASON"), map(_row, found))


@app.command()
def show(
    version: MaybeNumber = None,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print only the text, to put into the file.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Show a version, or the one in force.

    For a draft: what is wrong with it, what it changes, and what keeps it from being put in force.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents.rules import look_document

        now = bridge.clock()
        look = bridge.drafting.look(_chosen(bridge, version), now)
    if as_toml:
        _print(look.version.text)
    elif as_json:
        say_json(look_document(look, now))
    else:
        from scimbridge.cli.rules_text import say_look

        say_look(look, now)


@app.command()
def diff(
    version: Number,
    other: MaybeNumber = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Compare a version with another, or with the one in force.

    It shows what has to change in the second one to become the first.
    """
    with opened(config, log_level) as bridge:
        than = _chosen(bridge, other)
        lines = bridge.drafting.difference(than, version)
    if as_json:
        say_json({"version": version, "than": than, "changes": lines})
    else:
        say(*(lines or ["Nothing differs."]))


@app.command()
def draft(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="[[rules]], or a configuration with some; - for stdin."),
    ] = None,
    of_file: Annotated[bool, typer.Option("--file", help="Take the rules of the configuration file.")] = False,
    of: Annotated[
        int | None, typer.Option("--of", metavar="VERSION", help="Take an earlier version, to put it in force again.")
    ] = None,
    change: Annotated[
        int | None,
        typer.Option("--change", metavar="DRAFT", help="Replace the text of this draft, instead of making a new one."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Make a draft of a text, or change one.

    It is checked like the configuration file, and kept even if it has mistakes. Exit code 1 if it has.
    """
    if sum((file is not None, of_file, of is not None)) != 1:
        raise typer.BadParameter("name one of FILE, --file and --of VERSION")
    with opened(config, log_level) as bridge:
        text = _text(bridge, file, of)
        now = bridge.clock()
        if change is not None:
            made = _changed(bridge, change, text, by)
        else:
            made = bridge.drafting.begin(text, by=operator(by), now=now)
        look = bridge.drafting.look(made.version, now)
        from scimbridge.documents.rules import look_document
    if as_json:
        say_json(look_document(look, now))
    else:
        say(f"Draft {made.version} is kept.")
        note(*look.read.problems)
        note(*(() if look.read.problems else (f"Next: `scimbridge rules replay {made.version}`",)))
    _end(look.read.problems)


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text of [[rules]]; - for standard input.")],
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Check a text of rules; keep nothing.

    It is checked against the targets, hooks and notices of the configuration. Exit code 1 if it has mistakes.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents.rules import problem_document

        read = bridge.drafting.check(_read_file(file))
    if as_json:
        say_json({"ok": not read.problems, "problems": [problem_document(each) for each in read.problems]})
    else:
        say(*(read.problems or [f"{len(read.rules)} rules, and nothing is wrong with them."]))
    _end(read.problems)


@app.command()
def replay(
    version: Number,
    span: Annotated[str, typer.Option("--span", metavar="SPAN", help="How far back to look.")] = "90d",
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Try a draft on the past.

    It judges the facts of the last 90 days by the draft and by the rules in force, and keeps with the draft how many
    people would have been treated otherwise, each way. Nothing else is touched.
    """
    from scimbridge.domain.duration import parse_duration

    try:
        wanted = parse_duration(span)
    except ValueError as error:
        raise typer.BadParameter(f"--span: {error}") from error
    with opened(config, log_level) as bridge:
        from scimbridge.cli.plan import note_progress
        from scimbridge.documents.rules import look_document

        now = bridge.clock()
        bridge.replaying.run(version, by=operator(by), now=now, span=wanted, progress=note_progress)
        look = bridge.drafting.look(version, now)
    if as_json:
        say_json(look_document(look, now))
    else:
        from scimbridge.cli.rules_text import say_replay

        say_replay(look.version, now)
        note(f"Next: `scimbridge rules activate {version} --reason TEXT`")


@app.command()
def activate(
    version: Number,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Put a draft in force, everywhere.

    Every process follows it within about two seconds. Open cases keep their plan. The draft must have been replayed
    within the last day. To go back, make a draft of an earlier version with `rules draft --of`.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.documents.rules import version_document

        now = bridge.clock()
        look = bridge.drafting.look(version, now, by=operator(by))
        if not yes and not look.obstacles:
            from scimbridge.cli.rules_text import say_look

            say_look(look, now)
            if not typer.confirm(f"Put version {version} in force?", err=True):
                raise typer.Exit(ExitCode.FAILED)
        made = bridge.drafting.activate(
            version, revision=look.version.revision, reason=reason, by=operator(by), now=bridge.clock()
        )
    if as_json:
        say_json(version_document(made))
    else:
        say(f"Version {version} is in force.")
        note(f"`scimbridge rules show {version} --toml` prints it for the configuration file.")


@app.command()
def discard(
    version: Number,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Discard a draft; it stays in the list."""
    with opened(config, log_level) as bridge:
        bridge.drafting.discard(version, by=operator(by), now=bridge.clock())
    say(f"Discarded draft {version}.")


def _print(text: str) -> None:
    """Print a text as it is where a program reads it; for a terminal, without what could move its cursor."""
    if sys.stdout.isatty():
        say(*text.splitlines())
    else:
        typer.echo(text, nl=not text.endswith("\n"))


def _chosen(bridge: Bridge, version: int | None) -> int:
    from scimbridge.errors import NotFoundError

    if version is not None:
        return version
    active = bridge.drafting.active()
    if active is None:
        raise NotFoundError("version of the rules", "")
    return active.version


def _text(bridge: Bridge, file: str | None, of: int | None) -> str:
    if of is not None:
        return bridge.drafting.version(of).text
    return _read_file(file) if file is not None else bridge.file_rules.text


def _read_file(file: str) -> str:
    from scimbridge.config import rules_within

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file}: is not UTF-8: {error.reason} at byte {error.start}") from error
    return rules_within(text)


def _changed(bridge: Bridge, number: int, text: str, by: str | None) -> RulesVersion:
    """Give a draft another text; whoever calls has all of it, and so has seen what is in force."""
    had = bridge.drafting.version(number)
    active = bridge.drafting.active()
    base = active.version if active is not None else None
    return bridge.drafting.change(number, text, revision=had.revision, base=base, by=operator(by), now=bridge.clock())


def _row(version: RulesVersion) -> tuple[object, ...]:
    since, by = version.activated_at or version.changed_at, version.activated_by or version.changed_by
    return (version.version, version.state, version.origin, moment(since), by, version.reason)


def _end(problems: tuple[PlacedProblem, ...]) -> None:
    if problems:
        raise typer.Exit(ExitCode.FAILED)
