"""Where a plan goes: a terminal, JSON, and a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scimbridge.cli import plan_text
from scimbridge.cli.output import note, say, say_json
from scimbridge.dashboard import rehearsal_page
from scimbridge.documents import plan_document, rehearsal_document, replay_document
from scimbridge.services.rehearsal import FileRehearsal, Rehearsal, Replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What was asked for: text, or JSON; and a page beside it."""

    now: datetime
    html: Path | None
    as_json: bool

    def show_people(self, found: Sequence[Rehearsal]) -> None:
        """Show what would happen to everybody of a name."""
        if self.html is not None:
            self._write(self.html, rehearsal_page.of_people(found, self.now))
        if self.as_json:
            say_json([rehearsal_document(rehearsal) for rehearsal in found])
        else:
            for rehearsal in found:
                plan_text.say_rehearsal(rehearsal, self.now)

    def show_file(self, found: FileRehearsal) -> None:
        """Show what a file of leavers would lead to; beside a page, the terminal has the summary."""
        if self.html is not None:
            self._write(self.html, rehearsal_page.of_file(found, list(plan_text.summary(found)), self.now))
        if self.as_json:
            say_json(plan_document(found))
        elif self.html is not None:
            say(*plan_text.summary(found))
        else:
            plan_text.say_file(found)

    def show_replay(self, found: Replay, *, everything: bool) -> None:
        """Show what other rules would have made of the past."""
        shown = found.facts if everything else found.different
        if self.html is not None:
            self._write(self.html, rehearsal_page.of_replay(shown, list(plan_text.replay_summary(found)), self.now))
        if self.as_json:
            say_json(replay_document(found, everything=everything))
        elif self.html is not None:
            say(*plan_text.replay_summary(found))
        else:
            plan_text.say_replay(found, everything=everything)

    def _write(self, path: Path, content: str) -> None:
        """Write a page for whoever runs the command alone: it names people."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        note(f"The page is in {path}.")
