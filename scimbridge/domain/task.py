"""A task: one action on one account, and the states it goes through."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from scimbridge.domain.action import Action
from scimbridge.domain.ids import AccountId, CaseId, IdentityId, TaskId
from scimbridge.domain.lightweight import lightweight
from scimbridge.errors import InvalidTransitionError


class TaskState(StrEnum):
    """Where a task is. If a process dies in any of them, the sweeper goes on from here."""

    PLANNED = "planned"
    """Waits for its due date and for the approval of its stage. Held people's tasks stay here, others' end here."""

    READY = "ready"
    """Due. A worker may claim it now; the queue has been told, or will be again."""

    RUNNING = "running"
    """A worker holds its lease. If the worker dies, the lease runs out and the task is ready again."""

    WAITING = "waiting"
    """Not now: until a date (backoff), or without one, until a person decides."""

    DONE = "done"
    """The target was read back and is as it should be."""

    SKIPPED = "skipped"
    """Nothing to do, and why is recorded: excluded, no account, observing."""

    FAILED = "failed"
    """The target refused for good, or retrying lasted too long. Needs a person."""

    CANCELED = "canceled"
    """The reason for it is gone: re-hired, or canceled by an operator."""


FINISHED = frozenset({TaskState.DONE, TaskState.SKIPPED, TaskState.CANCELED})
"""States after which nothing more is expected. A failed task still waits for a person."""

_S = TaskState
TRANSITIONS: dict[str, tuple[frozenset[TaskState], TaskState]] = {
    # event:    (from,                                                            to)
    "release": (frozenset({_S.PLANNED}), _S.READY),
    "start": (frozenset({_S.READY, _S.WAITING}), _S.RUNNING),
    "finish": (frozenset({_S.RUNNING}), _S.DONE),
    "skip": (frozenset({_S.PLANNED, _S.READY, _S.WAITING, _S.RUNNING}), _S.SKIPPED),
    "back_off": (frozenset({_S.RUNNING}), _S.WAITING),
    "ask": (frozenset({_S.PLANNED, _S.READY, _S.RUNNING, _S.WAITING}), _S.WAITING),
    "fail": (frozenset({_S.RUNNING}), _S.FAILED),
    "lapse": (frozenset({_S.RUNNING}), _S.READY),
    "postpone": (frozenset({_S.READY, _S.RUNNING, _S.WAITING}), _S.PLANNED),
    "cancel": (frozenset({_S.PLANNED, _S.READY, _S.WAITING, _S.FAILED}), _S.CANCELED),
    "abandon": (frozenset({_S.RUNNING}), _S.CANCELED),
    "retry": (frozenset({_S.WAITING, _S.FAILED}), _S.READY),
    "reopen": (frozenset({_S.DONE}), _S.READY),
    "replan": (frozenset({_S.SKIPPED}), _S.PLANNED),
    "take_word": (frozenset({_S.WAITING, _S.FAILED}), _S.SKIPPED),
}


CHOOSE = "somebody has to choose the right one"
"""How the reason of a task ends that waits for a person because several accounts fit."""


@lightweight(frozen=True, slots=True, kw_only=True)
class Task:
    """One action on one account.

    Attributes:
        due_at: When it may be released (UTC); reached means eligible.
        not_before: In ``waiting``, when to wake up; ``None`` there means a person decides.
        attempts: How many times a worker has started it since it was last asked for.
        first_tried_at: When the present series of attempts began; retrying ends a fixed time after it.
        reason: Why it is in its state, as one sentence.
        deadline_at: When it should have ended (UTC), where that was set.
        handle: What the target called the work that it accepted and does by itself.
    """

    id: TaskId
    case_id: CaseId
    stage_id: str
    identity_id: IdentityId
    account_id: AccountId
    target: str
    action: Action
    state: TaskState
    due_at: datetime
    position: int
    not_before: datetime | None = None
    attempts: int = 0
    first_tried_at: datetime | None = None
    reason: str = ""
    deadline_at: datetime | None = None
    handle: str | None = None

    @property
    def needs_person(self) -> bool:
        """Whether nothing happens until somebody decides."""
        return self.state is TaskState.FAILED or (self.state is TaskState.WAITING and self.not_before is None)

    @property
    def asks_which_account(self) -> bool:
        """Whether somebody has to choose among the accounts that fit."""
        return self.needs_person and self.reason.endswith(CHOOSE)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.state in FINISHED

    def is_runnable(self, now: datetime) -> bool:
        """Whether a worker may start it now."""
        is_awake = self.not_before is not None and self.not_before <= now
        return self.state is TaskState.READY or (self.state is TaskState.WAITING and is_awake)

    def release(self) -> Task:
        """Its due date is reached."""
        return self._apply("release", reason="due")

    def start(self, now: datetime) -> Task:
        """A worker claimed it."""
        return self._apply(
            "start", attempts=self.attempts + 1, first_tried_at=self.first_tried_at or now, not_before=None, reason=""
        )

    def finish(self, reason: str) -> Task:
        """The target is as it should be, and was read back."""
        return self._apply("finish", reason=reason, handle=None)

    def skip(self, reason: str) -> Task:
        """There is nothing to do here, for this reason."""
        return self._apply("skip", reason=reason, not_before=None)

    def back_off(self, until: datetime, reason: str) -> Task:
        """Try again at a later time."""
        return self._apply("back_off", not_before=until, reason=reason)

    def check_later(self, handle: str, until: datetime, reason: str) -> Task:
        """The target has accepted and works on it. Asking how far it is counts neither as an attempt nor as a retry."""
        return self._apply(
            "back_off", not_before=until, attempts=self.attempts - 1, first_tried_at=None, handle=handle, reason=reason
        )

    def ask(self, reason: str) -> Task:
        """A person has to decide; nothing happens until then."""
        return self._apply("ask", not_before=None, reason=reason)

    def fail(self, reason: str) -> Task:
        """The target refused for good."""
        return self._apply("fail", reason=reason)

    def lapse(self, reason: str) -> Task:
        """The attempt ended without a result: its worker died."""
        return self._apply("lapse", reason=reason)

    def give_back(self, reason: str) -> Task:
        """It was not its turn after all: on hold, or the target is unusable. Does not count as an attempt."""
        return self._apply("lapse", attempts=self.attempts - 1, reason=reason)

    def postpone(self, reason: str, due_at: datetime | None = None) -> Task:
        """It may not be done now after all: an approval has lapsed, a freeze has begun. Let go, it starts anew."""
        return self._apply(
            "postpone",
            due_at=due_at or self.due_at,
            not_before=None,
            attempts=0,
            first_tried_at=None,
            reason=reason,
        )

    def cancel(self, reason: str) -> Task:
        """The reason for it is gone."""
        return self._apply("cancel", reason=reason, not_before=None)

    def abandon(self, reason: str) -> Task:
        """Its case was canceled while it ran, and the attempt did not change the account."""
        return self._apply("abandon", reason=reason)

    def retry(self, reason: str) -> Task:
        """An operator asks for another series of attempts."""
        # What failed is begun anew; what the target still works on is asked about again.
        handle = None if self.state is TaskState.FAILED else self.handle
        return self._apply("retry", not_before=None, attempts=0, first_tried_at=None, handle=handle, reason=reason)

    def take_word(self, reason: str) -> Task:
        """A person says that they have seen to it. That is not read back, so that it does not count as done."""
        return self._apply("take_word", not_before=None, reason=reason)

    def reopen(self, reason: str) -> Task:
        """The account may no longer be as it was left; look again."""
        return self._apply("reopen", attempts=0, first_tried_at=None, handle=None, reason=reason)

    def replan(self, reason: str) -> Task:
        """What was only observed is to be done after all: it waits for its release like any other."""
        return self._apply("replan", attempts=0, first_tried_at=None, reason=reason)

    def _apply(self, event: str, **changes: object) -> Task:
        sources, destination = TRANSITIONS[event]
        if self.state not in sources:
            raise InvalidTransitionError(event, self.state)
        return replace(self, state=destination, **changes)  # type: ignore[arg-type]  # field names are literals above
