"""Approvals: what an operator said yes to, as a document with a digest, and what is no longer so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scimbridge.domain.action import Action
from scimbridge.domain.names import fold
from scimbridge.domain.operator import is_of_provider, without_mark

PROTECTED = "protected: "
"""How the reason of a task begins that waits for a person because of what its account is."""

CHANGED = "changed since: "
"""How the reason of a task begins that waits for a person because its group is not what it was."""

SPARED = "spared before: "
"""How the reason of a task begins that cannot be undone, and before which something was left out on its account."""

UNTOLD = "not told: "
"""How the reason of a task begins that waits for a person because nobody can tell whether its account is used."""

BY_HAND = "done by hand"
"""How the reason of a task begins that a person has seen to: it was not left out."""

ASKS = (PROTECTED, CHANGED, SPARED, UNTOLD)
"""What an approval of exactly this state answers."""

Decisive = Mapping[str, Any]
"""What a connector calls decisive about an account, as plain JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One account of an approved stage.

    Attributes:
        account_id: Our own row.
        native_id: The target's immutable id; ``None`` where no account was found.
        actions: What the stage does to it, in order.
        decisive: What it was like; ``None`` where there was none.
    """

    account_id: str
    target: str
    native_id: str | None
    actions: tuple[Action, ...]
    decisive: Decisive | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that an approval is given for.

    Attributes:
        stage_id: The stage, which belongs to one case.
        identity_id: Whom it is about.
        rule: The name of the rule that planned the stage.
        rule_version: A digest of what that rule says now; empty where there is no such rule any more.
        parameters: What the stage says about how its actions are done.
    """

    stage_id: str
    identity_id: str
    rule: str
    rule_version: str
    parameters: Mapping[str, Any]
    subjects: Sequence[Subject]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        plain = {
            "stage": self.stage_id,
            "identity": self.identity_id,
            "rule": self.rule,
            "rule_version": self.rule_version,
            "parameters": self.parameters,
            "accounts": {
                each.account_id: {
                    "target": each.target,
                    "native_id": each.native_id,
                    "actions": each.actions,
                    "decisive": each.decisive,
                }
                for each in self.subjects
            },
        }
        # Once through JSON, so that it is what the store gives back: lists for tuples, strings for keys.
        document: dict[str, Any] = json.loads(canonical(plain))
        return document


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the one spelling of a JSON document: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document's one spelling, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One operator's approval of one stage.

    Attributes:
        digest: Of ``document`` as it was approved; it outlives the document, which can be erased.
        document: A ``Plan.document()``; ``None`` where it was erased.
        expected: For each account that the bridge has worked on since, by the id of our row, what was decisive when
            it left it, and when: its own work is no drift, and what somebody else does afterwards is.
    """

    id: str
    case_id: str
    stage_id: str
    approved_by: str
    approved_at: datetime
    digest: str
    document: Mapping[str, Any] | None
    expected: Mapping[str, Mapping[str, Any]]

    def is_by(self, name: str) -> bool:
        """Whether an operator gave it; two spellings of a name that differ in case are one operator."""
        return same_operator(self.approved_by, name)

    def covers(self, account_id: str) -> bool:
        """Whether it says anything about an account."""
        return self.document is not None and account_id in self.document["accounts"]

    def looked_at(self, account_id: str) -> datetime:
        """Return since when what is expected of an account counts (UTC)."""
        left = self.expected.get(account_id)
        return datetime.fromisoformat(left["at"]) if left else self.approved_at

    def with_left(self, account_id: str, decisive: Decisive, at: datetime) -> Approval:
        """Return it after the bridge itself has changed an account."""
        left = {"decisive": json.loads(canonical(decisive)), "at": at.isoformat()}
        return replace(self, expected={**self.expected, account_id: left})

    def drift(
        self,
        account_id: str,
        *,
        native_id: str | None,
        decisive: Decisive | None,
        rule_version: str,
        parameters: Mapping[str, Any],
        begun: Collection[Action] = (),
    ) -> str | None:
        """Return what is no longer as it was approved, as part of a sentence; ``None`` where all is.

        Args:
            account_id: The account that is about to be changed.
            native_id: Its id at the target now.
            decisive: What is decisive about it now.
            rule_version: The version of the stage's rule now.
            parameters: What the stage says now about how its actions are done.
            begun: What the bridge has begun to do to it since, without an end that it knows of: the
                traces of that are no drift.
        """
        if self.document is None or digest(self.document) != self.digest:
            return "what was approved is not on record any more"
        if rule_version != self.document["rule_version"]:
            return f"rule {self.document['rule']!r} was changed"
        if json.loads(canonical(parameters)) != self.document["parameters"]:
            return "who gets what is taken, or what that is, has changed"
        approved = self.document["accounts"].get(account_id)
        if approved is None:
            return "the account is not among those that were approved"
        what = "group" if any(Action(each).is_of_groups for each in approved["actions"]) else "account"
        if native_id != approved["native_id"]:
            return f"the {what} at {approved['target']} is another one"
        left = self.expected.get(account_id)
        changed = _changed((left or approved)["decisive"], decisive, begun)
        if changed:
            return f"the {what} at {approved['target']} has changed ({', '.join(changed)})"
        return None


BOTH = 2
"""From so many approvers on, who asked for it is none of them."""


def same_operator(one: str, other: str) -> bool:
    """Whether two names are one operator's, whichever way they have signed in."""
    return fold(without_mark(one)) == fold(without_mark(other))


def may_be_same_person(one: str, other: str) -> bool:
    """Whether two names may be one person's, who signs in by the identity provider once, and once otherwise."""
    return same_operator(one, other) or is_of_provider(one) != is_of_provider(other)


def _changed(expected: Decisive | None, now: Decisive | None, begun: Collection[Action]) -> list[str]:
    if expected is None or now is None:
        return [] if expected is now else ["existence"]
    plain: Decisive = json.loads(canonical(now))
    touched = {key for action in begun for key in _TOUCHES.get(action, ())}
    return [
        key
        for key in sorted(expected.keys() | plain.keys())
        if expected.get(key) != plain.get(key) and not (key in touched and _is_trace(expected.get(key), plain.get(key)))
    ]


def _is_trace(expected: Any, now: Any) -> bool:
    """Whether our own unfinished work may have made one of the other: it takes away, and never adds."""
    if isinstance(expected, list) and isinstance(now, list):
        return all(each in expected for each in now)
    return True


_TOUCHES: Mapping[Action, frozenset[str]] = {
    Action.SUSPEND: frozenset({"enabled"}),
    Action.MOVE: frozenset({"container"}),
    Action.REMOVE_FROM_GROUPS: frozenset({"privileged", "protected"}),
    Action.TRANSFER_OWNERSHIP: frozenset({"owns", "protected"}),
    Action.DISABLE_GROUP: frozenset({"enabled", "protected"}),
    Action.MOVE_GROUP: frozenset({"container"}),
    Action.EMPTY_GROUP: frozenset({"members"}),
}
"""Which of the usual decisive values an action changes. What else changes meanwhile is somebody else's work."""
