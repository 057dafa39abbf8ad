"""``scimbridge inquiries``: groups that grant targets and were emptied, renamed or deleted."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, new_group, operator
from scimbridge.cli.output import note, say, say_json, say_table
from scimbridge.dashboard.times import moment
from scimbridge.domain.number import people

app = new_group("inquiries", "Inquiries: a group that grants a target is gone. Did its people lose the target?")

InquiryArgument = Annotated[str, typer.Argument(metavar="ID", help="As `scimbridge inquiries list` shows it.")]


@app.command("list")
def list_inquiries(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most this many, the oldest.")] = 100,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """List the inquiries that wait for an answer, the oldest first."""
    with opened(config, log_level) as bridge:
        from scimbridge.documents import inquiry_document

        found = bridge.overview.inquiries(limit)
    if as_json:
        say_json([inquiry_document(inquiry) for inquiry in found])
    elif not found:
        say("No open inquiries.")
    else:
        say_table(
            ("ID", "GROUP", "WHAT", "TARGETS", "PEOPLE", "SINCE"),
            [
                (one.id, one.display_name, one.cause, ", ".join(one.targets), one.people, moment(one.opened_at))
                for one in found
            ],
        )
        note("`scimbridge inquiries confirm ID` revokes the targets, `dismiss ID` leaves everything as it is.")


@app.command()
def confirm(
    inquiry_id: InquiryArgument, by: By = None, config: ConfigPath = None, log_level: Log = LogLevel.ERROR
) -> None:
    """Say that the people did lose the targets.

    This is the fact `unassigned`, from now on, for everyone whom no group grants the target now. Rules, graces,
    exclusions and holds apply as always.
    """
    with opened(config, log_level) as bridge:
        lost = bridge.inquiring.confirm(inquiry_id, by=operator(by), now=bridge.clock())
    say(f"Confirmed: {people(lost)} lost a target; `scimbridge cases list` shows them.")


@app.command()
def dismiss(
    inquiry_id: InquiryArgument,
    reason: Reason,
    by: By = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Say that nobody lost anything."""
    with opened(config, log_level) as bridge:
        bridge.inquiring.dismiss(inquiry_id, reason=reason, by=operator(by), now=bridge.clock())
    say(f"Dismissed inquiry {inquiry_id}; everything stays as it is.")
