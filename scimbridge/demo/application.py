"""The sample SCIM application, as its administrator sees it."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from scimbridge.demo.cast import Access, Person
from scimbridge.demo.starting import InstallationError, announced, last_line, start, stop


class Application:
    """The sample SCIM application in a process of its own, and what its administrator can see.

    Args:
        folder: For its log.
        keep_waiting: Asked while it starts; False gives up.

    Raises:
        InstallationError: It does not start.
    """

    def __init__(self, folder: Path, keep_waiting: Callable[[], bool]) -> None:
        self.token = secrets.token_urlsafe(24)
        self._log = folder / "application.jsonl"
        self._log.touch()
        # With "=", or one token in 64 would begin with a dash and look like an option.
        command = [
            sys.executable,
            "-m",
            "scimbridge.demo.scim_target",
            f"--token={self.token}",
            "--log",
            str(self._log),
        ]
        self.process = start(command, folder / "application.log")
        origin = announced(self.process, "listening ", keep_waiting)
        if origin is None:
            stop(self.process)
            raise InstallationError(f"the sample application did not start: {last_line(folder / 'application.log')}")
        self.base_url = f"{origin}/v2"
        self._control = f"{origin}/_control"
        self._http = httpx.Client(headers={"Authorization": f"Bearer {self.token}"}, timeout=10)

    def add_person(self, person: Person) -> None:
        """Give somebody an account."""
        document = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": person.user_name,
            "displayName": f"{person.name} {person.family}",
            "active": True,
        }
        self._http.post(f"{self.base_url}/Users", json=document).raise_for_status()

    def access(self, person: Person) -> Access:
        """Return what it holds for somebody."""
        query = {"filter": f'userName eq "{person.user_name}"'}
        found = self._http.get(f"{self.base_url}/Users", params=query).raise_for_status().json().get("Resources") or []
        if not found:
            return Access.GONE
        return Access.ACTIVE if found[0]["active"] else Access.SUSPENDED

    def misbehave(self, **faults: int | str | bool) -> None:
        """Make it fail; see ``scim_target``."""
        self._http.post(self._control, json=faults).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Return its own log: one entry per request, oldest first."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        """End it."""
        self._http.close()
        stop(self.process)
