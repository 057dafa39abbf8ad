"""The PATCHes of Users that identity providers send most, answered without models and without a thread.

What is not exactly one of these forms goes on to the handlers, unread: the fast path decides
nothing by itself that they would decide otherwise, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scimbridge import telemetry
from scimbridge.domain.boolean import boolean_of
from scimbridge.domain.quirk import Quirk
from scimbridge.domain.resource import Received, StoredUser
from scimbridge.scim.authentication import SOURCE
from scimbridge.scim.base import BASE
from scimbridge.scim.body import is_storable, loaded, text_of
from scimbridge.scim.call import etag
from scimbridge.scim.dialect import CORE_USER, ENTERPRISE, PATCH_OP
from scimbridge.scim.documents import schemas_of
from scimbridge.scim.errors import verdict_on
from scimbridge.scim.media import as_json
from scimbridge.scim.reading import NoteQuirks, listed
from scimbridge.scim.rendering import Rendering
from scimbridge.scim.users import says
from scimbridge.services.intake import Intake

LONGEST = 16 * 1024
"""Bytes of a body that may be small talk; longer ones are the handlers' affair."""

_MOST_OPERATIONS = 100
"""Operations of a message that may be small talk; for more, the handlers know how many there may be."""

_MEDIA_TYPES = {
    b"application/scim+json",
    b"application/json",
    b"application/scim+json; charset=utf-8",
    b"application/json; charset=utf-8",
}
_TELLING = {b"if-match", b"if-none-match", b"content-encoding"}
"""Headers that change what a request means."""

_TEXTS = ("displayName", "nickName", "title", "userType", "preferredLanguage")
_NAMES = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
_COMPANY = ("costCenter", "organization", "division", "department")

_SCHEMAS = [PATCH_OP]
_Place = tuple[str, ...]
_PLACES: dict[str, _Place] = {
    **{name.lower(): (name,) for name in ("active", *_TEXTS)},
    **{f"name.{name}".lower(): ("name", name) for name in _NAMES},
    **{f"{ENTERPRISE}:{name}".lower(): (ENTERPRISE, name) for name in _COMPANY},
}
_PLACES |= {f"{CORE_USER}:{path}".lower(): place for path, place in _PLACES.items() if place[0] != ENTERPRISE}
"""Where a path leads to in a document: attributes with one plain value, which nothing else depends on."""

_Setting = tuple[_Place, Any]


@dataclass(frozen=True, slots=True)
class Understood:
    """What a PATCH message means: values to set, and that as a sentence."""

    settings: Sequence[_Setting]
    meaning: str
    quirks: AbstractSet[Quirk] = frozenset()

    def apply(self, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a User's document with the values set."""
        document = dict(stored)
        for place, value in self.settings:
            if len(place) == 1:
                document[place[0]] = value
                continue
            outer, inner = place
            document[outer] = {**document.get(outer, {}), inner: value}
            document["schemas"] = schemas_of(document)
        return document


_Heard = tuple[Mapping[str, Any], Understood]
"""A message as it was received, and what it means."""


class FastPath:
    """ASGI middleware, inside of authentication: answers what it understands, and passes on the rest."""

    def __init__(
        self, app: ASGIApp, intake: Intake, base: str, clock: Callable[[], datetime], note_quirks: NoteQuirks
    ) -> None:
        self._app = app
        self._note_quirks = note_quirks
        self._intake = intake
        self._base = base
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        user_id = _patched_user(scope)
        if user_id is None:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        messages, raw = await _read(receive)
        found = understood(raw) if raw else None
        if found is None:
            await self._app(scope, _again(messages, receive), send)
            return
        status = await self._answer(scope, user_id, *found, receive, send)
        telemetry.note_scim_request(scope[SOURCE], "PATCH", status, perf_counter() - started)

    async def _answer(
        self, scope: Scope, user_id: str, body: Mapping[str, Any], meaning: Understood, receive: Receive, send: Send
    ) -> int:
        # None of the known places holds a secret, so that the body is kept as it is.
        received = Received(
            source=scope[SOURCE], method="PATCH", path=f"/Users/{user_id}", body=body, understood=meaning.meaning
        )
        now = self._clock()
        try:
            change = partial(self._change, user_id, meaning, received, now)
            answer = partial(_answer_with, Rendering(scope.get(BASE, self._base)))
            headers, content = await self._intake.writer.submit(change, about=user_id, then=answer)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            verdict = verdict_on(error)
            if verdict.status < 500:
                refuse = partial(self._intake.refuse, received, verdict.status, verdict.detail, now)
                await self._intake.writer.submit(refuse)
            await verdict.response()(scope, receive, send)
            return verdict.status
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        return 200

    def _change(self, user_id: str, meaning: Understood, received: Received, now: datetime) -> StoredUser:
        user = self._intake.change_user(user_id, meaning.apply, received, now)
        if meaning.quirks:
            # A unit may run twice; what it has shown is counted once.
            quirks = [str(quirk) for quirk in meaning.quirks]
            self._intake.after_commit(partial(self._note_quirks, received.source, quirks, now))
        return user


def _quirks_of(body: Mapping[str, Any]) -> set[Quirk]:
    """Return what shows of the writer of a message that was understood; see ``Reading``."""
    operations = body["Operations"]
    items = [item for each in operations if "path" not in each for item in each["value"].items()]
    actives = [value for path, value in items if path.rpartition(":")[2].lower() == "active"]
    actives += [each["value"] for each in operations if each.get("path", "").rpartition(":")[2].lower() == "active"]
    shown = {
        Quirk.NO_SCHEMAS: "schemas" not in body,
        Quirk.CAPITALIZED_OP: any(each["op"] != each["op"].lower() for each in operations),
        Quirk.NO_PATH: bool(items),
        Quirk.PATH_AS_KEY: not all(path.isidentifier() for path, _ in items),
        Quirk.STRING_BOOLEAN: any(isinstance(value, str) for value in actives),
    }
    return {quirk for quirk, is_shown in shown.items() if is_shown}


_frequent: dict[bytes, _Heard] = {}
"""Messages that say ``active`` and nothing else: there are a few, and each source sends its own all day long."""

_MOST_FREQUENT = 256
_LONGEST_FREQUENT = 512


def understood(raw: bytes) -> _Heard | None:
    """Return a PATCH message and what it means, or ``None`` where that takes more than this module."""
    found = _frequent.get(raw)
    if found is None and (found := _understood(raw)) is not None:
        _keep(raw, found)
    return found


def _keep(raw: bytes, found: _Heard) -> None:
    """Remember a message, unless it says something about a person."""
    if len(raw) <= _LONGEST_FREQUENT and all(place == ("active",) for place, _ in found[1].settings):
        if len(_frequent) >= _MOST_FREQUENT:
            _frequent.clear()
        _frequent[raw] = found


def _understood(raw: bytes) -> _Heard | None:
    try:
        body = loaded(text_of(raw))
    except Exception:  # noqa: BLE001 - the handlers say what is wrong with it
        return None
    meaning = meaning_of(body)
    return None if meaning is None else (body, meaning)


def meaning_of(body: Mapping[str, Any]) -> Understood | None:
    """Return what a PATCH message for a User means, or ``None`` where that takes more than this module."""
    operations = body.get("Operations")
    if body.get("schemas", _SCHEMAS) != _SCHEMAS or len(body) > 2 or not isinstance(operations, list):
        return None
    if not 0 < len(operations) <= _MOST_OPERATIONS or (len(body) == 2 and "schemas" not in body):
        return None
    settings: list[_Setting] = []
    sentences: list[str] = []
    for operation in operations:
        if not _understand(operation, settings, sentences):
            return None
    return Understood(settings, listed(sentences), _quirks_of(body))


def _understand(operation: Any, settings: list[_Setting], sentences: list[str]) -> bool:
    """Add what an operation sets, and say whether it is one of the known forms."""
    if not isinstance(operation, dict):
        return False
    verb, value = operation.get("op"), operation.get("value")
    if not isinstance(verb, str) or verb.lower() not in {"add", "replace"}:
        return False
    if len(operation) == 3 and isinstance(path := operation.get("path"), str):
        return _set(verb, path, value, settings, sentences)
    if len(operation) == 2 and isinstance(value, dict) and value:
        begun = len(settings)
        is_known = all(_set(verb, path, item, settings, sentences) for path, item in value.items())
        return is_known and len({place for place, _ in settings[begun:]}) == len(value)
    return False


def _set(verb: str, path: str, value: Any, settings: list[_Setting], sentences: list[str]) -> bool:
    place = _PLACES.get(path.lower())
    if place is None:
        return False
    if place == ("active",):
        wanted = boolean_of(value)
        if wanted is None:
            return False
        settings.append((place, wanted))
        sentences.append(f"{verb} {_spelled(path)}{says(value)}")
        return True
    if not isinstance(value, str) or not value or not is_storable(value):
        return False
    settings.append((place, value))
    sentences.append(f"{verb} {_spelled(path)}")
    return True


def _spelled(path: str) -> str:
    """Return the attribute's name as it was sent, without its URN."""
    return path.rpartition(":")[2]


def _patched_user(scope: Scope) -> str | None:
    """Return the id of the User that a plain PATCH is for."""
    if scope["type"] != "http" or scope["method"] != "PATCH" or scope["query_string"]:
        return None
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    user_id = path.removeprefix("/Users/")
    if len(user_id) != 36 or len(path) != 43 or not user_id.replace("-", "").isalnum() or not user_id.isascii():
        return None
    has_type = False
    for name, value in scope["headers"]:
        if name in _TELLING:
            return None
        if name == b"content-type":
            if value.lower() not in _MEDIA_TYPES:
                return None
            has_type = True
    return user_id if has_type else None


async def _read(receive: Receive) -> tuple[list[Message], bytes | None]:
    """Return the messages that were read, and the body if that is all of it."""
    messages: list[Message] = []
    body = b""
    while len(body) <= LONGEST:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            return messages, None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return messages, body
    return messages, None


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Return a ``receive`` that begins with what was read already."""
    waiting = list(reversed(messages))

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _answer_with(rendering: Rendering, user: StoredUser) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the head and the body of the answer with a User."""
    content = as_json(rendering.user(user))
    headers = [
        (b"content-type", b"application/scim+json"),
        (b"content-length", str(len(content)).encode()),
        (b"etag", etag(user.version).encode()),
    ]
    return headers, content
