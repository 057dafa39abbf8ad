"""Delivering: alarms that were noted are sent to operators, by mail and webhook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from scimbridge import telemetry
from scimbridge.domain.duration import format_duration
from scimbridge.domain.retry import GIVE_UP_AFTER, backoff
from scimbridge.notices import commands
from scimbridge.notices.channels import Channels
from scimbridge.notices.links import case_link, flood_link, rules_link, target_link
from scimbridge.notices.notice import (
    Content,
    DeadlineMissed,
    GuardTripped,
    Kind,
    Notice,
    RulesActivated,
    RulesUnused,
    TargetPaused,
)
from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError
from scimbridge.services.alarming import WEBHOOK
from scimbridge.store import notices
from scimbridge.store.database import Database
from scimbridge.store.values import Row

LEASE = timedelta(minutes=2)
"""How long a sweeper may take for one notice; every call in it has its own, shorter limit."""

UNUSABLE_AGAIN = timedelta(minutes=10)
"""How long until the next try where a mail server or webhook takes nothing from us."""

BATCH = 100
"""How many notices one turn sends."""

log = structlog.get_logger("scimbridge.alarm")


class Delivering:
    """Sends what is noted: at least once, and known again by its id where it is sent twice.

    Any number of processes may do so; claims keep them apart.
    """

    def __init__(self, database: Database, channels: Channels, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock

    def run(self) -> int:
        """Send what is due. Returns how many notices were sent."""
        sent = 0
        for _ in range(BATCH):
            now = self._clock()
            with self._database.write() as tx:
                row = notices.claim(tx, now, now + LEASE)
            if row is None:
                break
            sent += self._deliver(row)
        return sent

    def _deliver(self, row: Row) -> bool:
        try:
            self._send(row)
        except RejectedError as error:
            return self._give_up(row, str(error))
        except ConnectorError as error:
            return self._postpone(row, error)
        except Exception as error:  # one notice that cannot be read must not keep the others
            log.exception("notice broke", action="notice", notice=row["id"], kind=row["kind"])
            return self._give_up(row, f"unexpected {type(error).__name__}; see the sweeper's log")
        with self._database.write() as tx:
            notices.finish(tx, row, self._clock())
        telemetry.NOTICES.labels(row["kind"], "sent").inc()
        log.info("notice sent", action="notice.sent", notice=row["id"], kind=row["kind"], attempts=row["attempts"])
        return True

    def _send(self, row: Row) -> None:
        now = self._clock()
        notice = Notice(id=row["id"], at=row["created_at"], content=_content(row, self._channels.public_url))
        route, _, number = row["details"]["route"].partition(".")
        if route == WEBHOOK and self._channels.webhook is not None:
            self._channels.post(notice, now=now)
        elif route != WEBHOOK and int(number) < len(self._channels.operators):
            self._channels.send(notice, to=self._channels.operators[int(number)], now=now)
        else:
            raise RejectedError("the configuration does not name this way out any more")

    def _postpone(self, row: Row, error: ConnectorError) -> bool:
        now = self._clock()
        if now - row["created_at"] >= GIVE_UP_AFTER:
            return self._give_up(row, f"gave up after {format_duration(GIVE_UP_AFTER)}: {error}")
        is_for_later = isinstance(error, RetryableError)
        wait = backoff(row["attempts"], error.retry_after) if isinstance(error, RetryableError) else UNUSABLE_AGAIN
        with self._database.write() as tx:
            notices.back_off(tx, row, now + wait, str(error))
        say = log.warning if is_for_later else log.error
        say("notice waits", action="notice.waits", notice=row["id"], kind=row["kind"], reason=str(error))
        return False

    def _give_up(self, row: Row, reason: str) -> bool:
        with self._database.write() as tx:
            notices.fail(tx, row, self._clock(), reason)
        telemetry.NOTICES.labels(row["kind"], "failed").inc()
        log.error("notice not sent", action="notice.failed", notice=row["id"], kind=row["kind"], reason=reason)
        return False


def _content(row: Row, public_url: str) -> Content:
    """Return what an alarm says: what was noted, with the commands and the link that help."""
    said: Mapping[str, Any] = row["details"]
    match Kind(row["kind"]):
        case Kind.GUARD_TRIPPED:
            return _guard_tripped(said, public_url)
        case Kind.TARGET_PAUSED:
            return _target_paused(said, public_url)
        case Kind.DEADLINE_MISSED:
            return _deadline_missed(said, public_url)
        case Kind.RULES_ACTIVATED:
            return _rules_activated(said, public_url)
        case Kind.RULES_UNUSED:
            return _rules_unused(said, public_url)
        case Kind.LEAVER:
            raise RejectedError("leavers are told of by their tasks")


def _guard_tripped(said: Mapping[str, Any], public_url: str) -> GuardTripped:
    return GuardTripped(
        flood_id=said["flood_id"],
        where=said["where"],
        reason=said["reason"],
        release_command=commands.release_flood(said["flood_id"]),
        cancel_command=commands.cancel_flood(said["flood_id"]),
        link=flood_link(public_url, said["flood_id"]),
    )


def _target_paused(said: Mapping[str, Any], public_url: str) -> TargetPaused:
    return TargetPaused(
        target=said["target"],
        reason=said["reason"],
        check_command=commands.check_target(said["target"]),
        resume_command=commands.resume_target(said["target"]),
        link=target_link(public_url, said["target"]),
    )


def _deadline_missed(said: Mapping[str, Any], public_url: str) -> DeadlineMissed:
    return DeadlineMissed(
        action=said["action"],
        target=said["target"],
        case_id=said["case_id"],
        due_at=datetime.fromisoformat(said["due_at"]),
        deadline_at=datetime.fromisoformat(said["deadline_at"]),
        reason=said["reason"],
        show_command=commands.show_case(said["case_id"]),
        link=case_link(public_url, said["case_id"]),
    )


def _rules_activated(said: Mapping[str, Any], public_url: str) -> RulesActivated:
    return RulesActivated(
        version=said["version"],
        by=said["by"],
        reason=said["reason"],
        changes=said["changes"],
        warnings=said["warnings"],
        diff_command=commands.compare_rules(said["version"], said["former"]),
        back_command=commands.draft_rules_of(said["former"]),
        link=rules_link(public_url, said["version"]),
    )


def _rules_unused(said: Mapping[str, Any], public_url: str) -> RulesUnused:
    return RulesUnused(
        version=said["version"],
        where=said["where"],
        reason=said["reason"],
        check_command=commands.check(),
        link=rules_link(public_url, said["version"]),
    )
