"""What the shell offers for a name: those of the configuration, without opening anything else."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import typer


def _names(section: str) -> Callable[[typer.Context, str], list[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        given = ctx.params.get("config") or os.environ.get("SCIMBRIDGE_CONFIG") or "scimbridge.toml"
        try:
            named = tomllib.loads(Path(given).read_text(encoding="utf-8")).get(section, {})
        except (OSError, ValueError):  # whoever is typing is not told of it here; the command will
            return []
        return sorted(name for name in named if name.startswith(incomplete)) if isinstance(named, dict) else []

    return complete


sources = _names("sources")
"""Sources that the configuration names."""

targets = _names("targets")
"""Targets that the configuration names."""
