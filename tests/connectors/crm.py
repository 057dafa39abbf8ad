"""A small service with an API of its own, over a real socket: what a webhook target is for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scimbridge.sdk import Context, Permit
from scimbridge.sdk.testing import RecordingPermit

TOKEN = "crm-token"
KEY = b"k" * 32
SIGNING_SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
TEAMS = {"t1": "Sales", "t2": "Support", "t9": "Owners"}

Reply = tuple[int, dict[str, Any] | None]


class Crm:
    """Users with teams and seats.

    Attributes:
        lies: Whether it answers that it did, and does nothing.
        calls: Each call as method, path and JSON body.
        broken: What it answers to everything instead.
    """

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.lies = False
        self.broken: tuple[int, bytes, dict[str, str]] | None = None
        self.address = ""
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, login: str, **more: Any) -> str:
        user_id = f"u/{next(self._numbers)}"  # a slash, so that an id that is not quoted leads elsewhere
        self.users[user_id] = {
            "id": user_id,
            "login": login,
            "status": "active",
            "teams": [],
            "seats": [],
            "archived": False,
            "sessions": 1,
            "password": "old",
            **more,
        }
        return user_id

    @property
    def writes(self) -> int:
        return sum(method != "GET" for method, _, _ in self.calls)

    def answer(self, method: str, target: str, body: Any) -> Reply:
        url = urlsplit(target)
        parts = [unquote(each) for each in url.path.removeprefix("/api").split("/")[1:]]
        with self._lock:
            self.calls.append((method, url.path, body))
            match method, parts:
                case "GET", ["me"]:
                    return 200, {"ok": True}
                case "GET", ["users"]:
                    login = parse_qs(url.query)["login"][0]
                    return 200, {"users": [each for each in self.users.values() if each["login"] == login]}
                case _, ["users", user_id, *rest] if user_id in self.users:
                    if self.lies and method != "GET":
                        return 200, {"done": True}
                    return self._on_user(method, user_id, rest, body)
                case _, ["users", *_]:
                    return 404, {"error": "no_such_user"}
                case _:
                    return 404, None

    def _on_user(self, method: str, user_id: str, rest: list[str], body: Any) -> Reply:
        user = self.users[user_id]
        match method, rest:
            case "GET", []:
                return 200, {"user": user}
            case "DELETE", []:
                del self.users[user_id]
            case "DELETE", ["teams", team]:
                user["teams"] = [each for each in user["teams"] if each["id"] != team]
            case "PUT", ["teams", team]:
                user["teams"] = sorted([*user["teams"], a_team(team)], key=lambda each: str(each["id"]))
            case "POST", _ if (change := VERBS.get("/".join(rest))) is not None:
                user.update(change(user, body))
            case _:
                return 404, None
        return 200, {"done": True}


VERBS: dict[str, Callable[[dict[str, Any], Any], dict[str, Any]]] = {
    "disable": lambda _user, _body: {"status": "disabled"},
    "enable": lambda _user, _body: {"status": "active"},
    "sessions/end": lambda _user, _body: {"sessions": 0},
    "password": lambda _user, _body: {"password": None},
    "archive": lambda _user, _body: {"archived": True},
    "handover": lambda _user, body: {"heir": body["to"]},
    "seats/release": lambda user, body: {"seats": [each for each in user["seats"] if each not in body["seats"]]},
    "seats/assign": lambda user, body: {"seats": sorted({*user["seats"], *body["seats"]})},
}


def a_team(team: str) -> dict[str, Any]:
    return {"id": team, "name": TEAMS[team], "admin": team == "t9"}


@contextmanager
def running_crm() -> Iterator[Crm]:
    crm = Crm()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("CrmHandler", (Handler,), {"crm": crm}))
    server.daemon_threads = True
    crm.address = f"http://127.0.0.1:{server.server_port}/api"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield crm
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    crm: Crm
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.crm.broken is not None:
            status, sent, headers = self.crm.broken
            self._send(status, sent, headers)
        elif self.headers["Authorization"] != f"Bearer {TOKEN}" or not self._is_signed(body):
            self._send(401, b"{}", {})
        else:
            code, document = self.crm.answer(self.command, self.path, json.loads(body) if body else None)
            self._send(code, b"" if document is None else json.dumps(document).encode(), {})

    def _is_signed(self, body: bytes) -> bool:
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(self.headers["webhook-signature"] or "", f"v1,{digest}")

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, headers.get(name, value))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # the library calls them so

    def log_message(self, *args: Any) -> None:
        pass


USER = "/users/{{ account.id }}"
ACTIONS: dict[str, dict[str, Any]] = {
    "suspend": {"path": f"{USER}/disable", "body": {"account": "{{ account.id }}", "why": "left: {{ account.name }}"}},
    "restore": {"path": f"{USER}/enable"},
    "revoke_sessions": {"path": f"{USER}/sessions/end"},
    "reset_credentials": {"path": f"{USER}/password", "expect": [200], "told": {"at": "/done"}},
    "remove_from_groups": {"method": "DELETE", "path": USER + "/teams/{{ item.id }}", "each": True},
    "add_to_groups": {"method": "PUT", "path": USER + "/teams/{{ item.id }}", "each": True},
    "release_licenses": {"path": f"{USER}/seats/release", "body": {"seats": "{{ items|map(attribute='id') }}"}},
    "assign_licenses": {"path": f"{USER}/seats/assign", "body": {"seats": "{{ items|map(attribute='id')|list }}"}},
    "transfer_ownership": {"path": f"{USER}/handover", "body": {"to": "{{ successor.id }}"}},
    "archive": {"path": f"{USER}/archive"},
    "delete": {"method": "DELETE", "path": USER},
}


def settings(crm: Crm, **replaced: Any) -> dict[str, Any]:
    """The configuration that describes all of its API."""
    return {
        "connector": "webhook",
        "base_url": crm.address,
        "token": TOKEN,
        "signing_secret": SIGNING_SECRET,
        "match": {"userName": "/login"},
        "check": {"path": "/me"},
        "find": {"path": "/users?login={{ value }}", "at": "/users"},
        "account": {
            "name": "/login",
            "suspended": {"at": "/status", "values": ["disabled"]},
            "archived": {"at": "/archived"},
            "groups": {"at": "/teams", "name": "/name", "privileged": {"at": "/admin"}},
            "licenses": {"at": "/seats", "id": ""},
        },
        "read": {"path": USER, "at": "/user"},
        "gone": {"status": [404], "told": {"at": "/error", "values": ["no_such_user"]}},
        "actions": ACTIONS,
        **replaced,
    }


def connector(crm: Crm, permit: Permit | None = None, **replaced: Any) -> Any:
    from connectors.webhook import WebhookConfig, WebhookConnector
    from connectors.webhook.client import WebhookClient

    config = WebhookConfig.model_validate(settings(crm, **replaced))
    context = Context(target="crm", permit=permit or RecordingPermit())
    return WebhookConnector(config, context, client=WebhookClient(config, context, sleep=lambda _: None))
