"""A root of home folders, as its administrator sees it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.home_folder import HomeFolderConfig, HomeFolderConnector
from scimbridge.sdk import Context, Permit
from scimbridge.sdk.testing import RecordingPermit

OWNER = 12345
"""Whose the folders are."""


class Homes:
    """Folders and archives in a scratch folder.

    Attributes:
        root: Where the home folders are.
        archives: Where their archives are.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            message = "home folders belong to others: run these tests as root"
            raise RuntimeError(message)
        self.root = folder / "homes"
        self.archives = folder / "archives"
        self.state = self.root / ".scimbridge"
        self.root.mkdir(mode=0o755)
        self.archives.mkdir(mode=0o700)
        self.state.mkdir(mode=0o700)
        self._paths: dict[str, str] = {}
        self._seen = self._everything()
        self._writes = 0

    def connector(self, permit: Permit | None = None, **settings: Any) -> HomeFolderConnector:
        """Return a connector; a test says what is not as usual."""
        values = {"root": self.root, "archives": self.archives, "spare_gib": 0, **settings}
        config = HomeFolderConfig.model_validate({"connector": "home-folder", **values})
        return HomeFolderConnector(config, Context(target="homes", permit=permit or RecordingPermit()))

    def add(self, name: str, files: Mapping[str, str] | None = None) -> str:
        """Make a folder, and return the id that the connector has for it."""
        path = self.root / name
        path.mkdir(mode=0o750)
        for inner, text in (files or {}).items():
            (path / inner).parent.mkdir(parents=True, exist_ok=True)
            (path / inner).write_text(text)
        os.chown(path, OWNER, -1)
        (account_id,) = (
            each.id
            for page in self.connector().list_accounts()
            for each in page.accounts
            if each.name == name.replace("\n", "\\x0a")
        )
        self._paths[account_id] = name
        self._writes_so_far()
        return account_id

    def path_of(self, account_id: str) -> Path | None:
        """Return where a folder is, if it is there."""
        path = self.root / self._paths[account_id]
        return path if path.is_dir() else None

    @staticmethod
    def look(path: Path) -> dict[str, Any]:
        """Return all that a folder holds, with owners, modes and times."""
        return {str(each.relative_to(path)): _described(each) for each in (path, *sorted(path.rglob("*")))}

    def inside(self, path: Path) -> dict[str, Any]:
        """Return what is in a folder, without the folder itself."""
        return {inner: told for inner, told in self.look(path).items() if inner != "."}

    def made(self, ending: str = ".tar.gz") -> list[Path]:
        """Return the archives that count, the newest last."""
        return sorted(each for each in self.archives.iterdir() if each.name.endswith(ending))

    def writes(self) -> int:
        """Return how often anything was found changed, in a home or among the archives."""
        self._writes_so_far()
        return self._writes

    def _writes_so_far(self) -> None:
        now = self._everything()
        self._writes += now != self._seen
        self._seen = now

    def _everything(self) -> dict[str, Any]:
        return {**self.look(self.root), **{f"a:{key}": value for key, value in self.look(self.archives).items()}}


def _described(path: Path) -> tuple[Any, ...]:
    status = path.lstat()
    told = (stat.filemode(status.st_mode), status.st_uid, status.st_gid)
    if path.is_symlink():
        return (*told, str(path.readlink()))
    if path.is_dir():
        return told
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return (*told, status.st_mtime_ns, status.st_nlink, content)
