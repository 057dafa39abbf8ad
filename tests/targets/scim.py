"""A real SCIM service for tests: the sample target in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

TOKEN = "sample-target-token"
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ScimTarget:
    """What a test can do to a running sample target, and see of it, without a connector."""

    def __init__(self, origin: str, log: Path, process: subprocess.Popen[str], *, patches: bool = True) -> None:
        self.base_url = f"{origin}/v2"
        self.patches = patches
        self.log = log
        self.process = process
        self._http = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, verify=False)
        self._control = f"{origin}/_control"

    def create_user(self, user_name: str, **attributes: Any) -> str:
        """Create an active user and return its id."""
        document = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": user_name,
            "active": True,
            **attributes,
        }
        document["schemas"] += [key for key in attributes if key.startswith("urn:")]
        answer = self._http.post(f"{self.base_url}/Users", json=document).raise_for_status()
        return str(answer.json()["id"])

    def user(self, user_id: str) -> dict[str, Any] | None:
        """Return a user's document without ``meta``, or ``None``."""
        answer = self._http.get(f"{self.base_url}/Users/{user_id}")
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        document.pop("meta")
        return document

    def create_group(self, name: str, *members: str) -> str:
        """Create a group of these users and return its id."""
        document = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": [{"value": each} for each in members],
        }
        answer = self._http.post(f"{self.base_url}/Groups", json=document).raise_for_status()
        return str(answer.json()["id"])

    def group(self, group_id: str) -> dict[str, Any] | None:
        """Return a group's document without ``meta``, or ``None``."""
        answer = self._http.get(f"{self.base_url}/Groups/{group_id}")
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        document.pop("meta")
        return document

    def join(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        document = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": user_id}]}],
        }
        self._http.patch(f"{self.base_url}/Groups/{group_id}", json=document).raise_for_status()

    def members(self, group_id: str) -> set[str]:
        """Return the ids of those who are in a group."""
        group = self._http.get(f"{self.base_url}/Groups/{group_id}").raise_for_status().json()
        return {str(each["value"]) for each in group.get("members", ())}

    def groups_of(self, user_id: str) -> set[str]:
        """Return the names of the groups that a user is in."""
        found = self._http.get(f"{self.base_url}/Groups", params={"count": "1000"}).raise_for_status().json()
        return {
            str(group["displayName"])
            for group in found.get("Resources", ())
            if user_id in {each["value"] for each in group.get("members", ())}
        }

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        self._http.delete(f"{self.base_url}/Groups/{group_id}").raise_for_status()

    def give(self, user_id: str, **attributes: Any) -> None:
        """Set attributes of a user."""
        document = self._http.get(f"{self.base_url}/Users/{user_id}").raise_for_status().json()
        self._http.put(f"{self.base_url}/Users/{user_id}", json={**document, **attributes}).raise_for_status()

    def faults(self, **settings: Any) -> None:
        """Make it misbehave; see ``scimbridge.demo.scim_target``."""
        self._http.post(self._control, json=settings).raise_for_status()

    def recover(self) -> None:
        """End all misbehavior."""
        self.faults(unavailable=0, throttled=0, lost=0, lying=False, hanging=False, holding=False, delay_ms=0)

    def empty(self) -> None:
        """End all misbehavior, delete all users, and clear the log."""
        self.recover()
        for user in self._http.get(f"{self.base_url}/Users").raise_for_status().json().get("Resources", ()):
            self._http.delete(f"{self.base_url}/Users/{user['id']}").raise_for_status()
        os.truncate(self.log, 0)

    def requests(self) -> list[dict[str, Any]]:
        """Return the log: one entry per request, in order."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def writes(self) -> list[dict[str, Any]]:
        """Return the log's writing requests."""
        return [entry for entry in self.requests() if entry["method"] in WRITING]

    def effective_writes(self) -> list[dict[str, Any]]:
        """Return the log's requests after which something was another than before."""
        return [entry for entry in self.requests() if entry["effective"]]

    def close(self) -> None:
        """End the process."""
        self._http.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running_scim_target(folder: Path, *, patch: bool = True) -> Iterator[ScimTarget]:
    """Run a sample target on a free port; its log goes into the folder."""
    log = folder / "scim-target.jsonl"
    log.touch()
    command = [sys.executable, "-m", "scimbridge.demo.scim_target", "--token", TOKEN, "--log", str(log)]
    process = subprocess.Popen(
        command if patch else [*command, "--no-patch"], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening "), f"the sample target did not start: {line!r}"
    target = ScimTarget(line.split()[1], log, process, patches=patch)
    try:
        yield target
    finally:
        target.close()
