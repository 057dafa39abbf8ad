"""Runs a whole bridge under its supervisor: ``python -m tests.processes.up CONFIG``; says ``ready``."""

from __future__ import annotations

import sys
from pathlib import Path

from scimbridge.config import load
from scimbridge.supervisor import up

if __name__ == "__main__":
    up(load(Path(sys.argv[1])), on_ready=lambda: print("ready", flush=True))
