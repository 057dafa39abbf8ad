"""Every state of a task meets every event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from scimbridge.domain.action import Action
from scimbridge.domain.ids import AccountId, CaseId, IdentityId, TaskId
from scimbridge.domain.task import FINISHED, TRANSITIONS, Task, TaskState
from scimbridge.errors import InvalidTransitionError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FIRST = NOW - timedelta(days=1)

EVENTS: dict[str, Callable[[Task], Task]] = {
    "release": lambda task: task.release(),
    "start": lambda task: task.start(NOW),
    "finish": lambda task: task.finish("why"),
    "skip": lambda task: task.skip("why"),
    "back_off": lambda task: task.back_off(LATER, "why"),
    "ask": lambda task: task.ask("why"),
    "fail": lambda task: task.fail("why"),
    "lapse": lambda task: task.lapse("why"),
    "give_back": lambda task: task.give_back("why"),
    "postpone": lambda task: task.postpone("why"),
    "cancel": lambda task: task.cancel("why"),
    "abandon": lambda task: task.abandon("why"),
    "retry": lambda task: task.retry("why"),
    "reopen": lambda task: task.reopen("why"),
    "replan": lambda task: task.replan("why"),
    "check_later": lambda task: task.check_later("job-8", LATER, "why"),
    "take_word": lambda task: task.take_word("why"),
}

# Written out by hand, and not derived from the code: where each event leads; "-" is a refusal.
TABLE = """
            planned   ready     running   waiting   done      skipped   failed    canceled
release     ready     -         -         -         -         -         -         -
start       -         running   -         running   -         -         -         -
finish      -         -         done      -         -         -         -         -
skip        skipped   skipped   skipped   skipped   -         -         -         -
back_off    -         -         waiting   -         -         -         -         -
check_later -         -         waiting   -         -         -         -         -
ask         waiting   waiting   waiting   waiting   -         -         -         -
fail        -         -         failed    -         -         -         -         -
lapse       -         -         ready     -         -         -         -         -
give_back   -         -         ready     -         -         -         -         -
postpone    -         planned   planned   planned   -         -         -         -
cancel      canceled  canceled  -         canceled  -         -         canceled  -
abandon     -         -         canceled  -         -         -         -         -
retry       -         -         -         ready     -         -         ready     -
reopen      -         -         -         -         ready     -         -         -
replan      -         -         -         -         -         planned   -         -
take_word   -         -         -         skipped   -         -         skipped   -
"""


def expectations() -> list[tuple[str, TaskState, TaskState | None]]:
    header, *lines = (line.split() for line in TABLE.strip().splitlines())
    return [
        (event, TaskState(source), None if result == "-" else TaskState(result))
        for event, *results in lines
        for source, result in zip(header, results, strict=True)
    ]


def a_task(state: TaskState = TaskState.PLANNED, **changes: object) -> Task:
    settings: dict[str, object] = {
        "id": TaskId("task"),
        "case_id": CaseId("case"),
        "stage_id": "stage",
        "identity_id": IdentityId("identity"),
        "account_id": AccountId("account"),
        "target": "crm",
        "action": Action.SUSPEND,
        "due_at": NOW,
        "position": 1,
        "attempts": 3,
        "first_tried_at": FIRST,
        "not_before": LATER,
        "reason": "before",
        **changes,
    }
    return Task(state=state, **settings)  # type: ignore[arg-type]  # the fields above


def test_the_table_has_every_state_and_every_event() -> None:
    rows = expectations()

    assert len(rows) == len(TaskState) * len(EVENTS)
    assert {event for event, _, _ in rows} == set(EVENTS)
    assert {source for _, source, _ in rows} == set(TaskState)
    assert set(EVENTS) == set(TRANSITIONS) | {"give_back", "check_later"}


@pytest.mark.parametrize(("event", "source", "expected"), expectations())
def test_every_state_meets_every_event(event: str, source: TaskState, expected: TaskState | None) -> None:
    task = a_task(source)
    unchanged = a_task(source)

    if expected is None:
        with pytest.raises(InvalidTransitionError) as refusal:
            EVENTS[event](task)
        assert refusal.value.state == source
        assert source in str(refusal.value)
    else:
        assert EVENTS[event](task).state is expected
    assert task == unchanged


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_changes_state_and_reason_and_nothing_that_identifies_the_task(event: str) -> None:
    source = next(source for name, source, result in expectations() if name == event and result is not None)
    before = a_task(source)

    after = EVENTS[event](before)

    kept = ("id", "case_id", "stage_id", "identity_id", "account_id", "target", "action", "due_at", "position")
    assert [getattr(after, field) for field in kept] == [getattr(before, field) for field in kept]
    assert after.reason == {"release": "due", "start": ""}.get(event, "why")


def test_starting_counts_an_attempt_and_keeps_when_the_first_one_was() -> None:
    again = a_task(TaskState.WAITING).start(NOW)
    first = a_task(TaskState.READY, attempts=0, first_tried_at=None).start(NOW)

    assert (again.attempts, again.first_tried_at, again.not_before) == (4, FIRST, None)
    assert (first.attempts, first.first_tried_at) == (1, NOW)


def test_backing_off_says_until_when() -> None:
    assert a_task(TaskState.RUNNING, not_before=None).back_off(LATER, "503").not_before == LATER


@pytest.mark.parametrize("event", ["ask", "retry", "cancel", "skip", "postpone", "take_word"])
def test_a_wake_up_time_does_not_outlive_its_wait(event: str) -> None:
    assert EVENTS[event](a_task(TaskState.WAITING)).not_before is None


def test_asking_how_far_accepted_work_is_counts_neither_as_an_attempt_nor_as_a_retry() -> None:
    later = a_task(TaskState.RUNNING, attempts=1, not_before=None).check_later("job-8", LATER, "accepted")

    assert (later.handle, later.not_before, later.attempts, later.first_tried_at) == ("job-8", LATER, 0, None)


@pytest.mark.parametrize(
    ("event", "source", "handle"),
    [
        ("start", TaskState.WAITING, "job-7"),
        ("retry", TaskState.WAITING, "job-7"),
        ("retry", TaskState.FAILED, None),
        ("finish", TaskState.RUNNING, None),
        ("reopen", TaskState.DONE, None),
    ],
)
def test_accepted_work_is_asked_about_until_it_ends_or_is_begun_anew(
    event: str, source: TaskState, handle: str | None
) -> None:
    assert EVENTS[event](a_task(source, handle="job-7")).handle == handle


def test_postponing_keeps_the_due_date_unless_it_gets_another_one() -> None:
    running = a_task(TaskState.RUNNING)

    assert running.postpone("the approval has lapsed").due_at == NOW
    assert running.postpone("frozen", LATER).due_at == LATER


@pytest.mark.parametrize(("event", "attempts"), [("lapse", 3), ("give_back", 2)])
def test_only_work_that_was_given_back_counts_as_no_attempt(event: str, attempts: int) -> None:
    assert EVENTS[event](a_task(TaskState.RUNNING)).attempts == attempts


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ("retry", TaskState.FAILED),
        ("reopen", TaskState.DONE),
        ("postpone", TaskState.RUNNING),
        ("replan", TaskState.SKIPPED),
    ],
)
def test_a_new_series_of_attempts_starts_from_nothing(event: str, source: TaskState) -> None:
    again = EVENTS[event](a_task(source))

    assert (again.attempts, again.first_tried_at) == (0, None)


@pytest.mark.parametrize(
    ("state", "not_before", "expected"),
    [
        (TaskState.FAILED, None, True),
        (TaskState.WAITING, None, True),
        (TaskState.WAITING, LATER, False),
        (TaskState.READY, None, False),
        (TaskState.DONE, None, False),
        (TaskState.CANCELED, None, False),
    ],
)
def test_a_failed_task_and_one_that_waits_without_a_date_need_a_person(
    state: TaskState, not_before: datetime | None, expected: bool
) -> None:
    assert a_task(state, not_before=not_before).needs_person is expected


@pytest.mark.parametrize(
    ("state", "not_before", "expected"),
    [
        (TaskState.READY, None, True),
        (TaskState.WAITING, NOW, True),
        (TaskState.WAITING, LATER, False),
        (TaskState.WAITING, None, False),
        (TaskState.PLANNED, None, False),
        (TaskState.RUNNING, None, False),
        (TaskState.DONE, NOW, False),
        (TaskState.FAILED, NOW, False),
    ],
)
def test_a_worker_may_start_what_is_ready_or_awake(
    state: TaskState, not_before: datetime | None, expected: bool
) -> None:
    assert a_task(state, not_before=not_before).is_runnable(NOW) is expected


@pytest.mark.parametrize("state", TaskState)
def test_done_skipped_and_canceled_are_the_end(state: TaskState) -> None:
    ends = {TaskState.DONE, TaskState.SKIPPED, TaskState.CANCELED}

    assert a_task(state).is_finished is (state in ends)
    assert ends == FINISHED
