"""Hooks over HTTP: a signed POST of what is planned, and a JSON answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scimbridge.domain.duration import parse_duration
from scimbridge.hooks.hook import BrokenHookError, checked
from scimbridge.sdk.errors import ConnectorError
from scimbridge.sdk.hook import HookAnswer, HookRequest, Verdict
from scimbridge.sdk.signing import signed_headers

LONGEST_ANSWER = 64 * 1024
_KEYS = frozenset({"answer", "reason", "graces"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHook:
    """A service that answers.

    Attributes:
        url: https, or http on this machine.
        key: Signs each question, as Standard Webhooks has it.
        timeout: How long it may take.
        ca_file: Certificates to trust instead of the public ones.
    """

    url: str
    key: bytes = field(repr=False)
    timeout: timedelta = timedelta(seconds=10)
    ca_file: Path | None = None

    def ask(self, request: HookRequest, *, now: datetime) -> HookAnswer:
        """Post the question."""
        # Who asks no hooks need not load the HTTP library.
        from scimbridge.sdk.http import HttpClient, Limits

        parts = urlsplit(self.url)
        body = json.dumps(document_of(request), ensure_ascii=False).encode()
        limits = Limits(total=self.timeout, read=self.timeout, tries=1, answer_bytes=LONGEST_ANSWER)
        client = HttpClient(f"{parts.scheme}://{parts.netloc}", permit=_may_write, limits=limits, ca_file=self.ca_file)
        try:
            answer = client.send(
                "POST",
                parts.path + (f"?{parts.query}" if parts.query else ""),
                call="asking the hook",
                body=body,
                headers=signed_headers(self.key, id=request.id, at=now, body=body),
            )
        except ConnectorError as error:
            raise BrokenHookError(str(error)) from error
        finally:
            client.close()
        return checked(_answer(answer.body), request)


def document_of(request: HookRequest) -> dict[str, Any]:
    """Return a question as JSON has it. Keys may be added to it, and none is renamed."""
    return {
        "id": request.id,
        "hook": request.hook,
        "case_id": request.case_id,
        "rule": request.rule,
        "trigger": request.trigger,
        "trigger_at": _iso(request.trigger_at),
        "requested_by": request.requested_by,
        "source": request.source,
        "identity": {
            "id": request.identity_id,
            "user_name": request.user_name,
            "external_id": request.external_id,
            "active": request.active,
            "groups": list(request.groups),
            "document": dict(request.document),
        },
        "stages": [
            {
                "number": stage.number,
                "after_seconds": stage.after.total_seconds(),
                "due_at": _iso(stage.due_at),
                "tasks": [
                    {
                        "target": task.target,
                        "action": task.action.value,
                        "irreversible": task.action.is_irreversible,
                    }
                    for task in stage.tasks
                ],
            }
            for stage in request.stages
        ],
    }


def _answer(body: bytes) -> HookAnswer:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenHookError("its answer is not JSON") from error
    if not isinstance(said, dict) or said.get("answer") not in list(Verdict):
        raise BrokenHookError('its answer has to be an object with "answer": "proceed", "skip" or "hold"')
    if said.keys() - _KEYS:
        raise BrokenHookError(f"its answer has keys that are not known; known are {', '.join(sorted(_KEYS))}")
    reason = said.get("reason", "")
    if not isinstance(reason, str):
        raise BrokenHookError("its reason is not text")
    return HookAnswer(verdict=Verdict(said["answer"]), reason=reason, graces=_graces(said.get("graces", {})))


def _graces(said: Any) -> Mapping[int, timedelta]:
    try:
        return {int(number): parse_duration(grace) for number, grace in said.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise BrokenHookError('its graces have to be durations by stage, like {"0": "1h"}') from error


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _may_write(*, writes: bool) -> None:
    """A question has no rate limit and no observe mode: it changes nothing at any target."""
