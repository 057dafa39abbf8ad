"""``scimbridge targets``: the systems to act on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.account_text import account_row
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, note_count, say, say_json, say_table
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.pace import format_rate

if TYPE_CHECKING:
    from scimbridge.services.overview import TargetStatus

app = new_group("targets", "The systems to act on.")

TargetArgument = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completing.targets, help="As the configuration names it.")
]


@app.command("list")
def list_targets(as_json: AsJson = False, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """List the targets, and what is going on at each."""
    with opened(config, log_level) as bridge:
        from scimbridge.documents import target_document

        now = bridge.clock()
        found = bridge.overview.targets(now)
    if as_json:
        say_json([target_document(status) for status in found])
    elif not found:
        say("The configuration has no targets.")
    else:
        say_table(
            ("TARGET", "CONNECTOR", "MODE", "RATE", "RUNNABLE", "LIVE", "NEEDS A PERSON", "PAUSED"),
            [
                (
                    one.name,
                    one.kind,
                    _mode(one, now),
                    _rate(one),
                    one.runnable,
                    one.live,
                    one.needs_person,
                    one.stopped or "-",
                )
                for one in found
            ],
        )


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", autocompletion=completing.targets, help="One target; else all of them."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Reach the targets with their credentials.

    Exit code 1 if one cannot be used.
    """
    with opened(config, log_level) as bridge:
        from scimbridge.cli.checks import check_targets, conclude

        names = [bridge.fleet[name].name] if name is not None else [target.name for target in bridge.fleet]
        bridge.prepare_store(may_upgrade=False)
        conclude(check_targets(bridge, names), as_json=as_json)


@app.command()
def accounts(
    name: TargetArgument,
    unused_for: Annotated[
        str | None,
        typer.Option(
            "--unused-for", metavar="SPAN", help="Only accounts that nobody has signed in with for this long."
        ),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List the accounts of a target, used or not.

    It shows the last sign-in and the end of each, as far as the target tells; what it does not tell is a question
    mark, and never counts as unused. Touches nothing, and keeps nothing.
    """
    span = span_of(unused_for, "--unused-for") if unused_for is not None else None
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        everybody = {}
        for count, account in enumerate(bridge.inventory.accounts(name), 1):
            everybody[account.id] = account
            note_count(count, "accounts")
    used = {each: span is not None and account.is_unused_since(now - span) for each, account in everybody.items()}
    found = [account for each, account in everybody.items() if span is None or used[each]]
    if as_json:
        from scimbridge.documents import account_document

        say_json([account_document(each) for each in found])
    elif found:
        columns = ("ID", "ACCOUNT", "SUSPENDED", "LAST SIGN-IN", "ENDS", "PRIVILEGED", "LICENSES")
        say_table(columns, [account_row(each) for each in found])
    else:
        say(f"No account at {name} is known to be unused." if span is not None else f"There are no accounts at {name}.")
    untold = sum(each is None for each in used.values())
    if untold:
        note(f"Of {untold} more accounts the target does not tell when somebody last signed in.")


@app.command()
def pause(
    name: TargetArgument, reason: Reason, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Pause a target: its tasks wait, and use up no attempts."""
    with opened(config, log_level) as bridge:
        paused = bridge.operating.pause(name, reason=reason, by=operator(by), now=bridge.clock())
    say(
        f"Paused {name}; `scimbridge targets resume {name}` lets it go on." if paused else f"{name} was paused already."
    )


@app.command()
def resume(name: TargetArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Let a paused target go on.

    A backlog is let go gradually: one attempt at a time, and one more every 30 seconds.
    """
    with opened(config, log_level) as bridge:
        resumed = bridge.operating.resume(name, by=operator(by), now=bridge.clock())
    say(f"{name} goes on." if resumed else f"{name} was not paused.")


@app.command()
def arm(
    name: TargetArgument,
    span: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long, like 4h; a day at most.")],
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Let an observing target act for a time.

    The time ends by itself. What was only observed before stays that way; `scimbridge cases retry ID --observed` does
    it after all.
    """
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        until = bridge.arming.arm(name, span=span_of(span, "--for"), reason=reason, by=operator(by), now=now)
        number, people = bridge.arming.due_until(name, until)
    say(f"{name} acts until {moment(until)} ({distance(until, now)}); then it observes again.")
    if number:
        say(
            f"At most {number} task{'s' if number > 1 else ''} of {people} {'people' if people > 1 else 'person'} "
            f"that {'are' if number > 1 else 'is'} planned there already will be due by then, and done; "
            f"`scimbridge cases list --target {name}` shows whose."
        )


@app.command()
def disarm(
    name: TargetArgument, reason: Reason, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Let an armed target observe again, now."""
    with opened(config, log_level) as bridge:
        was_armed = bridge.arming.disarm(name, reason=reason, by=operator(by), now=bridge.clock())
        from scimbridge.sdk.config import Mode

        acts = bridge.fleet[name].mode is Mode.ENFORCE
    said = f"{name} observes again." if was_armed else f"{name} was not armed."
    say(f'{said} It acts all the same: its configuration says mode = "enforce".' if acts else said)


def _mode(status: TargetStatus, now: datetime) -> str:
    if status.armed_until is None:
        return status.mode
    return f"armed by {status.armed_by} until {moment(status.armed_until)} ({distance(status.armed_until, now)})"


def _rate(status: TargetStatus) -> str:
    if not status.apart:
        return "-"
    rate = format_rate(status.apart)
    return rate if status.pace == 1.0 else f"{rate} (the target asked for fewer calls)"


def span_of(text: str, option: str) -> timedelta:
    """Return the duration that an option says.

    Raises:
        BadParameter: It says none.
    """
    try:
        return parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{option}: {error}") from error
