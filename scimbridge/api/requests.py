"""``POST /api/v1/requests``: people leave because a program or a person asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scim2_models import SCIMException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scimbridge.api.admission import Admission
from scimbridge.api.problems import ProblemError, answer_to
from scimbridge.domain.leavers import Leaver
from scimbridge.domain.operator import Permission
from scimbridge.domain.request import Asked, Finding, Outcome, Report
from scimbridge.scim.body import parsed, read_bytes, text_of
from scimbridge.services.requesting import Requesting

MOST_PEOPLE = 500
"""People in one request: each is a transaction. More go into several, or into a file for the command line."""

Text = Annotated[str, Field(max_length=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)


class Person(_Model):
    """Who is to leave. At least one of the first four is there; where there are several, all have to fit."""

    user_name: Text = ""
    external_id: Text = ""
    email: Text = ""
    id: Text = ""
    """The SCIM id."""

    source: Text = ""
    """Whose person is meant, where several sources have one."""

    date: Text = ""
    """When, like 2026-12-31 or 2026-12-31T18:00; now where absent."""

    reason: Text = ""
    """Why, where it is another reason than that of the whole request."""


class LeaveRequest(_Model):
    """Who is to leave, and why."""

    people: list[Person] = Field(min_length=1, max_length=MOST_PEOPLE)
    reason: Text = ""
    """Why; for people without a reason of their own."""

    source: Text = ""
    date: Text = ""
    partial: bool = False
    """Do what can be done; else one person who cannot be found leaves everybody alone."""

    again: bool = False
    """Also who has left already by a complete case."""

    dry_run: bool = False
    """Only say what would become of each."""


class Line(_Model):
    """What became of one person, in the order of the request; the first is line 1."""

    line: int
    person: str
    outcome: Outcome
    why: str
    identity_id: str | None
    user_name: str | None
    source: str | None
    case_id: str | None
    due_at: datetime | None


class LeaveReport(_Model):
    """What became of all.

    Attributes:
        done: False for a dry run.
    """

    done: bool
    lines: list[Line]


class Requests:
    """Answers the endpoint."""

    def __init__(
        self, admission: Admission, requesting: Requesting, clock: Callable[[], datetime], max_body: int
    ) -> None:
        self._admission = admission
        self._requesting = requesting
        self._clock = clock
        self._max_body = max_body

    async def answer(self, request: Request) -> Response:
        """Have people leave."""
        try:
            operator = await self._admission.admit(request, Permission.ACT)
            wanted = await self._read(request)
            report = await to_thread.run_sync(self._do, wanted, operator.name)
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            return answer_to(error)
        return JSONResponse(_document(report))

    async def _read(self, request: Request) -> LeaveRequest:
        try:
            return LeaveRequest.model_validate(parsed(text_of(await read_bytes(request, self._max_body))))
        except SCIMException as error:
            raise ProblemError(error.status, str(error.detail)) from error
        except ValidationError as error:
            where = [
                {"at": ".".join(map(str, each["loc"])), "detail": each["msg"]}
                for each in error.errors(include_input=False, include_url=False)
            ]
            raise ProblemError(422, "the request cannot be understood", more={"errors": where}) from error

    def _do(self, wanted: LeaveRequest, by: str) -> Report:
        asked = Asked(by=by, reason=wanted.reason, date=wanted.date, source=wanted.source, again=wanted.again)
        leavers = _leavers(wanted.people)
        now = self._clock()
        if wanted.dry_run:
            return self._requesting.look(leavers, asked, now)
        report = self._requesting.request(leavers, asked, now, partial=wanted.partial)
        if not report.is_done:
            detail = f"nothing was done: {len(report.failed)} of {len(leavers)} people cannot be asked to leave"
            raise ProblemError(422, detail, more=_document(report))
        return report


def _leavers(people: Sequence[Person]) -> list[Leaver]:
    return [
        Leaver(
            line=number,
            problem="" if any((each.user_name, each.external_id, each.email, each.id)) else "it names nobody",
            **each.model_dump(),
        )
        for number, each in enumerate(people, 1)
    ]


def _document(report: Report) -> dict[str, Any]:
    lines = [_line(finding) for finding in report.findings]
    return LeaveReport(done=report.is_done, lines=lines).model_dump(mode="json")


def _line(finding: Finding) -> Line:
    return Line(
        line=finding.leaver.line,
        person=finding.leaver.person,
        outcome=finding.outcome,
        why=finding.why,
        identity_id=finding.identity_id,
        user_name=finding.user_name,
        source=finding.source,
        case_id=finding.case_id,
        due_at=finding.due_at,
    )
