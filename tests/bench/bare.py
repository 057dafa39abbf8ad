"""The least that a durable server of leavers can be: what the bridge's duties cost is seen beside it.

The same HTTP server, one thread that commits together what waits, and four tables for a User, a case,
its task and the history. It knows no tokens, keeps no record of requests, asks no guard, looks for no
hold or exclusion, checks nothing, and answers only what ``patch_active`` asks. It is no product.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MOST = 256
"""Requests in one transaction."""

PATIENCE = 0.003
"""Seconds that a request may wait for others to share its commit."""

_A_MOMENT = 50e-6
"""Seconds. To be woken by each of them would take longer."""

_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE users(id TEXT PRIMARY KEY, user_name TEXT UNIQUE, external_id TEXT, active INT, document TEXT,
    modified TEXT, version INT);
CREATE INDEX users_external_id ON users(external_id);
CREATE INDEX users_modified ON users(modified);
CREATE TABLE cases(id INTEGER PRIMARY KEY, user_id TEXT, state TEXT, opened TEXT);
CREATE INDEX cases_user ON cases(user_id);
CREATE INDEX cases_state ON cases(state, opened);
CREATE TABLE tasks(id INTEGER PRIMARY KEY, case_id INT, action TEXT, state TEXT, due TEXT);
CREATE INDEX tasks_case ON tasks(case_id);
CREATE INDEX tasks_due ON tasks(state, due);
CREATE TABLE history(id INTEGER PRIMARY KEY, user_id TEXT, at TEXT, event TEXT, digest TEXT);
CREATE INDEX history_user ON history(user_id, at);
"""

_Waiting = tuple[str, Any, asyncio.Future[bytes]]
"""A User's id, the value of ``active`` or the document of somebody new, and who waits for the answer."""


class Bare:
    """The server.

    Args:
        path: The file of the database, which is made.
    """

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(_SCHEMA)
        self._inbox: SimpleQueue[_Waiting] = SimpleQueue()
        self._digest = ""
        self.app: Starlette = Starlette(
            routes=[
                Route("/ServiceProviderConfig", self._ready),
                Route("/Users", self._post, methods=["POST"]),
                Route("/Users/{id}", self._patch, methods=["PATCH"]),
                Route("/Users/{id}", self._get),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, daemon=True).start()
        yield

    async def _ready(self, _request: Request) -> Response:
        return Response(b"{}")

    async def _post(self, request: Request) -> Response:
        return await self._answered(os.urandom(8).hex(), orjson.loads(await request.body()), 201)

    async def _patch(self, request: Request) -> Response:
        operation = orjson.loads(await request.body())["Operations"][0]
        return await self._answered(request.path_params["id"], operation["value"], 200)

    async def _get(self, request: Request) -> Response:
        return await self._answered(request.path_params["id"], None, 200)

    async def _answered(self, user_id: str, value: Any, status: int) -> Response:
        waiting: asyncio.Future[bytes] = self._loop.create_future()
        self._inbox.put((user_id, value, waiting))
        return Response(await waiting, status, media_type="application/scim+json")

    def _write(self) -> None:
        batch: list[_Waiting] = []
        while True:
            batch = self._gathered(len(batch))
            self._db.execute("BEGIN IMMEDIATE")
            answers = [(waiting, self._savepoint(user_id, value)) for user_id, value, waiting in batch]
            self._db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_deliver, answers)

    def _gathered(self, expected: int) -> list[_Waiting]:
        """Return what waits; as many as the last time are waited for, in a commit of their own they would cost more."""
        batch, until = [self._inbox.get()], time.monotonic() + PATIENCE
        while len(batch) < MOST:
            if not self._inbox.empty():
                batch.append(self._inbox.get())
            elif len(batch) < expected and time.monotonic() < until:
                time.sleep(_A_MOMENT)
            else:
                break
        return batch

    def _savepoint(self, user_id: str, value: Any) -> bytes:
        self._db.execute("SAVEPOINT request")
        answer = self._created(user_id, value) if isinstance(value, dict) else self._changed(user_id, value)
        self._db.execute("RELEASE request")
        return answer

    def _created(self, user_id: str, document: dict[str, Any]) -> bytes:
        now = _now()
        answer = orjson.dumps(document | {"id": user_id, "meta": {"lastModified": now}})
        row = (user_id, document["userName"], document["externalId"], True, answer.decode(), now)
        self._db.execute("INSERT INTO users VALUES(?, ?, ?, ?, ?, ?, 1)", row)
        return answer

    def _changed(self, user_id: str, active: bool | None) -> bytes:
        read = "SELECT document, active FROM users WHERE id = ?"
        text, was_active = self._db.execute(read, (user_id,)).fetchone()
        if active is None or active == bool(was_active):
            return bytes(text, "utf-8")
        now = _now()
        answer = orjson.dumps(orjson.loads(text) | {"active": active, "meta": {"lastModified": now}})
        change = "UPDATE users SET active = ?, document = ?, modified = ?, version = version + 1 WHERE id = ?"
        self._db.execute(change, (active, answer.decode(), now, user_id))
        event = self._call_off(user_id) if active else self._open(user_id, now)
        self._digest = hashlib.sha256(f"{self._digest}{user_id}{now}{event}".encode()).hexdigest()
        entry = (user_id, now, event, self._digest)
        self._db.execute("INSERT INTO history(user_id, at, event, digest) VALUES(?, ?, ?, ?)", entry)
        return answer

    def _open(self, user_id: str, now: str) -> str:
        case = "INSERT INTO cases(user_id, state, opened) VALUES(?, 'open', ?)"
        case_id = self._db.execute(case, (user_id, now)).lastrowid
        task = "INSERT INTO tasks(case_id, action, state, due) VALUES(?, 'suspend', 'planned', ?)"
        self._db.execute(task, (case_id, now))
        return "case opened"

    def _call_off(self, user_id: str) -> str:
        found = self._db.execute("SELECT id FROM cases WHERE user_id = ? AND state = 'open'", (user_id,)).fetchall()
        self._db.executemany("UPDATE cases SET state = 'canceled' WHERE id = ?", found)
        self._db.executemany("UPDATE tasks SET state = 'canceled' WHERE case_id = ?", found)
        return "case canceled"


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _deliver(answers: list[tuple[asyncio.Future[bytes], bytes]]) -> None:
    for waiting, answer in answers:
        waiting.set_result(answer)


if __name__ == "__main__":
    uvicorn.run(Bare(sys.argv[2]).app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
