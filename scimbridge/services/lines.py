"""Files of which each line asks for something: all lines are looked at before the first one is done."""

from __future__ import annotations

from collections.abc import Callable

from scimbridge.domain.request import AnyFinding, LineReport

Progress = Callable[[int], None]
"""Told how many lines are done."""


def silent(_done: int) -> None:
    """Tell nobody."""


def carry_out(
    seen: LineReport[AnyFinding],
    take: Callable[[AnyFinding], AnyFinding],
    *,
    takes: Callable[[AnyFinding], bool],
    partial: bool,
    progress: Progress,
) -> LineReport[AnyFinding]:
    """Do what was asked, line by line, each in a transaction of its own.

    Where a line cannot be done, nothing is, unless ``partial`` says so. Whoever is interrupted
    asks again for the same: what was done stays so, and is not done twice.

    Args:
        seen: What would become of each line.
        take: Does a line, and returns what became of it.
        takes: Whether there is something to do about a line.
        partial: Do the lines that can be done.
        progress: Told how many lines are done.
    """
    if seen.failed and not partial:
        return seen
    findings: list[AnyFinding] = []
    for finding in seen.findings:
        findings.append(take(finding) if takes(finding) else finding)
        progress(len(findings))
    return LineReport(findings, is_done=True)
