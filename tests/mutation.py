"""Change the code bit by bit, and see whether a test notices: ``make mutate``.

mutmut does the work, in a copy of the repository below ``build``. It runs, for each change, the tests
that came by the changed function, and remembers what it found: a second run only tries what has
changed. It does not change what stands outside of functions, nor functions with decorators.

    make mutate ARGS="scimbridge/domain/plan.py"
    make mutate ARGS="scimbridge/domain/plan.py --tests tests/domain tests/services/test_leavers.py --least 95"
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build" / "mutation"
MUTMUT = Path(sys.executable).with_name("mutmut")
COPIED = ("connectors", "docs", "deploy")
"""What tests read beside the package, themselves and ``pyproject.toml``."""

_ENGINE = ("execution", "claiming", "recording", "eligibility", "settling")
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "scimbridge/domain/*.py": ("tests/domain",),
    **{f"scimbridge/services/{name}.py": ("tests/services",) for name in _ENGINE},
}
"""What is changed where nothing else is said, with the tests that should notice."""

_LEFT_OUT = ("--deselect", "tests/services/test_machine.py", "-k", "not postgresql", "-p", "no:cacheprovider")
"""Both stores run the same rules; and the machine needs a minute for what other tests show at once."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the changes.

    Attributes:
        killed: A test failed, or took far too long.
        survived: No test noticed.
        untested: No test came by.
    """

    killed: int
    survived: int
    untested: int

    @property
    def percent(self) -> float:
        """The share that was noticed, of all."""
        total = self.killed + self.survived + self.untested
        return 100 * self.killed / total if total else 100.0


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


def figures_of(stats: Mapping[str, int]) -> Figures:
    """Return the figures in what mutmut exports."""
    return Figures(
        killed=sum(stats.get(name, 0) for name in ("killed", "timeout", "segfault")),
        survived=stats.get("survived", 0) + stats.get("suspicious", 0),
        untested=stats.get("no_tests", 0) + stats.get("skipped", 0),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns 1 where fewer were noticed than asked for."""
    parser = argparse.ArgumentParser(prog="make mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("subjects", nargs="*", help="files of scimbridge (default: domain, and the engine's services)")
    parser.add_argument("--tests", nargs="+", help="the tests that should notice (default: by a table)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--least", type=float, default=0, help="the share in percent that has to be noticed")
    parser.add_argument("--diffs", action="store_true", help="show each change that nobody noticed")
    wanted = parser.parse_args(arguments)
    subjects = wanted.subjects or list(SUBJECTS)
    _refresh_copy()
    (COPY / "setup.cfg").write_text(configuration(subjects, wanted.tests or noticing_for(subjects)))
    if _mutmut("run", "--max-children", str(wanted.processes), quiet=False) is None:
        return 2
    _report(show_diffs=wanted.diffs)
    _mutmut("export-cicd-stats")
    figures = figures_of(json.loads((COPY / "mutants" / "mutmut-cicd-stats.json").read_text()))
    print(f"{figures.percent:.1f} % noticed: {figures}")
    return 0 if figures.percent >= wanted.least else 1


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


def _mutmut(*arguments: str, quiet: bool = True) -> str | None:
    """Return what mutmut prints, or ``None`` where it failed."""
    done = subprocess.run([MUTMUT, *arguments], cwd=COPY, stdout=subprocess.PIPE if quiet else None, text=True)
    return None if done.returncode else done.stdout or ""


def _report(*, show_diffs: bool) -> None:
    for line in (_mutmut("results") or "").splitlines():
        name, _, became = line.strip().partition(": ")
        print(f"{became}: {name}")
        if show_diffs and became == "survived":
            print(_mutmut("show", name))


if __name__ == "__main__":
    sys.exit(main())
