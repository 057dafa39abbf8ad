"""Looking at everything that the bridge depends on: store, queue and targets."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from scimbridge.cli.opening import embedded_socket, is_embedded, missing_database
from scimbridge.cli.output import say, say_json
from scimbridge.cli.reporting import ExitCode
from scimbridge.dashboard.times import moment
from scimbridge.domain.number import number_of
from scimbridge.domain.rules_version import Origin, RulesVersion
from scimbridge.errors import KeysUnavailableError, QueueError, StoreError
from scimbridge.services.preflight import Finding, Verdict

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge
    from scimbridge.config import Settings


LEAST_ROOM = 100 << 20
"""Bytes. With less on its disk, a database in a file is soon one that stores nothing."""


def conclude(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print findings, each as soon as it is there, and end the command with 1 if something failed."""
    seen = []
    for finding in findings:
        seen.append(finding)
        if not as_json:
            say(_line(finding))
    is_ok = all(finding.verdict is not Verdict.FAILED for finding in seen)
    if as_json:
        say_json({"ok": is_ok, "checks": [_document(finding) for finding in seen]})
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
    if bridge.database.url.get_backend_name() == "sqlite":
        room = shutil.disk_usage(bridge.database.url.database or ".").free
        if room < LEAST_ROOM:
            step = "make room there; what cannot be stored is answered with 503, and sources send it again"
            return _store(Verdict.FAILED, f"{where}: only {room >> 20} MiB are left on its disk", step)
    return _store(Verdict.OK, f"{where}, schema current")


def check_rules(bridge: Bridge) -> Iterator[Finding]:
    """Yield which rules are in force, and how the file stands to them."""
    standing = bridge.following.standing()
    if standing.behind:
        step = "give this machine the configuration and the release of the others; see `scimbridge rules list`"
        yield Finding(name="rules", verdict=Verdict.FAILED, message=standing.behind, next_step=step)
    elif standing.version is None:
        yield Finding(name="rules", verdict=Verdict.OK, message="those of the file")
    elif standing.is_file:
        message = f"version {standing.version.version} is in force, which is what the file says"
        yield Finding(name="rules", verdict=Verdict.OK, message=message)
    elif not bridge.settings.operators.edit_rules:
        message = f"version {standing.version.version} was activated elsewhere; here the file is the only authority"
        step = "start the web process (`scimbridge up` or `serve`) again, so that the file is in force everywhere"
        yield Finding(name="rules", verdict=Verdict.WARNING, message=message, next_step=step)
    else:
        yield _differing(standing.version)


def _differing(version: RulesVersion) -> Finding:
    if version.origin is Origin.FILE:
        message = f"version {version.version} is in force; the file has been changed since"
        step = "start the web process (`scimbridge up` or `serve`) again, so that the file is in force"
    else:
        message = f"version {version.version} is in force, activated by {version.activated_by}; the file has others"
        step = "`scimbridge rules show --toml` prints those in force for the file; "
        step += "`scimbridge rules draft --file` makes a draft of the file"
    return Finding(name="rules", verdict=Verdict.WARNING, message=message, next_step=step)


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
            message = f"the issuer publishes {number_of(count, 'key')}"
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
    """Yield what is known of each target, in this order; they are asked at the same time."""
    yield from bridge.preflight.check(names, datetime.now(UTC))


def check_pauses(bridge: Bridge) -> Iterator[Finding]:
    """Yield a warning for each target that is paused, or armed."""
    for status in bridge.overview.targets(bridge.clock()):
        if status.pause is not None and not status.unusable:  # which has been told with its next step
            step = f"`scimbridge targets resume {status.name}` lets it go on"
            yield Finding(name=f"targets.{status.name}", verdict=Verdict.WARNING, message=status.pause, next_step=step)
        if status.armed_until is not None:
            message = f"armed by {status.armed_by}: acts until {moment(status.armed_until)}, then it observes again"
            step = f"`scimbridge targets disarm {status.name}` ends it now"
            yield Finding(name=f"targets.{status.name}", verdict=Verdict.WARNING, message=message, next_step=step)


def _document(finding: Finding) -> dict[str, str]:
    """Return what JSON says of a finding."""
    return {
        "name": finding.name,
        "verdict": finding.verdict,
        "message": finding.message,
        "next_step": finding.next_step,
    }


def _line(finding: Finding) -> str:
    step = f" -> {finding.next_step}" if finding.next_step else ""
    message = " ".join(finding.message.split())
    return f"{finding.verdict:<8} {finding.name}: {message}{step}"


def _store(verdict: Verdict, message: str, next_step: str = "") -> Finding:
    return Finding(name="store", verdict=verdict, message=message, next_step=next_step)


def _queue(verdict: Verdict, message: str, next_step: str = "") -> Finding:
    return Finding(name="queue", verdict=verdict, message=message, next_step=next_step)
