"""Stopping and starting a PostgreSQL that a test runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sqlalchemy import text

from scimbridge.store.database import Database


class ServerControl:
    """Stops the server behind a database as a power cut would, and starts it again where it was.

    Args:
        database: A store on the server, which is asked where its programs and files are.
    """

    def __init__(self, database: Database) -> None:
        with database.read() as tx:
            self._data = str(tx.execute(text("SHOW data_directory")).scalar_one())
            programs = tx.execute(text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")).scalar_one()
        self._pg_ctl = str(Path(programs) / "pg_ctl")

    def stop(self) -> None:
        """Stop it at once, without a word to anybody."""
        self._run("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it with the options that it had, and wait until it can be used."""
        # A server that pg_ctl starts outlives it; its output must not keep a pipe of ours open.
        self._run("start", "-w", "-l", os.devnull, "-o", self._options())

    def _options(self) -> str:
        # The first line that the server wrote itself: its program, then -D, the folder, and all the rest.
        words = (Path(self._data) / "postmaster.opts").read_text(encoding="utf-8").split(None, 1)[1]
        return words.replace('"-D"', "").replace(f'"{self._data}"', "").strip()

    def _run(self, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, self._pg_ctl, "-D", self._data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
