"""Change the code bit by bit, and see whether a test notices: ``make mutate``.

mutmut makes the changes, in a copy of the repository below ``build``, and ``trying.py`` runs, for each, the
tests that came by the changed function. What was found is remembered: a second run only tries what has
changed, and what nobody noticed. What stands outside of functions is not changed, nor functions with decorators.

What no test can notice stands in ``survivors.toml`` with its reason, and is counted apart.

    make mutate ARGS="scimbridge/domain/plan.py"
    make mutate ARGS="scimbridge/domain/plan.py --tests tests/domain tests/services/test_leavers.py --least 95"
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from tests import survivors
from tests.survivors import Change

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / "mutation"
STATS = COPY / "mutants" / "mutmut-stats.json"
"""Which tests come by which function; where a function is new, mutmut would ask new tests alone."""
MUTMUT = Path(sys.executable).with_name("mutmut")
COPIED = ("connectors", "docs", "deploy")
"""What tests read beside the package, themselves and ``pyproject.toml``."""

_ENGINE = (
    "execution",
    "claiming",
    "permit",
    "preconditions",
    "eligibility",
    "recording",
    "aftermath",
    "settling",
)
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "scimbridge/domain/*.py": ("tests/domain",),
    **{f"scimbridge/services/{name}.py": ("tests/services",) for name in _ENGINE},
}
"""What is changed where nothing else is said, with the tests that should notice."""

_LEFT_OUT = ("--deselect", "tests/services/test_machine.py", "-k", "not postgresql", "-p", "no:cacheprovider")
"""Both stores run the same rules; and the machine needs a minute for what other tests show at once."""

_NOTICED = frozenset({"killed", "timeout", "segfault"})
_SURVIVED = frozenset({"survived", "suspicious"})
"""mutmut's words; the others say that no test came by."""

_NOT_NOTICED = (0, 2, 5, 33, 35)
"""What it keeps for them: all tests passed, were interrupted or had none among them, or none came by."""

_DIFFS = """
import json, sys
from mutmut.mutation.diff_apply import get_diff_for_mutant
json.dump({name: get_diff_for_mutant(name) for name in json.load(sys.stdin)}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the changes.

    Attributes:
        killed: A test failed, or took far too long.
        listed: No test can notice, and the list says why.
        survived: No test noticed.
        untested: No test came by.
    """

    killed: int = 0
    listed: int = 0
    survived: int = 0
    untested: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.killed + self.listed + self.survived + self.untested

    @property
    def percent(self) -> float:
        """The share that was noticed, of all."""
        return 100 * self.killed / self.total if self.total else 100.0

    @property
    def percent_of_noticeable(self) -> float:
        """The share that was noticed, of what is not listed."""
        return 100 * self.killed / (self.total - self.listed) if self.total > self.listed else 100.0

    def __str__(self) -> str:
        return (
            f"{self.killed} of {self.total} noticed ({self.percent:.1f} %); {self.listed} listed, "
            f"{self.survived} survived, {self.untested} untested: {self.percent_of_noticeable:.1f} % of the noticeable"
        )


def noticing_for(subjects: Iterable[str]) -> list[str]:
    """Return the tests of the table for some subjects; those of all of it for what it does not name."""
    found: dict[str, None] = {}
    for subject in subjects:
        named = [tests for pattern, tests in SUBJECTS.items() if Path(subject).match(pattern) or subject == pattern]
        for tests in named or SUBJECTS.values():
            found |= dict.fromkeys(tests)
    return list(found)


def configuration(subjects: Sequence[str], tests: Sequence[str]) -> str:
    """Return mutmut's configuration."""
    settings = {
        "source_paths": ["scimbridge"],
        "also_copy": COPIED,
        "only_mutate": subjects,
        "pytest_add_cli_args": _LEFT_OUT,
        "pytest_add_cli_args_test_selection": tests,
    }
    lines = [f"{name} =\n" + "".join(f"    {value}\n" for value in values) for name, values in settings.items()]
    return "[mutmut]\n" + "".join(lines)


def figures_of(statuses: Mapping[str, str], listed: Collection[str]) -> Figures:
    """Return the figures in what mutmut says of each change.

    Args:
        statuses: mutmut's word for each, by its name.
        listed: Those that the list explains.
    """
    counts = Counter(
        "killed"
        if status in _NOTICED
        else "listed"
        if name in listed
        else "survived"
        if status in _SURVIVED
        else "untested"
        for name, status in statuses.items()
    )
    return Figures(**counts)


def by_module(statuses: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what mutmut says of each change, module by module."""
    found: dict[str, dict[str, str]] = {}
    for name, status in statuses.items():
        found.setdefault(name.rpartition(".")[0], {})[name] = status
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns 1 where fewer were noticed than asked for."""
    parser = argparse.ArgumentParser(prog="make mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("subjects", nargs="*", help="files of scimbridge (default: domain, and the engine's services)")
    parser.add_argument("--tests", nargs="+", help="the tests that should notice (default: by a table)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=inf, help="give a change up after tests of so many seconds")
    parser.add_argument("--least", type=float, default=0, help="the share in percent that has to be noticed")
    parser.add_argument("--diffs", action="store_true", help="show each change that nobody noticed")
    wanted = parser.parse_args(arguments)
    subjects = wanted.subjects or list(SUBJECTS)
    _refresh_copy()
    _configure(subjects, wanted.tests or noticing_for(subjects))
    _forget_what_nobody_noticed()
    # Without the folder it is in: the modules of tests have names of their own in the tree with the changes.
    trying = [sys.executable, "-P", str(ROOT / "tests" / "trying.py"), str(wanted.processes), str(wanted.seconds)]
    if subprocess.run(trying, cwd=COPY).returncode:
        return 2
    return _report(_statuses(), least=wanted.least, show_diffs=wanted.diffs)


def _report(statuses: Mapping[str, str], *, least: float, show_diffs: bool) -> int:
    """Print what became of the changes; returns 1 where it is not good enough, or the list is out of date."""
    entries = [change for kind in survivors.listed() for change in kind.changes]
    changes = _changes([name for name, status in statuses.items() if status not in _NOTICED])
    listed = {name for name, change in changes.items() if any(entry.covers(change) for entry in entries)}
    for name, change in changes.items():
        if name not in listed:
            print(f"{statuses[name]}: {change if show_diffs else name}")
    modules = by_module(statuses)
    for module, ours in sorted(modules.items()):
        print(f"{module}: {figures_of(ours, listed)}")
    unused = survivors.unused(entries, changes.values(), modules)
    for entry in unused:
        print(f"listed, but noticed or gone: {entry}")
    figures = figures_of(statuses, listed)
    print(figures)
    return 1 if unused or figures.percent_of_noticeable < least else 0


def _refresh_copy() -> None:
    """Bring the copy up to date; times of files that are the same stay, so that results are kept."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    files = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for old in COPY.rglob("*") if COPY.exists() else ():
        name = str(old.relative_to(COPY))
        if old.is_file() and name not in files and not name.startswith(("mutants/", ".")):
            old.unlink()
    for name in sorted(files):
        there = COPY / name
        if not there.exists() or there.read_bytes() != (ROOT / name).read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, there)
            if name.startswith("scimbridge/"):
                STATS.unlink(missing_ok=True)


def _configure(subjects: Sequence[str], tests: Sequence[str]) -> None:
    """Write mutmut's configuration.

    A file that was none of the subjects before was copied as it is, and mutmut takes that for its own work.
    """
    path, text = COPY / "setup.cfg", configuration(subjects, tests)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        STATS.unlink(missing_ok=True)
        for subject in subjects:
            for file in COPY.glob(subject):
                file.touch()


def _forget_what_nobody_noticed() -> None:
    """Have mutmut try again what it found that no test notices: there may be a test by now."""
    for path in (COPY / "mutants").rglob("*.meta"):
        found = json.loads(path.read_text())
        found["exit_code_by_key"] = again(found["exit_code_by_key"])
        path.write_text(json.dumps(found))


def again(codes: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return what mutmut remembers of each change, as pytest's exit code, without those that no test noticed."""
    return {name: None if code in _NOT_NOTICED else code for name, code in codes.items()}


def _mutmut(*arguments: str, quiet: bool = True) -> str | None:
    """Return what mutmut prints, or ``None`` where it failed."""
    done = subprocess.run([MUTMUT, *arguments], cwd=COPY, stdout=subprocess.PIPE if quiet else None, text=True)
    return None if done.returncode else done.stdout or ""


def _statuses() -> dict[str, str]:
    """Return mutmut's word for each change, by the change's name."""
    lines = (_mutmut("results", "--all", "true") or "").splitlines()
    return {name: status for name, _, status in (line.strip().partition(": ") for line in lines) if status}


def _changes(names: Collection[str]) -> dict[str, Change]:
    """Return what mutmut changed, by name; all in one process, because each would take a second."""
    done = subprocess.run(
        [sys.executable, "-c", _DIFFS], cwd=COPY, input=json.dumps(names), capture_output=True, check=True, text=True
    )
    return {name: survivors.change_of(name, diff) for name, diff in json.loads(done.stdout).items()}


if __name__ == "__main__":
    sys.exit(main())
