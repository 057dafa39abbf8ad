"""``scimbridge reconcile``: what targets really have, against what is known of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel
from scimbridge.cli.output import note, note_count, say, say_json, say_table
from scimbridge.cli.reporting import ExitCode
from scimbridge.cli.targets import span_of
from scimbridge.domain.reconciliation import Mismatch

if TYPE_CHECKING:
    from scimbridge.services.reconciling import Compared


def reconcile(
    target: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="Which targets; all that have a list, else.")
    ] = None,
    unused_for: Annotated[
        str | None,
        typer.Option("--unused-for", metavar="SPAN", help="Stale is what nobody has signed in with for so long."),
    ] = None,
    only: Annotated[
        list[Mismatch] | None, typer.Option("--only", help="Show these alone; several times for several.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Compare all accounts of targets with what is known of them.

    Shows accounts that came back to life, were left over, are owned by several, are not linked, or are nobody's; it
    touches nothing. Exit code 3 if there are any, and 1 if a target could not be asked.
    """
    from scimbridge.domain.outline import NOTICES
    from scimbridge.sdk.errors import ConnectorError, RejectedError

    span = span_of(unused_for, "--unused-for") if unused_for is not None else None
    found: list[Compared] = []
    failed: list[tuple[str, str]] = []
    without: list[tuple[str, str]] = []
    count = 0
    with opened(config, log_level) as bridge:
        now = bridge.clock()
        for name in target or [each.name for each in bridge.fleet if each.name != NOTICES]:
            try:
                for compared in bridge.reconciling.compare(name, now, unused_for=span):
                    count += 1
                    note_count(count, "accounts")
                    if any(only is None or each in only for each in compared.mismatches):
                        found.append(compared)
            except RejectedError as error:
                # Some targets have no list, and nobody has asked for theirs.
                (failed if target else without).append((name, str(error)))
            except ConnectorError as error:
                failed.append((name, str(error)))
    if as_json:
        say_json(
            {
                "accounts": count,
                "left_out": [{"target": name, "reason": reason} for name, reason in without],
                "found": [_document(each) for each in found],
                "failed": [{"target": name, "reason": reason} for name, reason in failed],
            }
        )
    else:
        _say(found, count, is_whole=not failed)
        note(*(f"{name} was left out: {reason}" for name, reason in without))
        note(*(f"{name} could not be asked for all its accounts: {reason}" for name, reason in failed))
    if failed:
        raise typer.Exit(ExitCode.FAILED)
    if found:
        raise typer.Exit(ExitCode.NEEDS_PERSON)


def _say(found: list[Compared], count: int, *, is_whole: bool) -> None:
    if found:
        rows = [
            (
                each.target,
                each.account.name,
                ", ".join(each.mismatches),
                ", ".join(
                    f"{owner.user_name} ({owner.source}{', gone' if owner.is_gone else ''})" for owner in each.owners
                )
                or "-",
                each.account.id,
            )
            for each in found
        ]
        say_table(("TARGET", "ACCOUNT", "HOW", "WHOSE", "ID"), rows)
        say("")
    tally = Counter(mismatch for each in found for mismatch in each.mismatches)
    say(*(f"{tally[each]} {each}: {each.advice}." for each in Mismatch if tally[each]))
    if found or not is_whole:
        say(f"{count} accounts were compared{'' if is_whole else ', and not all that there are'}.")
    else:
        say(f"All {count} accounts are as they should be.")


def _document(compared: Compared) -> dict[str, Any]:
    return {
        "target": compared.target,
        "id": compared.account.id,
        "name": compared.account.name,
        "suspended": compared.account.suspended,
        "mismatches": list(compared.mismatches),
        "owners": [
            {
                "identity_id": owner.identity_id,
                "source": owner.source,
                "user_name": owner.user_name,
                "linked": owner.linked,
                "gone": owner.is_gone,
            }
            for owner in compared.owners
        ],
    }
