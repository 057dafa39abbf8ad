"""Environments for servers that are no dependency of ours: made once, anew when their list has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".tools" / "foreign"


def environment(name: str) -> Path:
    """Return the Python of an environment with the packages that ``NAME.txt`` names, and no others.

    Raises:
        RuntimeError: They cannot be fetched.
    """
    wanted = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    home = CACHE / name
    made = home / "made-of.txt"
    if not made.exists() or made.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _run("venv", "--quiet", "--python", sys.executable, str(home))
        listed = Path(__file__).with_name(f"{name}.txt")
        _run("pip", "install", "--quiet", "--no-deps", "--python", str(home / "bin" / "python"), "-r", str(listed))
        made.write_text(wanted, encoding="utf-8")  # last, so that half an environment is made again
    return home / "bin" / "python"


def _run(*arguments: str) -> None:
    uv = subprocess.check_output([sys.executable, ROOT / "deploy" / "bootstrap.py"], text=True).strip()
    done = subprocess.run([uv, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"uv {arguments[0]} failed: {done.stderr.strip()[-500:]}")
