"""How a process of the bridge runs."""

from __future__ import annotations

import gc

from scimbridge.lifetime import keep_loaded


def test_what_is_loaded_is_out_of_the_collector_s_sight() -> None:
    usual = gc.get_threshold()

    keep_loaded()

    kept, seen, threshold = gc.get_freeze_count(), len(gc.get_objects()), gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(*usual)
    assert kept > 10 * seen
    assert threshold[0] > usual[0]
