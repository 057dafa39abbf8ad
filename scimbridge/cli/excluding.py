"""What an exclusion is of: from options, and into words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import typer

from scimbridge.dashboard.times import moment
from scimbridge.domain.exclusion import Exclusion, Spared
from scimbridge.domain.filter import IdentityFilter

OPTIONS = "a filter, --identity, --members, --target, --account and --group"


def chosen(
    reason: str,
    *,
    match: str | None,
    identity: str | None,
    members: str | None,
    account: str | None,
    group: str | None,
    target: str | None,
    until: datetime | None,
) -> Exclusion:
    """Return the exclusion that options are for."""
    said = {
        Spared.MATCH: match,
        Spared.IDENTITY: identity,
        Spared.MEMBERS: members,
        Spared.ACCOUNT: account,
        Spared.GROUP: group,
    }
    spared, subject = _one_of(said, target)
    return Exclusion(
        reason=reason,
        spared=spared,
        match=_filter(subject) if spared is Spared.MATCH else None,
        subject=subject if spared is not Spared.MATCH else "",
        target=(target or "") if spared in (Spared.ACCOUNT, Spared.GROUP) else "",
        until=until,
    )


def _one_of(said: Mapping[Spared, str | None], target: str | None) -> tuple[Spared, str]:
    named = [(spared, text) for spared, text in said.items() if text is not None]
    if target is not None and not named:
        named = [(Spared.TARGET, target)]
    elif target is not None and named[0][0] not in (Spared.ACCOUNT, Spared.GROUP):
        raise typer.BadParameter("--target goes with --account and --group, or stands alone")
    if len(named) != 1 or not named[0][1].strip():
        raise typer.BadParameter(f"name one of {OPTIONS}")
    return named[0]


def _filter(text: str) -> IdentityFilter:
    try:
        return IdentityFilter(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def ending(exclusion: Exclusion, now: datetime) -> str:
    """Return when an exclusion ends, in words."""
    if exclusion.until is None:
        return "-"
    return moment(exclusion.until) if exclusion.stands(now) else f"{moment(exclusion.until)} (over)"
