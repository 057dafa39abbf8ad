"""Try changes as mutmut makes them, but sooner: ``mutation.py`` runs this in its copy of the repository.

mutmut would start pytest anew for each change and ask short tests first. Here tests are collected once,
each change gets a fork of the process that has them, and what noticed other changes of the same function is
asked first. Nothing of ``tests`` is imported: the tree with the changes has a package of that name, too.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from functools import partial
from itertools import zip_longest
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from _pytest.config import _prepareconfig

CHANGED = Path("mutants")
"""The tree with the changes, from where mutmut runs."""

NOTICED = (CHANGED / "noticed.txt").absolute()
"""Line by line a function, and a test that noticed a change of it."""

_TOO_SLOW = 36
"""mutmut's code for it."""


class Runner:
    """Stands in for mutmut's ``PytestRunner``; its methods return pytest's exit codes.

    Args:
        seconds: A change is given up when tests that take this long together, in CPU time, have not noticed it.
        state: Returns what mutmut knows of tests.
        config: Returns mutmut's settings.
        names: What mutmut wants the names of tests in.
    """

    def __init__(self, seconds: float, state: Any, config: Any, names: Any) -> None:
        self._seconds = seconds
        self._state = state
        self._config = config
        self._names = names
        self._items: dict[str, pytest.Item] = {}
        self._failed = False
        self._all_passed = False

    def prepare_main_test_run(self) -> None:
        """Do nothing yet: mutmut has still to say what it wants."""

    def list_all_tests(self) -> Any:
        """Return the names of all tests."""
        return self._names(ids=set(self._collected()))

    def run_stats(self, *, tests: Iterable[str]) -> int:
        """Note which functions each test comes by, and how long it takes."""
        known = self._state()
        for item, following in _with_following(self._named(tests)):
            started = process_time()
            if not self._passes(item, following):
                return 1
            known.duration_by_test[item.nodeid] = process_time() - started
            for function in known._stats:
                known.tests_by_mangled_function_name[function].add(item.nodeid)
            known._stats.clear()
        self._all_passed = not set(tests)
        return 0

    def run_forced_fail(self) -> int:
        """See that tests fail where everything is broken."""
        failing = self._first_failing(self._named([]))
        if failing is not None:
            failing.session._setupstate.teardown_exact(None)
        return int(failing is not None)

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """Run tests until one fails: those of a change, in a process of its own, or without a change."""
        items = self._named(tests)
        if mutant_name is None:
            return int(not self._all_passed and self._first_failing(items) is not None)
        function = mutant_name.rpartition("__mutmut_")[0]
        noticed = NOTICED.read_text().splitlines() if NOTICED.exists() else []
        names = likely_first(function, [item.nodeid for item in items], self._took, noticed, self._seconds)
        failing = self._first_failing([self._items[name] for name in names])
        if failing is not None:
            with NOTICED.open("a") as file:
                file.write(f"{function}\t{failing.nodeid}\n")
        return int(failing is not None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Be told by pytest how a test went."""
        self._failed |= report.failed

    def _first_failing(self, items: Sequence[pytest.Item]) -> pytest.Item | None:
        for item, following in _with_following(items):
            with _limited(4 + 20 * self._took[item.nodeid]):
                passes = self._passes(item, following)
            if not passes:
                return item
        return None

    @property
    def _took(self) -> Mapping[str, float]:
        return self._state().duration_by_test  # type: ignore[no-any-return]

    def _named(self, tests: Iterable[str]) -> list[pytest.Item]:
        """Return those with names, or all."""
        names = set(tests)
        return [item for name, item in self._collected().items() if not names or name in names]

    def _collected(self) -> dict[str, pytest.Item]:
        if not self._items:
            settings = self._config()
            session = _session([*settings.pytest_add_cli_args, *settings.pytest_add_cli_args_test_selection], self)
            self._items = {item.nodeid: item for item in session.items}
        return self._items

    def _passes(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._failed = False
        with chdir(CHANGED):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return not self._failed


def likely_first(
    function: str, tests: Iterable[str], took: Mapping[str, float], noticed: Iterable[str], seconds: float
) -> list[str]:
    """Return the tests that may notice a change of a function, as many as there is time for.

    First come those that noticed most of its changes, then those that noticed most elsewhere, then the shortest.

    Args:
        function: As mutmut calls it.
        tests: Those that come by it.
        took: The CPU seconds of each.
        noticed: The lines of ``NOTICED``.
        seconds: How many there are.
    """
    found = [line.split("\t") for line in noticed]
    here = Counter(test for where, test in found if where == function)
    anywhere = Counter(test for _, test in found)
    chosen: list[str] = []
    for test in sorted(tests, key=lambda each: (-here[each], -anywhere[each], took[each])):
        if seconds > 0:
            chosen.append(test)
        seconds -= took[test]
    return chosen


def _session(arguments: Sequence[str], plugin: object) -> pytest.Session:
    """Return a session of pytest that has its tests, and stays open."""
    with chdir(CHANGED):
        quiet = ["-o", "addopts=", "-p", "no:terminal", "--capture=no"]
        settings = _prepareconfig(["--rootdir=.", *quiet, *arguments], [plugin])
        settings._do_configure()
        session = pytest.Session.from_config(settings)
        settings.hook.pytest_sessionstart(session=session)
        settings.hook.pytest_collection(session=session)
    return session


def _with_following(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Return each with the one after it: what they share is kept."""
    return zip_longest(items, items[1:])


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End this process if it takes longer, in CPU time: some changes never come to an end."""
    signal.signal(signal.SIGPROF, lambda *_: os._exit(_TOO_SLOW))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def main(processes: str, seconds: str) -> None:
    """Have mutmut make the changes, and try them."""
    # Only its own environment has it.
    from mutmut.__main__ import cli
    from mutmut.configuration import config
    from mutmut.runners.harness import ListAllTestsResult
    from mutmut.state import state
    from mutmut.workers import isolation

    isolation.PytestRunner = partial(Runner, float(seconds), state, config, ListAllTestsResult)
    cli(["run", "--max-children", processes])


if __name__ == "__main__":
    main(*sys.argv[1:])
