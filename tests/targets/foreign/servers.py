"""The servers, and what a test can do to each by its own API, without a connector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from tests.bench.peers import node_server, scim2_server
from tests.bench.stage import running, wait_for
from tests.servers import quiet_port
from tests.targets.foreign.environments import environment

TOKEN = "a-token-of-the-tests"
PASSWORD = "Correct-horse-7-battery"
HERE = Path(__file__).parent
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Document = dict[str, Any]


@dataclass
class Foreign:
    """A running server.

    Attributes:
        settings: What its target's table says beside address and token.
        signs_in: Asks the server itself whether a userName may sign in with ``PASSWORD``; ``None`` where nobody can.
        has_groups: Whether the bridge can take accounts out of its groups.
        members_are: What groups call their members by.
    """

    base_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    signs_in: Callable[[str], bool] | None = None
    has_groups: bool = True
    members_are: Literal["ids", "names"] = "ids"

    def __post_init__(self) -> None:
        self.http = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)

    def create_user(self, name: str) -> str:
        """Create somebody who can sign in, and return their id."""
        document = {
            "schemas": [USER],
            "userName": name,
            "name": {"formatted": name.title(), "familyName": name.title(), "givenName": "A."},
            "emails": [{"value": f"{name}@example.com"}],
            "active": True,
            "password": PASSWORD,
        }
        return str(self._send("POST", "/Users", json=document)["id"])

    def user(self, user_id: str) -> Document | None:
        """Return a user's document; ``None`` where the server says that there is none."""
        answer = self.http.get(f"{self.base_url}/Users/{user_id}")
        if answer.status_code == 404:
            return None
        found: Document = answer.raise_for_status().json()
        return found

    def create_group(self, name: str, *members: str) -> str:
        """Create a group with members, and return its id."""
        listed = [{"value": each, "$ref": f"{self.base_url}/Users/{each}"} for each in members]
        document = {"schemas": [GROUP], "displayName": name, "members": listed}
        group_id = str(self._send("POST", "/Groups", json=document)["id"])
        if not self.members(group_id):  # some take members by PATCH alone
            adding = {"op": "add", "path": "members", "value": listed}
            body = {"schemas": [PATCH], "Operations": [adding]}
            self.http.patch(f"{self.base_url}/Groups/{group_id}", json=body).raise_for_status()
        return group_id

    def members(self, group_id: str) -> set[str]:
        """Return how a group calls those who are in it."""
        group = self._send("GET", f"/Groups/{group_id}")
        return {str(each["value"]) for each in group.get("members") or ()}

    def _send(self, method: str, path: str, **more: Any) -> Document:
        answer = self.http.request(method, f"{self.base_url}{path}", **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        found: Document = answer.json()
        return found


@contextmanager
def a_scim2_server(folder: Path) -> Iterator[Foreign]:
    """scim2-server (Python), in memory."""
    with scim2_server(folder) as peer:
        yield Foreign(peer.base_url)


@contextmanager
def scimmy(folder: Path) -> Iterator[Foreign]:
    """SCIMMY behind its Express routers (Node.js), in memory."""
    with node_server(folder) as peer:
        yield Foreign(peer.base_url)


@contextmanager
def canaille(folder: Path) -> Iterator[Foreign]:
    """Canaille, a whole identity provider, in memory; people sign in at its token endpoint."""
    port = quiet_port()
    origin = f"http://127.0.0.1:{port}"

    def signs_in(name: str) -> bool:
        asked = {"grant_type": "password", "username": name, "password": PASSWORD, "scope": "openid profile"}
        client = {"client_id": "bridge", "client_secret": PASSWORD}
        answer = httpx.post(f"{origin}/oauth/token", data={**asked, **client}, timeout=30)
        return answer.is_success and "access_token" in answer.json()

    program = [environment("canaille"), HERE / "canaille_app.py", str(port), TOKEN, PASSWORD]
    with running(list(map(str, program)), folder / "canaille.log"):
        wait_for(f"{origin}/.well-known/openid-configuration")
        yield Foreign(f"{origin}/scim/v2", {"dialect": "canaille"}, signs_in, has_groups=False, members_are="names")


@contextmanager
def django(folder: Path) -> Iterator[Foreign]:
    """A Django project with django-scim2, in SQLite; people sign in by Django's own backend."""
    port = quiet_port()
    origin = f"http://127.0.0.1:{port}"

    def signs_in(name: str) -> bool:
        answer = httpx.post(f"{origin}/login", data={"username": name, "password": PASSWORD}, timeout=30)
        return answer.is_success

    program = [environment("django"), HERE / "django_site" / "serve.py", str(port), TOKEN, PASSWORD, folder]
    with running(list(map(str, program)), folder / "django.log"):
        wait_for(f"{origin}/login", status=405)
        yield Foreign(f"{origin}/scim/v2", {"dialect": "django-scim2"}, signs_in)


SERVERS = {"scim2-server": a_scim2_server, "scimmy-routers": scimmy, "canaille": canaille, "django-scim2": django}
"""Each by the name of its package."""
