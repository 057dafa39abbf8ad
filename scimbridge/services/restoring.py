"""Restoring: the tasks that give accounts back, and what is said of that which nobody can give back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities, Capabilities, kept_for
from scimbridge.domain.case import Case, CaseKind
from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import TaskId, new_id
from scimbridge.domain.plan import PlannedStage
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.times import moment
from scimbridge.domain.undo import Undo, undo_of
from scimbridge.domain.wakeup import WakeUp
from scimbridge.services import settling
from scimbridge.store import accounts, carried_out, cases, journal, snapshots, stages, tasks
from scimbridge.store.surroundings import Owned

DELETED = (
    "the account was deleted; {target} keeps it until {until}. Retrying the case brings it back with what it had, "
    "canceling the case leaves it deleted, e.g. because there is a new one"
)
"""Asked of who comes back, even where the rest is given back at once: meanwhile they may have a new account."""

ASK = "is this the same person? Retrying the case gives the access back, canceling the case does not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one account is given back.

    Attributes:
        kept_until: Until when the target keeps it (UTC), where it was deleted and can be brought back.
    """

    undo: Undo
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Why and how something is given back.

    Attributes:
        last: What has taken it.
        auto: At once, without asking an operator.
        into: The case that is open already.
        by: The operator who asks for it; nobody does where absent.
        found: The bridge has found out that it is to be given back; else the source has said so.
        why: What the operator says, or what was found.
    """

    last: Case
    auto: bool
    into: Case | None = None
    by: str | None = None
    found: bool = False
    why: str = ""


def asks_whether(task: Task) -> bool:
    """Whether a task waits for an answer that an operator gives by retrying or by canceling its case."""
    return task.reason == ASK or task.reason.startswith(DELETED.partition("{")[0])


def open_restore(
    tx: Connection, identity: Identity, taken: Sequence[Owned], wish: Wish, can: Capabilities, now: datetime
) -> tuple[Case, list[WakeUp]]:
    """Plan what gives accounts back: in a case of its own, or in the one that is open already.

    Args:
        tx: A write transaction that holds the identity's lock.
        identity: Whose they are.
        taken: The accounts; of those that are the same one at the target, the last one stands for all.
        wish: Why and how.
        can: What the targets can do.
        now: When (UTC).
    """
    case = wish.into or _insert_case(tx, identity, wish, now)
    stage = PlannedStage(number=0, after=timedelta(), due_at=now, tasks=())
    stage_id = stages.insert_stage(tx, case.id, stage, now)
    ways = [(same[-1], _way(tx, identity, same, can.get(same[-1].target), now)) for same in _by_native(tx, taken)]
    new = [task for account, way in ways for task in _tasks(case, stage_id, account, way, wish, now)]
    tasks.insert_tasks(tx, new)
    journal.record(
        tx,
        "restore opened",
        now,
        reason=(wish.why or f"active again after case {wish.last.id}")
        + ("" if wish.auto else "; waits for an operator"),
        actor=wish.by or (journal.BRIDGE if wish.found else identity.source),
        identity_id=identity.id,
        case_id=case.id,
        personal={"user_name": identity.user_name},
    )
    for account, way in ways:
        for sentence in way.undo.lost:
            journal.record(
                tx,
                "not given back",
                now,
                reason=sentence,
                identity_id=identity.id,
                case_id=case.id,
                target=account.target,
            )
    if wish.into is None and not new:
        settling.complete(tx, case, [], now)
    woken = {(task.target, task.account_id) for task in new if task.state is TaskState.READY}
    return case, [WakeUp(target, account_id) for target, account_id in sorted(woken)]


def pending(tx: Connection, case: Case | None) -> Iterator[Task]:
    """Yield what an open case gives back and has not given back yet."""
    for task in tasks.tasks_of_case(tx, case.id) if case is not None else ():
        if task.action.gives_back and not task.is_finished:
            yield task


def _insert_case(tx: Connection, identity: Identity, wish: Wish, now: datetime) -> Case:
    return cases.insert_case(
        tx,
        identity_id=identity.id,
        source=identity.source,
        kind=CaseKind.RESTORE,
        rule=wish.last.rule,
        trigger=None,
        trigger_at=now,
        now=now,
        opened_by=wish.by,
    )


def _by_native(tx: Connection, taken: Sequence[Owned]) -> Iterable[Sequence[Owned]]:
    """Return accounts by what they are at their targets: a deleted identity and who takes its place know the same one.

    What was taken from either is given back together, for nothing is kept of the account once a restore has ended.
    """
    found: dict[tuple[str, str], list[Owned]] = {}
    for account in taken:
        found.setdefault((account.target, accounts.account_by_id(tx, account.id).lock_key), []).append(account)
    return found.values()


def _way(tx: Connection, identity: Identity, same: Sequence[Owned], can: Abilities | None, now: datetime) -> Way:
    account = same[-1]
    since = snapshots.taken_at(tx, account.id)
    begun = carried_out.begun_on(tx, [each.id for each in same], since)
    window = kept_for(Action.DELETE, can) if can is not None else None
    deleted_at = carried_out.deleted_at(tx, account.id, since) if since is not None and window is not None else None
    kept_until = deleted_at + window if deleted_at is not None and window is not None else None
    over_since = kept_until if kept_until is not None and kept_until <= now else None
    return Way(undo=undo_of(begun, can, of_group=identity.is_group, over_since=over_since), kept_until=kept_until)


def _tasks(case: Case, stage_id: str, account: Owned, way: Way, wish: Wish, now: datetime) -> Iterable[Task]:
    is_asked, reason = _question(account, way, wish)
    for position, action in enumerate(way.undo.actions):
        yield Task(
            id=TaskId(new_id(now)),
            case_id=case.id,
            stage_id=stage_id,
            identity_id=case.identity_id,
            account_id=account.id,
            target=account.target,
            action=action,
            state=TaskState.WAITING if is_asked else TaskState.READY,
            due_at=now,
            position=position,
            reason=reason,
        )


def _question(account: Owned, way: Way, wish: Wish) -> tuple[bool, str]:
    """Return whether an operator is asked before an account is given back, and what; why it is, where not."""
    if not wish.auto:
        return True, ASK
    if Action.UNDELETE in way.undo.actions and wish.by is None:
        until = moment(way.kept_until) if way.kept_until is not None else "further notice"
        return True, DELETED.format(target=account.target, until=until)
    return False, wish.why or "returned"
