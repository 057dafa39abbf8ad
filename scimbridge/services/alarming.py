"""Alarming: what operators have to know is noted in the transaction in which it happens; ``delivering`` sends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.task import Task
from scimbridge.notices.channels import Channels
from scimbridge.notices.notice import Kind
from scimbridge.store import notices

WEBHOOK = "webhook"
"""The way out that is no mail, as a noted alarm names it."""


class Alarms:
    """Notes what operators have to know. Nothing is noted where the configuration names nobody to tell.

    Args:
        channels: How people are told; ``None`` where nobody is.
    """

    def __init__(self, channels: Channels | None = None) -> None:
        # One row for each way out, so that one that fails does not hold up or repeat the others.
        mails = [f"mail.{number}" for number in range(len(channels.operators))] if channels is not None else []
        has_webhook = channels is not None and channels.webhook is not None
        self._routes = [*mails, *([WEBHOOK] if has_webhook else [])]

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
