"""Activating: a version of the rules comes into force; the history says so, and operators are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.rules_change import changed_rules, new_irreversible
from scimbridge.domain.rules_version import RulesVersion
from scimbridge.services.alarming import Alarms
from scimbridge.store import journal, rulesets


def put_in_force(
    tx: Connection,
    version: RulesVersion,
    former: RulesVersion | None,
    *,
    rules: Sequence[Rule],
    former_rules: Sequence[Rule],
    by: str,
    reason: str,
    now: datetime,
    alarms: Alarms,
    actor: str = journal.BRIDGE,
) -> None:
    """Put a version in force in the place of another one, in the transaction of a caller that has entered.

    Args:
        tx: The transaction.
        version: What comes into force.
        former: What is in force until now, if the store knows of one. The very first rules are no news for anybody.
        rules: What the version says.
        former_rules: What the former one says; none where this process cannot read it.
        by: Who, or whose file.
        reason: Why.
        now: When (UTC).
        alarms: How operators are told.
        actor: Who, as the history has it.

    Raises:
        ConcurrentUpdateError: The former one is not in force any more, or the version has changed.
    """
    number = former.version if former is not None else None
    rulesets.activate(tx, version, number, by=by, reason=reason, now=now)
    old, new = Ruleset(former_rules), Ruleset(rules)
    changed = changed_rules(old, new)
    details = {
        "version": version.version,
        "former": number,
        "digest": version.digest,
        "former_digest": former.digest if former is not None else None,
        **changed,
    }
    said = f"version {version.version}: {reason}"
    journal.record(tx, "rules activated", now, reason=said, actor=actor, details=details)
    if former is not None:
        alarms.rules_activated(
            tx,
            version=version.version,
            former=former.version,
            by=by,
            reason=reason,
            changes=[f"{how}: {', '.join(names)}" for how, names in changed.items() if names],
            warnings=_warnings(old, new),
            now=now,
        )


def _warnings(old: Ruleset, new: Ruleset) -> list[str]:
    if not new.rules:
        return ["there are no rules any more: whoever leaves keeps their access"]
    return [f"new, and cannot be undone: {said}" for said in new_irreversible(old, new)]
