"""Packages of others, put where pip would put them."""

from __future__ import annotations

from pathlib import Path

from scimbridge import registry

FITS = """
from scimbridge.sdk import Connector, TargetConfig

class Desk(Connector[TargetConfig]):
    kind = "desk"
    contract = 1
    config_type = TargetConfig
    check = find = read = lambda *_: None
"""
"""A connector that can be used, and can do nothing."""


def install(site: Path, package: str, source: str, *, kind: str = "desk", value: str = "Desk") -> None:
    """Put a distribution into a folder: a module, and the metadata that names its entry point."""
    module = package.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{kind} = {module}:{value}\n" if kind else "")
