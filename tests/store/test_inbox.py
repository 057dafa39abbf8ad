"""Where units wait: as many are taken together as are about to come, and nobody waits for long."""

from __future__ import annotations

import threading

import pytest

from scimbridge.store.inbox import MOST, Inbox
from scimbridge.store.unit import Blocking


def test_as_many_as_are_expected_are_waited_for() -> None:
    inbox = Inbox()
    first, second = (Blocking(str, None) for _ in range(2))
    inbox.put(first)
    later = threading.Thread(target=inbox.put, args=(second,))
    later.start()

    inbox.expect(2)
    taken = inbox.take()
    while len(taken) < 2:  # the thread came late, on a busy machine
        taken += inbox.take()

    later.join()
    assert taken == [first, second]


def test_nobody_waits_long_for_those_who_do_not_come() -> None:
    inbox = Inbox()
    unit = Blocking(str, None)
    inbox.put(unit)

    inbox.expect(8)
    assert inbox.take() == [unit]


def test_a_transaction_has_only_so_many_units() -> None:
    inbox = Inbox()
    for _ in range(MOST + 1):
        inbox.put(Blocking(str, None))

    assert [len(inbox.take()), len(inbox.take())] == [MOST, 1]


def test_who_rings_late_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox()
    listen, unit = Inbox._listen, Blocking(str, None)
    calls: list[int] = []

    def disturbed(inbox: Inbox, wanted: int) -> None:
        listen(inbox, wanted)
        calls.append(wanted)
        if len(calls) == 1:
            inbox._bell.put(None)
        else:
            inbox.put(unit)

    monkeypatch.setattr(Inbox, "_listen", disturbed)

    assert inbox.take() == [unit]


def test_whoever_waits_is_told_of_the_end() -> None:
    inbox = Inbox()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(inbox.take()))
    thread.start()

    inbox.close()
    thread.join()

    assert taken == [[]]
