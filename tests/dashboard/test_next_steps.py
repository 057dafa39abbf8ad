"""What helps where something waits: a link or a button, where the command line has a command."""

from __future__ import annotations

import re
from datetime import timedelta

from scimbridge.domain.operator import Role
from tests.dashboard.conftest import Browse
from tests.dashboard.test_case_page import events, plain
from tests.services.bench import Bench


def test_what_was_only_observed_is_done_once_the_target_acts(bench: Bench, browse: Browse) -> None:
    bench.leave(bench.join("ada"))
    bench.run("7d")
    case = bench.overview.case_named("ada")
    browser = browse()
    before = plain(browser.get(f"/cases/{case}").text)
    viewer = browse(role=Role.VIEWER, name="vera").get(f"/cases/{case}").text

    browser.send(f"/cases/{case}", do="observed", reason="tried long enough")
    unsure = plain(browser.get(f"/cases/{case}").text)
    browser.send(f"/cases/{case}", do="observed", reason="tried long enough", sure="yes")
    too_early = plain(browser.get(f"/cases/{case}").text)
    bench.arming.arm("directory", span=timedelta(hours=4), reason="tried", by="kim", now=bench.clock())
    browser.send(f"/cases/{case}", do="observed", reason="tried long enough", sure="yes")
    done = plain(browser.get(f"/cases/{case}").text)
    bench.run()

    assert "What was only reported, and not done: suspend at directory" in before
    assert "observe mode: would suspend. Arm directory, then “Do what was observed” above does it." in before
    assert not re.search("scimbridge |Arm directory|act-observed", viewer.partition("<main")[2])
    assert "confirm it by its box" in unsure
    assert "directory observes still; arm it first" in too_early
    assert "Done. Planned again, and done as it is released: 1 task." in done
    assert ("task planned", "local", "tried long enough") in events(bench, case)
    assert bench.systems["directory"].account("ada")["suspended"]
