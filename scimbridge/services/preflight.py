"""Preflight: whether each target can be reached with its credentials, what they lack, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from scimbridge.domain.outline import NOTICES
from scimbridge.domain.times import distance
from scimbridge.errors import BridgeError
from scimbridge.notices.channels import Channels
from scimbridge.sdk.errors import ANYTHING_RAISED, RetryableError, TargetUnusableError
from scimbridge.sdk.expiry import Expiry
from scimbridge.services.fleet import Fleet
from scimbridge.store import targets
from scimbridge.store.database import Database

SOON = timedelta(days=30)
"""What ends within it is worth a warning."""


class Verdict(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class About(StrEnum):
    """What was looked at."""

    REACH = "reach"
    """Whether it answers, and lets us in."""

    PERMISSION = "permission"
    """What the credentials may do, of what rules ask for."""

    EXPIRY = "expiry"
    """When the credentials end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found.

    Attributes:
        name: The setting that it is about.
        next_step: What to do about it; empty where nothing has to be done.
        about: What was looked at, where it is about a target.
        ends_at: When it ends (UTC), where it is about an expiry and there is an end.
    """

    name: str
    verdict: Verdict
    message: str
    next_step: str = ""
    about: About | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found when a target was last checked.

    Attributes:
        at: When (UTC).
    """

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Verdict:
        """How it came out as a whole."""
        found = {finding.verdict for finding in self.findings}
        return next((each for each in (Verdict.FAILED, Verdict.WARNING) if each in found), Verdict.OK)

    def of(self, about: About) -> list[Finding]:
        """Return what was found about one thing."""
        return [finding for finding in self.findings if finding.about is about]

    @property
    def ends_at(self) -> datetime | None:
        """When the first of its credentials ends."""
        return min((finding.ends_at for finding in self.findings if finding.ends_at is not None), default=None)


class Preflight:
    """Asks targets, and keeps what was found for whoever looks later.

    Args:
        database: Where it is kept.
        fleet: The targets.
        channels: How people are told; ``None`` where nobody is.
    """

    def __init__(self, database: Database, fleet: Fleet, channels: Channels | None) -> None:
        self._database = database
        self._fleet = fleet
        self._channels = channels

    def check(self, names: Sequence[str], now: datetime) -> Iterator[Finding]:
        """Yield what is known of each target, in this order; they are asked at the same time.

        Where the bridge tells people, the mail server and the webhook are asked. Nobody is told anything.
        """
        with ThreadPoolExecutor(max_workers=8) as pool:
            for findings in pool.map(
                lambda name: self.check_one(name, now), [name for name in names if name != NOTICES]
            ):
                yield from findings
            if NOTICES in names and self._channels is not None:
                yield from pool.map(lambda way: _check_way_out(*way), self._channels.checks().items())

    def check_one(self, name: str, now: datetime) -> list[Finding]:
        """Return what is known of one target; it is asked, and that can take as long as it takes to answer."""
        if name == NOTICES:
            return list(self.check([NOTICES], now))
        found = self._reach(name)
        if found.verdict is not Verdict.OK:
            return [found]
        return [found, *self._permissions(name), *self._expiries(name, now)]

    def keep(self, name: str, findings: Sequence[Finding], now: datetime) -> None:
        """Keep what was found about a target, for whoever looks later."""
        with self._database.write() as tx:
            targets.ensure_targets(tx, [name])
            targets.keep_findings(tx, name, [_to_json(each) for each in findings], now)

    def kept(self) -> Mapping[str, Checked]:
        """Return what was found last, for the targets that were ever checked."""
        with self._database.read() as tx:
            rows = targets.all_targets(tx)
        return {
            name: Checked(row["checked_at"], tuple(_from_json(each) for each in row["findings"] or ()))
            for name, row in rows.items()
            if row["checked_at"] is not None and name in self._fleet
        }

    def _reach(self, name: str) -> Finding:
        where = f"targets.{name}"
        try:
            found = self._fleet.connector(name).check()
        except RetryableError as error:
            step = "see that it runs and can be reached from here; its tasks wait meanwhile"
            return _about_reach(where, Verdict.FAILED, str(error), step)
        except TargetUnusableError as error:
            step = f"mend [{where}], then `scimbridge targets resume {name}` if it was paused"
            if self._fleet[name].unusable:
                step = (
                    "mend it and start scimbridge again, then "
                    f"`scimbridge targets resume {name}`; its tasks wait meanwhile"
                )
            return _about_reach(where, Verdict.FAILED, str(error), step)
        except BridgeError as error:
            return _about_reach(where, Verdict.FAILED, str(error), f"see [{where}]")
        except ANYTHING_RAISED as error:  # a connector's bug must not hide the other targets
            message = f"unexpected {type(error).__name__} in the connector"
            return _about_reach(where, Verdict.FAILED, message, "tell whoever made it")
        return _about_reach(where, Verdict.OK, f"{found} ({self._fleet[name].mode} mode)")

    def _permissions(self, name: str) -> Iterator[Finding]:
        """Yield a warning for each permission that the rules have a use for and a target does not give."""

        def warning(message: str, next_step: str = "") -> Finding:
            return Finding(
                name=f"targets.{name}",
                verdict=Verdict.WARNING,
                message=message,
                next_step=next_step,
                about=About.PERMISSION,
            )

        try:
            for each in self._fleet.connector(name).missing_permissions():
                yield warning(f"not granted: {each}", "grant it, or take out of the rules what needs it")
        except BridgeError as error:
            yield warning(f"which permissions are granted cannot be told: {error}", "check again later")
        except ANYTHING_RAISED as error:  # a connector's bug must not hide the other targets
            yield warning(f"unexpected {type(error).__name__} in the connector, asked for its permissions")

    def _expiries(self, name: str, now: datetime) -> Iterator[Finding]:
        """Yield when each thing ends that a target's credentials hang on; what cannot be told fails nothing."""
        where = f"targets.{name}"
        try:
            for expiry in self._fleet.connector(name).expiries():
                yield _expiry(where, expiry, now)
        except BridgeError as error:
            message = f"whether more of its credentials end soon cannot be told: {error}"
            yield Finding(name=where, verdict=Verdict.OK, message=message, about=About.EXPIRY)
        except ANYTHING_RAISED as error:  # a connector's bug must not hide the other targets
            message = f"unexpected {type(error).__name__} in the connector, asked when its credentials end"
            yield Finding(name=where, verdict=Verdict.WARNING, message=message, about=About.EXPIRY)


def _check_way_out(where: str, check: Callable[[], str]) -> Finding:
    try:
        found = check()
    except RetryableError as error:
        step = "see that it runs and can be reached from here; notices wait meanwhile"
        return _about_reach(where, Verdict.FAILED, str(error), step)
    except BridgeError as error:
        step = f"mend it in [notify], then `scimbridge targets resume {NOTICES}` if that was paused"
        return _about_reach(where, Verdict.FAILED, str(error), step)
    return _about_reach(where, Verdict.OK, found)


def _about_reach(where: str, verdict: Verdict, message: str, next_step: str = "") -> Finding:
    return Finding(name=where, verdict=verdict, message=message, next_step=next_step, about=About.REACH)


def _expiry(where: str, expiry: Expiry, now: datetime) -> Finding:
    ends_at = expiry.ends_at
    if ends_at is None:
        return Finding(name=where, verdict=Verdict.OK, message=f"{expiry.what} never ends", about=About.EXPIRY)
    is_far = ends_at - now > SOON
    return Finding(
        name=where,
        verdict=Verdict.OK if is_far else Verdict.WARNING,
        message=f"{expiry.what} ends on {ends_at:%Y-%m-%d} ({distance(ends_at, now)})",
        next_step="" if is_far else "have it renewed before",
        about=About.EXPIRY,
        ends_at=ends_at,
    )


def _to_json(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "verdict": finding.verdict,
        "message": finding.message,
        "next_step": finding.next_step,
        "about": finding.about,
        "ends_at": finding.ends_at.isoformat() if finding.ends_at is not None else None,
    }


def _from_json(kept: Mapping[str, Any]) -> Finding:
    return Finding(
        name=kept["name"],
        verdict=Verdict(kept["verdict"]),
        message=kept["message"],
        next_step=kept["next_step"],
        about=About(kept["about"]) if kept["about"] else None,
        ends_at=datetime.fromisoformat(kept["ends_at"]) if kept["ends_at"] else None,
    )
