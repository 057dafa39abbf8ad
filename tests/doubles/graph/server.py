"""Microsoft Graph and its authority behind one address."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.graph.applications import Applications
from tests.doubles.graph.changes import Changes
from tests.doubles.graph.description import Call, find
from tests.doubles.graph.errors import GraphError, bad_request, refusal
from tests.doubles.graph.groups import Groups
from tests.doubles.graph.operations import Operations
from tests.doubles.graph.roles import Roles
from tests.doubles.graph.tenant import Tenant
from tests.doubles.graph.tokens import TENANT, Tokens
from tests.doubles.lag import Lag
from tests.doubles.serving import Answer, Asked, Double, plain

ALL_PERMISSIONS = frozenset(
    {
        "Directory.Read.All",
        "User.Read.All",
        "User.ReadWrite.All",
        "User.EnableDisableAccount.All",
        "User.RevokeSessions.All",
        "User.DeleteRestore.All",
        "User-PasswordProfile.ReadWrite.All",
        "UserAuthenticationMethod.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Device.ReadWrite.All",
        "GroupMember.ReadWrite.All",
        "Group.ReadWrite.All",
        "RoleManagement.ReadWrite.Directory",
        "AppRoleAssignment.ReadWrite.All",
        "Application.ReadWrite.All",
        "LicenseAssignment.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "MailboxSettings.Read",
        "MailboxSettings.ReadWrite",
        "AuditLog.Read.All",
    }
)
Handler = Callable[[Call, Asked, Any, frozenset[str]], Any]

_VERSION = "/v1.0"
_MOST = 20
"""Requests in a batch; https://learn.microsoft.com/graph/json-batching."""


class Graph(Double):
    """A double of Microsoft Graph with one tenant.

    Attributes:
        origin: Its own address, which it writes into links; set by whoever runs it.
        batched: Requests inside batches, in order.
        lag: For how long reads do not see a change.
    """

    def __init__(self, granted: frozenset[str] = ALL_PERMISSIONS) -> None:
        super().__init__()
        self.tenant = Tenant()
        self.tokens = Tokens(granted)
        self.origin = ""
        self.batched: list[Asked] = []
        self.lag = Lag()
        kinds = (Operations, Groups, Applications, Roles, Changes)
        self._handlers = {
            call: carry_out
            for kind in kinds
            for call, carry_out in kind(self.tenant, lambda: self.origin).handlers().items()
        }

    def is_of_tokens(self, asked: Asked) -> bool:
        """Whether a request is for the authority."""
        return asked.path.startswith(f"/{TENANT}/") or not asked.path.startswith(_VERSION)

    def writes(self) -> int:
        """Return how many writing requests came in, effective or not; a batch counts as what is in it."""
        alone = sum(asked.writes for asked in self.calls if not asked.path.endswith("/$batch"))
        return alone + sum(asked.writes for asked in self.batched)

    def answer(self, asked: Asked) -> Answer:
        """Check a request against Microsoft's description, and carry it out."""
        if self.is_of_tokens(asked):
            return self.tokens.answer(asked, self.origin.replace("http:", "https:"))
        try:
            granted = self.tokens.of(asked)
            if asked.path == f"{_VERSION}/$batch":
                return self._batch(asked, granted)
            return self._carry_out(asked, granted)
        except GraphError as error:
            return error.answer

    def _carry_out(self, asked: Asked, granted: frozenset[str]) -> Answer:
        call = find(asked.method, plain(asked.path.removeprefix(_VERSION)), granted)
        handler = self._handlers.get((call.method, call.name))
        if handler is None:
            return refusal(501, "NotImplemented", f"the double does not carry out {call.method} {call.name}")
        return self.lag.answer(asked, partial(self._handle, handler, call, granted))

    @staticmethod
    def _handle(handler: Handler, call: Call, granted: frozenset[str], asked: Asked) -> Answer:
        result = handler(call, asked, _body_of(asked), granted)
        return Answer(status=204) if result is None else Answer(status=200, body=result)

    def _batch(self, asked: Asked, granted: frozenset[str]) -> Answer:
        requests = _body_of(asked).get("requests", [])
        if not 1 <= len(requests) <= _MOST or len({each.get("id") for each in requests}) != len(requests):
            raise bad_request("A batch has 1 to 20 requests with ids of their own.", "BadRequest")
        # In no particular order, as Microsoft says.
        answers = [(each["id"], self._one_of_batch(each, granted)) for each in requests][::-1]
        responses = [
            {"id": key, "status": each.status, "headers": dict(each.headers), "body": _parsed(each)}
            for key, each in answers
        ]
        return Answer(status=200, body={"responses": responses})

    def _one_of_batch(self, request: dict[str, Any], granted: frozenset[str]) -> Answer:
        parts = urlsplit(request["url"])
        body = request.get("body")
        headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
        asked = Asked(
            method=request["method"],
            path=f"{_VERSION}{parts.path}",
            query=parse_qs(parts.query, keep_blank_values=True),
            headers=headers,
            body=b"" if body is None else json.dumps(body).encode(),
        )
        self.batched.append(asked)
        fault = self._fault_for(asked)
        if fault is not None and fault.answer is not None:
            return fault.answer
        if body is not None and headers.get("content-type") != "application/json":
            return refusal(400, "BadRequest", "Write the Content-Type of a body in a batch.")
        try:
            answer = self._carry_out(asked, granted)
        except GraphError as error:
            return error.answer
        self.note(asked, answer)
        return answer

    def note(self, asked: Asked, answer: Answer) -> None:
        """Keep what was carried out; of a batch, what is in it."""
        if not asked.path.endswith("/$batch"):
            super().note(asked, answer)


def _body_of(asked: Asked) -> Any:
    if not asked.body:
        return {}
    try:
        return json.loads(asked.body)
    except ValueError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error


def _parsed(answer: Answer) -> Any:
    """Return a body as a batch holds it: as it is where it is JSON, else as text."""
    try:
        return json.loads(answer.content) if answer.content else None
    except ValueError:
        return answer.content.decode()
