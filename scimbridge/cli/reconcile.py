"""``scimbridge reconcile``: what targets really have, against what is known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import completing
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, operator
from scimbridge.cli.output import note, note_count, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode
from scimbridge.cli.targets import span_of
from scimbridge.domain.duration import format_duration
from scimbridge.domain.reconciliation import Mismatch, RunOutcome
from scimbridge.errors import NotFoundError

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.domain.reconciliation import AccountFinding, Run

LOOK_EVERY = 1.0
"""Seconds, while another process works on a run."""

SHOWN = 1000
"""Accounts in the table: one of 200,000 takes a minute and a gigabyte."""

_LOUDEST_FIRST = list(Mismatch)


@dataclass(slots=True)
class _Found:
    """What came of all targets.

    Attributes:
        accounts: For each account what was found about it.
        left_out: Targets without a list, and why.
        failed: Targets that could not be asked for everything, and why.
        count: How many accounts were compared.
    """

    accounts: list[list[AccountFinding]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    count: int = 0


def reconcile(
    target: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            autocompletion=completing.targets,
            help="Which targets; by default all that can list their accounts.",
        ),
    ] = None,
    unused_for: Annotated[
        str | None,
        typer.Option(
            "--unused-for",
            metavar="SPAN",
            help="Call an account stale if nobody has signed in for this long; by default the target's stale_after.",
        ),
    ] = None,
    believe: Annotated[
        bool,
        typer.Option("--believe", help="Believe the lists of the targets named, even if they have become very short."),
    ] = False,
    only: Annotated[
        list[Mismatch] | None, typer.Option("--only", help="Show only this kind; may be given several times.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Find accounts that came back, were left over, or are nobody's.

    It compares all accounts of the targets with the people that the bridge knows, and also shows accounts that several
    people own, or that are not linked. It changes nothing there, and keeps what it finds for the dashboard. Exit code
    3 if it found any, unless an exclusion or a hold says that they are left alone; and 1 if a target's list could not
    be read to its end, or has so many fewer accounts than before that it is not believed.
    """
    span = span_of(unused_for, "--unused-for") if unused_for is not None else None
    if believe and not target:
        raise typer.BadParameter("name the target whose list has really become so short", param_hint="--believe")
    found = _Found()
    with opened(config, log_level) as bridge:
        names = [bridge.fleet[name].name for name in target or bridge.reconciliation_runs.names]
        for name in names:
            run = _carried_out(bridge, name, operator(by), span, believe=believe)
            if run is None:
                found.failed.append((name, f"it is paused; `scimbridge targets resume {name}` lets it go on"))
                continue
            try:
                _add(found, run, [*bridge.findings.of_run(run)], only, is_named=bool(target))
            except NotFoundError:
                found.failed.append((name, "later runs have taken its place meanwhile; ask again"))
    if as_json:
        _say_json(found)
    else:
        _say(found)
    if found.failed:
        raise typer.Exit(ExitCode.FAILED)
    if any(each.kind.needs_person for kinds in found.accounts for each in kinds):
        raise typer.Exit(ExitCode.NEEDS_PERSON)


def _carried_out(bridge: Bridge, name: str, by: str, span: timedelta | None, *, believe: bool) -> Run | None:
    """Return a run of a target that has ended: by this process, unless a worker is at it already.

    Nothing where the target is paused, or is before the run has ended: it goes on, or begins, once that is over.
    """
    if bridge.reconciliation_runs.is_paused(name):
        return None
    run = bridge.reconciliation_runs.ask(name, by=by, now=bridge.clock(), unused_for=span, believe=believe)
    if run.turn is not None:
        note(f"{name} is being reconciled already: {run.asked_by} asked for it. Waiting for that.")
    if span is not None and run.unused_for != span:
        stale = f"what was unused for {format_duration(run.unused_for)}" if run.unused_for is not None else "nothing"
        note(f"Stale is {stale} in this run: {run.asked_by} had asked for it before.")
    while run.ended_at is None:
        bridge.reconciliation_work.work(run.id, lambda count: note_count(count, f"accounts of {name}"))
        run = bridge.reconciliation_runs.by_id(run.id)
        if run.ended_at is None:
            if bridge.reconciliation_runs.is_paused(name):
                return None
            sleep(LOOK_EVERY)
    return run


def _add(
    found: _Found, run: Run, findings: list[AccountFinding], only: list[Mismatch] | None, *, is_named: bool
) -> None:
    found.count += run.accounts
    by_account: dict[str, list[AccountFinding]] = {}
    for each in findings:
        by_account.setdefault(each.native_id, []).append(each)
    found.accounts += (
        kinds for kinds in by_account.values() if only is None or any(each.kind in only for each in kinds)
    )
    if run.outcome is RunOutcome.NOT_BELIEVED:
        found.failed.append((run.target, f"{run.reason}: `scimbridge reconcile {run.target} --believe`"))
    elif run.has_failed:
        found.failed.append((run.target, run.reason))
    elif run.outcome is RunOutcome.NO_LIST:
        # Some targets have no list, and nobody has asked for theirs.
        (found.failed if is_named else found.left_out).append((run.target, run.reason))


def _say(found: _Found) -> None:
    if found.accounts:
        # The loudest are never among those that are left out; new ones come first among the same.
        found.accounts.sort(key=lambda kinds: min(_LOUDEST_FIRST.index(each.kind) for each in kinds))
        shown, rest = found.accounts[:SHOWN], len(found.accounts) - SHOWN
        say_table(("TARGET", "ACCOUNT", "HOW", "SINCE", "WHOSE", "ID"), [_row(kinds) for kinds in shown])
        say(f"… and {rest} more; --json has all of them, and so has the dashboard." if rest > 0 else "")
    tally = Counter(each.kind for kinds in found.accounts for each in kinds)
    say(*(f"{tally[each]} {each}: {each.advice}." for each in Mismatch if tally[each]))
    if found.accounts or found.failed:
        say(f"{found.count} accounts were compared{', and not all that there are' if found.failed else ''}.")
    else:
        say(f"All {found.count} accounts are as they should be.")
    note(*(f"{name} was left out: {reason}" for name, reason in found.left_out))
    note(*(f"{name} could not list all of its accounts: {reason}" for name, reason in found.failed))


def _row(kinds: list[AccountFinding]) -> tuple[str, ...]:
    first = kinds[0]
    owners = (f"{owner.user_name} ({owner.source}{', gone' if owner.is_gone else ''})" for owner in first.owners)
    since = min(each.first_seen_at for each in kinds)
    how = ", ".join(each.kind for each in kinds)
    return (first.target, first.name, how, f"{since:%Y-%m-%d}", ", ".join(owners) or "-", first.native_id)


def _say_json(found: _Found) -> None:
    from scimbridge.documents import mismatched_account_document

    say_json(
        {
            "accounts": found.count,
            "left_out": [{"target": name, "reason": reason} for name, reason in found.left_out],
            "found": [mismatched_account_document(kinds) for kinds in found.accounts],
            "failed": [{"target": name, "reason": reason} for name, reason in found.failed],
        }
    )
