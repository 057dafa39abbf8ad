"""``scimbridge erase``: a person's personal values go."""

from __future__ import annotations

from typing import Annotated

import typer

from scimbridge.cli.asking import confirm
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, By, ConfigPath, Log, LogLevel, Reason, operator
from scimbridge.cli.output import note, say, say_json
from scimbridge.errors import ErasureRefusedError


def erase(
    person: Annotated[str, typer.Argument(metavar="USERNAME|ID", help="Somebody whom their source has deleted.")],
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Erase the personal values of somebody who has left.

    The proof stays: that somebody with this id lost which access, when and why. It shows what goes, and asks. Refused
    while a case is open, something is held, or the source still has the person.
    """
    with opened(config, log_level) as bridge:
        identity_id = bridge.erasing.named(person)
        known, obstacles = bridge.erasing.look(identity_id)
        if obstacles:
            raise ErasureRefusedError(f"{known.user_name} is not erased: {'; '.join(obstacles)}")
        note(
            f"{known.user_name} of {known.source} ({identity_id}), deleted on {known.deleted_at:%Y-%m-%d}",
            f"  goes: name and attributes, links to accounts, {known.requests} requests, "
            f"personal values of {known.entries} entries of the history",
            f"  stays: {known.cases} cases, with what was done when, by whom and why",
        )
        for target in known.restorable:
            note(f"  nothing can be given back at {target} afterwards")
        confirm("Erase this person? It cannot be undone.", yes=yes)
        bridge.erasing.erase(identity_id, reason=reason, by=operator(by), now=bridge.clock())
    document = {"identity_id": identity_id, "cases": known.cases, "entries": known.entries, "requests": known.requests}
    if as_json:
        say_json(document)
    else:
        say(f"Erased {identity_id}. Backups, logs and the targets themselves are not touched.")
