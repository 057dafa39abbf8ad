"""Looking at everything that the bridge depends on: store, queue and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from scimbridge.cli.opening import embedded_socket, is_embedded, missing_database
from scimbridge.cli.output import say, say_json
from scimbridge.cli.reporting import ExitCode
from scimbridge.dashboard.times import distance, moment
from scimbridge.domain.outline import NOTICES
from scimbridge.errors import BridgeError, KeysUnavailableError, QueueError, StoreError
from scimbridge.sdk.errors import RetryableError, TargetUnusableError

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config import Settings
    from scimbridge.sdk.expiry import Expiry


SOON = timedelta(days=30)
"""What ends within it is worth a warning."""


class Verdict(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``check``.

    Attributes:
        next_step: What to do about it; empty where nothing has to be done.
    """

    name: str
    verdict: Verdict
    message: str
    next_step: str = ""


def conclude(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print findings, each as soon as it is there, and end the command with 1 if something failed."""
    seen = []
    for finding in findings:
        seen.append(finding)
        if not as_json:
            say(_line(finding))
    is_ok = all(finding.verdict is not Verdict.FAILED for finding in seen)
    if as_json:
        say_json({"ok": is_ok, "checks": [asdict(finding) for finding in seen]})
    if not is_ok:
        raise typer.Exit(ExitCode.FAILED)


def check_configuration(settings: Settings) -> Iterator[Finding]:
    """Yield what is worth a look in a configuration without mistakes."""
    yield Finding(name="configuration", verdict=Verdict.OK, message=str(settings.path or "from the environment"))
    for warning in settings.warnings:
        yield Finding(name=warning.path, verdict=Verdict.WARNING, message=warning.message)


def check_store(bridge: Bridge) -> Finding:
    """Return whether the database can be used."""
    from scimbridge.store.upgrade import is_current

    missing = missing_database(bridge.settings)
    if missing is not None:
        return _store(
            Verdict.WARNING, f"there is no database at {missing} yet", "scimbridge up makes it, or db upgrade"
        )
    where = bridge.database.url.render_as_string(hide_password=True)
    try:
        if not is_current(bridge.database):
            return _store(Verdict.FAILED, f"{where} has another version's schema", "run `scimbridge db upgrade`")
        bridge.prepare_store(may_upgrade=False)  # also shows that it can be written
    except StoreError as error:
        return _store(Verdict.FAILED, str(error), "see [store] url, the disk, and who may write there")
    return _store(Verdict.OK, f"{where}, schema current")


def check_queue(bridge: Bridge) -> Finding:
    """Return whether Redis answers, or which one ``up`` would start."""
    if not is_embedded(bridge.settings):
        return _check_redis(bridge.queue_url)
    from scimbridge.queue.embedded import find_server

    try:
        server = find_server()
    except QueueError as error:
        return _queue(Verdict.FAILED, str(error), "see above")
    is_running = embedded_socket(bridge.settings).exists() and bridge.courier.queued("check") is not None
    return _queue(Verdict.OK, f"embedded, {server}{'; it runs' if is_running else '; `scimbridge up` starts it'}")


def _check_redis(url: str) -> Finding:
    from scimbridge.queue.redis import ping

    try:
        ping(url)
    except QueueError as error:
        return _queue(Verdict.FAILED, str(error), "see [queue] url; nothing is lost, but work is slower")
    return _queue(Verdict.OK, "Redis answers")


def check_issuers(bridge: Bridge) -> Iterator[Finding]:
    """Yield whether the keys can be read of each issuer whose tokens a source may present."""
    for source in [name for name, access in bridge.settings.access.items() if access.issuer is not None]:
        where = f"sources.{source}.jwt"
        try:
            count = bridge.issuers.check(source)
        except KeysUnavailableError as error:
            step = "see that it can be reached from here; meanwhile tokens of this issuer are answered 503"
            yield Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=step)
        else:
            message = f"the issuer publishes {count} key{'' if count == 1 else 's'}"
            yield Finding(name=where, verdict=Verdict.OK, message=message)


def check_tokens(bridge: Bridge) -> Iterator[Finding]:
    """Yield a warning for each token that expires soon, and for each source whose last one has expired."""
    from scimbridge.cli.token import expiry_warning

    now = bridge.clock()
    for row in bridge.tokens.all():
        warning = expiry_warning(row, now)
        if warning:
            step = f"`scimbridge token create {row['source']}` makes another one"
            yield Finding(name=f"sources.{row['source']}", verdict=Verdict.WARNING, message=warning, next_step=step)
    for source, expires_at in bridge.tokens.expiries().items():
        if expires_at is not None and expires_at <= now:
            step = f"`scimbridge token create {source}` makes another one; if it is not used anymore, revoke it"
            message = "its last token has expired"
            yield Finding(name=f"sources.{source}", verdict=Verdict.WARNING, message=message, next_step=step)


def check_targets(bridge: Bridge, names: Sequence[str]) -> Iterator[Finding]:
    """Yield what is known of each target, in this order; they are asked at the same time.

    Where the bridge tells people, the mail server and the webhook are asked. Nobody is told anything.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        others = [name for name in names if name != NOTICES]
        for findings in pool.map(lambda name: list(_about_target(bridge, name)), others):
            yield from findings
        if NOTICES in names and bridge.settings.notices is not None:
            yield from pool.map(lambda way: _check_way_out(*way), bridge.settings.notices.checks().items())


def _check_way_out(where: str, check: Callable[[], str]) -> Finding:
    try:
        found = check()
    except RetryableError as error:
        step = "see that it runs and can be reached from here; notices wait meanwhile"
        return Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=step)
    except BridgeError as error:
        step = f"mend it in [notify], then `scimbridge targets resume {NOTICES}` if that was paused"
        return Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=step)
    return Finding(name=where, verdict=Verdict.OK, message=found)


def _about_target(bridge: Bridge, name: str) -> Iterator[Finding]:
    found = _check_target(bridge, name)
    yield found
    if found.verdict is Verdict.OK:
        yield from _check_permissions(bridge, name)
        yield from _check_expiries(bridge, name)


def _check_target(bridge: Bridge, name: str) -> Finding:
    where = f"targets.{name}"
    try:
        found = bridge.fleet.connector(name).check()
    except RetryableError as error:
        step = "see that it runs and can be reached from here; its tasks wait meanwhile"
        return Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=step)
    except TargetUnusableError as error:
        step = f"mend [{where}], then `scimbridge targets resume {name}` if it was paused"
        if bridge.fleet[name].unusable:
            step = (
                f"mend it and start scimbridge again, then `scimbridge targets resume {name}`; its tasks wait meanwhile"
            )
        return Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=step)
    except BridgeError as error:
        return Finding(name=where, verdict=Verdict.FAILED, message=str(error), next_step=f"see [{where}]")
    except Exception as error:  # noqa: BLE001  # a connector's bug must not hide the other targets
        message = f"unexpected {type(error).__name__} in the connector"
        return Finding(name=where, verdict=Verdict.FAILED, message=message, next_step="tell whoever made it")
    mode = bridge.fleet[name].mode
    return Finding(name=where, verdict=Verdict.OK, message=f"{found} ({mode} mode)")


def _check_permissions(bridge: Bridge, name: str) -> Iterator[Finding]:
    """Yield a warning for each permission that the rules have a use for and a target does not give."""
    where = f"targets.{name}"
    try:
        for each in bridge.fleet.connector(name).missing_permissions():
            step = "grant it, or take out of the rules what needs it"
            yield Finding(name=where, verdict=Verdict.WARNING, message=f"not granted: {each}", next_step=step)
    except BridgeError as error:
        message = f"which permissions are granted cannot be told: {error}"
        yield Finding(name=where, verdict=Verdict.WARNING, message=message, next_step="check again later")
    except Exception as error:  # noqa: BLE001  # a connector's bug must not hide the other targets
        message = f"unexpected {type(error).__name__} in the connector, asked for its permissions"
        yield Finding(name=where, verdict=Verdict.WARNING, message=message)


def _check_expiries(bridge: Bridge, name: str) -> Iterator[Finding]:
    """Yield when each thing ends that a target's credentials hang on; what cannot be told fails nothing."""
    try:
        for expiry in bridge.fleet.connector(name).expiries():
            yield _expiry(f"targets.{name}", expiry, datetime.now(UTC))
    except BridgeError as error:
        message = f"whether more of its credentials end soon cannot be told: {error}"
        yield Finding(name=f"targets.{name}", verdict=Verdict.OK, message=message)
    except Exception as error:  # noqa: BLE001  # a connector's bug must not hide the other targets
        message = f"unexpected {type(error).__name__} in the connector, asked when its credentials end"
        yield Finding(name=f"targets.{name}", verdict=Verdict.WARNING, message=message)


def _expiry(where: str, expiry: Expiry, now: datetime) -> Finding:
    if expiry.ends_at is None:
        return Finding(name=where, verdict=Verdict.OK, message=f"{expiry.what} never ends")
    message = f"{expiry.what} ends on {expiry.ends_at:%Y-%m-%d} ({distance(expiry.ends_at, now)})"
    if expiry.ends_at - now > SOON:
        return Finding(name=where, verdict=Verdict.OK, message=message)
    return Finding(name=where, verdict=Verdict.WARNING, message=message, next_step="have it renewed before")


def check_pauses(bridge: Bridge) -> Iterator[Finding]:
    """Yield a warning for each target that is paused, or armed."""
    for status in bridge.overview.targets(bridge.clock()):
        if status.pause is not None:
            step = f"`scimbridge targets resume {status.name}` lets it go on"
            yield Finding(name=f"targets.{status.name}", verdict=Verdict.WARNING, message=status.pause, next_step=step)
        if status.armed_until is not None:
            message = f"armed by {status.armed_by}: acts until {moment(status.armed_until)}, then it observes again"
            step = f"`scimbridge targets disarm {status.name}` ends it now"
            yield Finding(name=f"targets.{status.name}", verdict=Verdict.WARNING, message=message, next_step=step)


def _line(finding: Finding) -> str:
    step = f" -> {finding.next_step}" if finding.next_step else ""
    message = " ".join(finding.message.split())
    return f"{finding.verdict:<8} {finding.name}: {message}{step}"


def _store(verdict: Verdict, message: str, next_step: str = "") -> Finding:
    return Finding(name="store", verdict=verdict, message=message, next_step=next_step)


def _queue(verdict: Verdict, message: str, next_step: str = "") -> Finding:
    return Finding(name="queue", verdict=verdict, message=message, next_step=next_step)
