"""How a process of the bridge runs."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from scimbridge.errors import CoreError
from scimbridge.lifetime import keep_loaded, keep_on_core


def test_what_is_loaded_is_out_of_the_collector_s_sight() -> None:
    usual = gc.get_threshold()

    keep_loaded()

    kept, seen, threshold = gc.get_freeze_count(), len(gc.get_objects()), gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(*usual)
    assert kept > 10 * seen
    assert threshold[0] > usual[0]


def test_who_is_kept_on_a_core_has_its_threads_there_and_nobody_else() -> None:
    everywhere, core, seen = os.sched_getaffinity(0), max(os.sched_getaffinity(0)), []

    def inner() -> None:
        seen.append(os.sched_getaffinity(0))

    def outer() -> None:
        keep_on_core(core)
        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()

    thread = threading.Thread(target=outer)
    thread.start()
    thread.join()

    assert seen == [{core}]
    assert os.sched_getaffinity(0) == everywhere


def test_a_system_that_keeps_nobody_on_a_core_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")

    with pytest.raises(CoreError, match=r"core 0 at \[server\] core: this system cannot do that; leave it out"):
        keep_on_core(0)
