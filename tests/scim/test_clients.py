"""Clients that other people wrote take people and groups through their lives, at a started server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import (
    Error,
    ListResponse,
    PatchOp,
    PatchOperation,
    SearchRequest,
    UniquenessException,
)

from tests.processes.serving import Server

NODE = Path(__file__).parent / "node"


# -- scim2-client -------------------------------------------------------------


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """A client that has asked the server what there is, and checks every answer against that."""
    headers = {"Authorization": f"Bearer {server.new_source()}"}
    with httpx2.Client(base_url=server.base, headers=headers) as http:
        client = SyncSCIMClient(http)
        client.discover()
        yield client


def test_scim2_client_takes_a_user_through_its_life(client: Any) -> None:
    model = client.get_resource_model("User")

    user = client.create(model(user_name="ada@example.com", external_id="1", active=True))
    with pytest.raises(UniquenessException):
        client.create(model(user_name="ADA@example.com"))
    user.display_name = "Ada Lovelace"
    replaced = client.replace(user)
    found = client.query(model, query_parameters=SearchRequest(filter='userName eq "Ada@Example.com"'))
    client.modify(model, user.id, patch_of(model, "replace", "active", value=False))
    read = client.query(model, user.id)
    client.delete(model, user.id)
    gone = client.query(model, user.id, raise_scim_errors=False)

    assert replaced.display_name == "Ada Lovelace"
    assert [each.id for each in found.resources] == [user.id]
    assert read.active is False
    assert isinstance(gone, Error)
    assert gone.status == 404


def test_scim2_client_takes_a_group_through_its_life(client: Any) -> None:
    user_model, model = client.get_resource_model("User"), client.get_resource_model("Group")

    ada, ben = (client.create(user_model(user_name=name, active=True)) for name in ("ada", "ben"))
    group = client.create(model(display_name="Engineers", members=[{"value": ada.id}]))
    client.modify(model, group.id, patch_of(model, "add", "members", value=[{"value": ben.id}]))
    client.modify(model, group.id, patch_of(model, "remove", f'members[value eq "{ada.id}"]'))
    read = client.query(model, group.id)
    groups_of_ben = client.query(user_model, ben.id).groups
    found = client.query(model, query_parameters=SearchRequest(filter=f'members.value eq "{ben.id}"'))
    client.delete(model, group.id)
    left = client.query(model)

    assert [member.value for member in read.members] == [ben.id]
    assert [each.value for each in groups_of_ben] == [group.id]
    assert [each.id for each in found.resources] == [group.id]
    assert isinstance(left, ListResponse)
    assert left.total_results == 0


def patch_of(model: Any, verb: str, path: str, **value: Any) -> Any:
    """Return a PATCH message of one operation."""
    return PatchOp[model](operations=[PatchOperation(op=PatchOperation.Op(verb), path=path, **value)])


# -- one of npm's -------------------------------------------------------------


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script with its client installed beside it, exactly as the lock file says."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js (Debian: nodejs npm), or run deploy/servers.sh"
    folder = tmp_path_factory.mktemp("node")
    for file in NODE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return folder / "lifecycle.js"


def test_an_npm_client_takes_users_and_a_group_through_their_lives(server: Server, script: Path) -> None:
    done = subprocess.run(
        ["node", str(script), server.url, server.new_source()], capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    ada, ben = seen["created"]["id"], seen["ben"]
    assert seen["read"] == seen["created"]
    assert seen["duplicate"] == 409
    assert (seen["updated"]["displayName"], "name" in seen["updated"]) == ("Ada L.", False)
    assert seen["members"] == [ben]
    assert len(seen["groupFound"]) == 1
    assert set(seen["all"]) == {"ada@example.com", "ben@example.com"}
    assert seen["found"] == [ada]
    assert seen["deactivated"]["active"] is False
    assert seen["inactive"] == [ada]
    assert (seen["deleted"], seen["membersLeft"], seen["groupDeleted"]) == (404, [], 404)


def test_the_lock_file_names_no_other_registry() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]

    resolved = [package["resolved"] for package in packages.values() if "resolved" in package]
    assert all(address.startswith("https://registry.npmjs.org/") for address in resolved)
    assert all("integrity" in package for name, package in packages.items() if name)
