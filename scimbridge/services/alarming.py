"""Alarming: what operators have to know is noted in the transaction in which it happens, and sent afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import Connection

from scimbridge import telemetry
from scimbridge.domain.duration import format_duration
from scimbridge.domain.retry import GIVE_UP_AFTER, backoff
from scimbridge.domain.task import Task
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
from scimbridge.store import notices
from scimbridge.store.database import Database
from scimbridge.store.values import Row

LEASE = timedelta(minutes=2)
"""How long a sweeper may take for one notice; every call in it has its own, shorter limit."""

UNUSABLE_AGAIN = timedelta(minutes=10)
"""How long until the next try where a mail server or webhook takes nothing from us."""

BATCH = 100
"""How many notices one turn sends."""

_WEBHOOK = "webhook"

log = structlog.get_logger("scimbridge.alarm")


class Alarms:
    """Notes what operators have to know. Nothing is noted where the configuration names nobody to tell.

    Args:
        channels: How people are told; ``None`` where nobody is.
    """

    def __init__(self, channels: Channels | None = None) -> None:
        # One row for each way out, so that one that fails does not hold up or repeat the others.
        mails = [f"mail.{number}" for number in range(len(channels.operators))] if channels is not None else []
        has_webhook = channels is not None and channels.webhook is not None
        self._routes = [*mails, *([_WEBHOOK] if has_webhook else [])]

    def guard_tripped(self, tx: Connection, *, flood_id: str, where: str, reason: str, now: datetime) -> None:
        """Tell that the guard holds a flood.

        Args:
            tx: The transaction that opens the flood.
            flood_id: What is held, as one.
            where: What the limit is for, such as ``target crm``.
            reason: Which limit, and what came; without personal data.
            now: When (UTC).
        """
        self._put(tx, Kind.GUARD_TRIPPED, flood_id, {"flood_id": flood_id, "where": where, "reason": reason}, now)

    def target_paused(self, tx: Connection, target: str, reason: str, now: datetime) -> None:
        """Tell that a target was paused by the bridge itself; the caller has just done so in ``tx``."""
        subject = f"{target} {now.isoformat()}"
        self._put(tx, Kind.TARGET_PAUSED, subject, {"target": target, "reason": reason}, now)

    def deadline_missed(self, tx: Connection, task: Task, deadline_at: datetime, now: datetime) -> None:
        """Tell that a task has missed its deadline."""
        details = {
            "action": task.action,
            "target": task.target,
            "case_id": task.case_id,
            "due_at": task.due_at.isoformat(),
            "deadline_at": deadline_at.isoformat(),
            "reason": task.reason,
        }
        self._put(tx, Kind.DEADLINE_MISSED, task.id, details, now)

    def rules_activated(
        self,
        tx: Connection,
        *,
        version: int,
        former: int,
        by: str,
        reason: str,
        changes: Sequence[str],
        warnings: Sequence[str],
        now: datetime,
    ) -> None:
        """Tell that other rules are in force.

        Args:
            tx: The transaction that puts them in force.
            version: The version.
            former: The one before.
            by: Who, or whose file.
            reason: Why.
            changes: Which rules are others, in a few words each.
            warnings: What to think about.
            now: When (UTC).
        """
        details = {
            "version": version,
            "former": former,
            "by": by,
            "reason": reason,
            "changes": list(changes),
            "warnings": list(warnings),
        }
        self._put(tx, Kind.RULES_ACTIVATED, str(version), details, now)

    def rules_unused(self, tx: Connection, *, version: int, where: str, reason: str, now: datetime) -> None:
        """Tell that a process does not go by the rules in force; once a day where several have the same reason."""
        subject = f"{version} {now:%Y-%m-%d} {sha256(reason.encode()).hexdigest()[:16]}"
        self._put(tx, Kind.RULES_UNUSED, subject, {"version": version, "where": where, "reason": reason}, now)

    def _put(self, tx: Connection, kind: Kind, subject: str, details: Mapping[str, Any], now: datetime) -> None:
        for route in self._routes:
            notices.put(tx, kind, f"{subject} {route}", {**details, "route": route}, now)


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
        if route == _WEBHOOK and self._channels.webhook is not None:
            self._channels.post(notice, now=now)
        elif route != _WEBHOOK and int(number) < len(self._channels.operators):
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
    said: Mapping[str, Any] = row["details"]
    match Kind(row["kind"]):
        case Kind.GUARD_TRIPPED:
            return GuardTripped(
                flood_id=said["flood_id"],
                where=said["where"],
                reason=said["reason"],
                release_command=commands.release_flood(said["flood_id"]),
                cancel_command=commands.cancel_flood(said["flood_id"]),
                link=flood_link(public_url, said["flood_id"]),
            )
        case Kind.TARGET_PAUSED:
            return TargetPaused(
                target=said["target"],
                reason=said["reason"],
                check_command=commands.check_target(said["target"]),
                resume_command=commands.resume_target(said["target"]),
                link=target_link(public_url, said["target"]),
            )
        case Kind.DEADLINE_MISSED:
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
        case Kind.RULES_ACTIVATED:
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
        case Kind.RULES_UNUSED:
            return RulesUnused(
                version=said["version"],
                where=said["where"],
                reason=said["reason"],
                check_command=commands.check(),
                link=rules_link(public_url, said["version"]),
            )
        case Kind.LEAVER:
            raise RejectedError("leavers are told of by their tasks")
