"""/Bulk: many operations in one request (RFC 7644 §3.7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from scim2_models import SCIMException
from starlette.exceptions import HTTPException
from starlette.responses import Response

from scimbridge.errors import NotFoundError, StoreBusyError, StoreError, StoreUnavailableError, TornError
from scimbridge.scim.bulk_operation import Operation, read_request
from scimbridge.scim.bulk_order import resolved, units
from scimbridge.scim.call import PLAUSIBLE_ID, Call, etag
from scimbridge.scim.errors import Verdict, verdict_on
from scimbridge.scim.fast import Understood, meaning_of
from scimbridge.scim.limits import Effort, Toil
from scimbridge.scim.media import ScimResponse
from scimbridge.services.intake import Intake

CHUNK = 50
"""Operations that are committed together. Other writers wait for about as many milliseconds."""

BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

Handler = Callable[[Call], Response]

_LEFT = Verdict(503, "not run: those before it have taken as much work as one request may; send it again")

_OF_ALL = (StoreBusyError, StoreUnavailableError, TornError)
"""Errors of the whole transaction, and not of the operation that came across them."""

_PATH = re.compile(r"/(Users|Groups)(?:/([^/]*))?/?")


class BulkIdException(SCIMException):
    """An operation refers to something that this request has not created (RFC 7644 §3.7.1)."""

    status = 409
    _default_detail = "a bulkId cannot be resolved"


class Bulk:
    """The endpoint of bulk requests.

    Each operation is one of the single requests: the same handler, its own record, and undone
    alone where it fails. Some of them at a time share a commit, and stand or fall with it.

    Args:
        handlers: Those of the single requests, by path and method.
        intake: Holds the transactions.
        base: The address of the service provider, without a slash at the end.
        clock: The current time (UTC).
    """

    def __init__(
        self,
        handlers: Mapping[str, Mapping[str, Handler]],
        intake: Intake,
        base: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._handlers = handlers
        self._intake = intake
        self._base = base
        self._clock = clock

    def run(self, call: Call) -> Response:
        """POST /Bulk: 200 with what has become of each operation that was run."""
        # Each operation is recorded with its own body; that of the whole request is kept nowhere.
        body, call.body, call.text = call.body, {}, ""
        call.understood = "bulk request"
        operations, errors_allowed = read_request(body)
        job = _Job(self, call, operations, errors_allowed)
        for chunk in _chunks(job.units):
            self._commit(job, chunk)
            if job.is_over:
                break
        for operation in operations:
            call.reading.add(operation.reading)
        done = [operation.as_json(self._base) for operation in operations if operation.status is not None]
        return ScimResponse({"schemas": [BULK_RESPONSE], "Operations": done})

    def _commit(self, job: _Job, chunk: Sequence[Sequence[Operation]]) -> None:
        try:
            self._store(job, chunk)
        except StoreError as error:
            verdict = verdict_on(error)
            for operation in (each for unit in chunk for each in unit):
                operation.fail(verdict)
        job.count_failures()

    def _store(self, job: _Job, chunk: Sequence[Sequence[Operation]]) -> None:
        """Run operations and commit them: in one piece at first, for that takes a third of the time less.

        Where one has failed, they are run again, each to be undone alone, and so are those that come after.
        """
        work = partial(job.run, chunk)
        if not job.is_torn:
            try:
                self._intake.in_one_piece(work)
            except TornError:
                job.is_torn = True
            else:
                return
        self.together(work)

    def together(self, work: Callable[[], None]) -> None:
        """Do work in one transaction; within another one, in a savepoint of it."""
        self._intake.together(work)

    def answered(self, call: Call) -> Response:
        """Return the answer to a single request.

        Raises:
            Exception: Whatever its handler raises.
        """
        match = _PATH.fullmatch(call.path)
        if match is None or (match[2] and not PLAUSIBLE_ID.fullmatch(match[2])):
            raise NotFoundError("path in a bulk request", "")
        handler = self._handlers[f"/{match[1]}/{{id}}" if match[2] else f"/{match[1]}"].get(call.method)
        if handler is None:
            raise HTTPException(405)
        if call.method == "PATCH" and match[1] == "Users" and not call.conditions:
            meaning = meaning_of(call.body)
            if meaning is not None:
                return self._set(call, match[2], meaning)
        return handler(replace(call, resource_id=match[2] or ""))

    def _set(self, call: Call, user_id: str, meaning: Understood) -> Response:
        """Do what a plain PATCH of a User says, without models; see ``FastPath``."""
        call.reading.quirks |= meaning.quirks
        call.understand(meaning.meaning)
        user = self._intake.change_user(user_id, meaning.apply, call.received, call.now)
        return Response(headers={"ETag": etag(user.version)})

    def single(self, call: Call, operation: Operation, method: str, path: str, body: Any) -> Call:
        """Return an operation as a single request of its own."""
        return replace(
            call,
            method=method,
            path=path,
            query={},
            conditions={"if-match": operation.version} if operation.version and operation.method != "POST" else {},
            body=body if isinstance(body, dict) else {},
            now=self._clock(),
            reading=operation.reading,
            understood="not understood",
        )

    def refuse(self, call: Call, operation: Operation, verdict: Verdict) -> None:
        """Note that an operation has failed, and keep a record of it as of a single request."""
        operation.fail(verdict)
        self._intake.refuse(call.received, verdict.status, verdict.detail, call.now)

    def location(self, path: str) -> str:
        """Return the address of a path, with which ``meta.location`` agrees."""
        return self._base + path.rstrip("/")


class _Job:
    """One bulk request while it is worked on.

    Attributes:
        units: The operations in the order in which they are run; those of a circle together.
        is_torn: Whether an operation has failed after it had begun to write.
    """

    def __init__(self, bulk: Bulk, call: Call, operations: Sequence[Operation], errors_allowed: int) -> None:
        self._bulk = bulk
        self._call = call
        self._operations = operations
        self._errors_allowed = errors_allowed
        self._failed = 0
        self.is_torn = False
        self._toil = Toil()
        self._creators = {each.creates: each for each in operations if each.creates is not None}
        number_of = {name: number for number, each in enumerate(operations) if (name := each.creates) is not None}
        needs = [{number_of[name] for name in each.needs if name in number_of} for each in operations]
        self.units = [[operations[number] for number in unit] for unit in units(needs)]

    @property
    def is_over(self) -> bool:
        """Whether as many operations have failed as the client allows (``failOnErrors``)."""
        return 0 < self._errors_allowed <= self._failed

    def count_failures(self) -> None:
        """Count what has failed so far."""
        self._failed = sum(each.verdict is not None for each in self._operations)

    def run(self, chunk: Sequence[Sequence[Operation]]) -> None:
        """Run operations, in a transaction; it may be run again where its commit has failed.

        Raises:
            StoreError: None of them is stored.
        """
        for operation in (each for unit in chunk for each in unit):
            operation.reset()
        self._call.shared = Effort()
        self.count_failures()
        for unit in chunk:
            if self.is_over:
                return
            if self._toil.is_enough:
                self._leave(unit)
                continue
            with self._toil.of(len(unit)):
                self._run_unit(unit)

    def _run_unit(self, unit: Sequence[Operation]) -> None:
        if len(unit) > 1 or unit[0].creates in unit[0].needs:
            self._run_circle(unit)
        else:
            self._run_one(unit[0])

    def _leave(self, unit: Sequence[Operation]) -> None:
        """Say that operations have not been run. That is no record of its own, which would cost as much."""
        for operation in unit:
            operation.fail(_LEFT)
            self._failed += 1

    def _run_one(self, operation: Operation) -> None:
        call = self._bulk.single(self._call, operation, operation.method, operation.path, operation.data)
        try:
            if operation.flaw is not None:
                raise operation.flaw
            if operation.needs:
                self._require_resolved(operation)
                path, body = (resolved(sent, self._id_of) for sent in (operation.path, operation.data))
                call = self._bulk.single(self._call, operation, operation.method, path, body)
            self._answer(call, operation)
        except _OF_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: every error becomes an answer
            self._refuse(call, operation, verdict_on(error))

    def _run_circle(self, circle: Sequence[Operation]) -> None:
        """Run operations that refer to each other: created first, completed then, all of them or none.

        They share a commit, so that there can be no more of them than that takes; RFC 7644 §3.7.1 has 409 for it.
        """
        if len(circle) > CHUNK:
            detail = f"more than {CHUNK} operations refer to each other in a circle"
            self._refuse_all(circle, verdict_on(BulkIdException(detail=detail)))
            return
        try:
            self._bulk.together(partial(self._close, circle))
        except _BrokenCircleError as broken:
            others = BulkIdException(detail="an operation of the same circle of bulkIds has failed")
            self._refuse_all(circle, verdict_on(others), cause=broken)

    def _refuse_all(
        self, circle: Sequence[Operation], verdict: Verdict, *, cause: _BrokenCircleError | None = None
    ) -> None:
        for operation in circle:
            call = self._bulk.single(self._call, operation, "POST", operation.path, operation.data)
            own = cause.verdict if cause is not None and operation is cause.operation else verdict
            self._refuse(call, operation, own)

    def _close(self, circle: Sequence[Operation]) -> None:
        for operation in circle:
            self._answer_in_circle(operation, "POST", operation.path, circle)
        for operation in circle:
            status = operation.status
            self._answer_in_circle(operation, "PUT", f"{operation.path.rstrip('/')}/{operation.resource_id}", circle)
            operation.status = status

    def _answer_in_circle(self, operation: Operation, method: str, path: str, circle: Sequence[Operation]) -> None:
        try:
            self._require_resolved(operation, but=circle)
            body = resolved(operation.data, self._id_of)
            self._answer(self._bulk.single(self._call, operation, method, path, body), operation)
        except _OF_ALL:
            raise
        except Exception as error:
            raise _BrokenCircleError(operation, verdict_on(error)) from error

    def _refuse(self, call: Call, operation: Operation, verdict: Verdict) -> None:
        self._failed += 1
        self._bulk.refuse(call, operation, verdict)

    def _answer(self, call: Call, operation: Operation) -> None:
        if call.method != "POST":
            operation.location = self._bulk.location(call.path)
        response = self._bulk.answered(call)
        location = response.headers.get("location") or operation.location or ""
        operation.succeed(
            status=response.status_code,
            resource_id=location.rpartition("/")[2],
            location=location,
            etag=response.headers.get("etag"),
        )

    def _require_resolved(self, operation: Operation, *, but: Sequence[Operation] = ()) -> None:
        """Make sure that all is there that an operation refers to.

        Raises:
            BulkIdException: Something was not created.
        """
        coming = {each.creates for each in but}
        for name in operation.needs - coming:
            if self._id_of(name) is None:
                raise BulkIdException(detail=f"nothing was created under bulkId {name[:80]!r}")

    def _id_of(self, bulk_id: str) -> str | None:
        creator = self._creators.get(bulk_id)
        return creator.resource_id if creator is not None else None


class _BrokenCircleError(Exception):
    """An operation of a circle has failed, and so have the others."""

    def __init__(self, operation: Operation, verdict: Verdict) -> None:
        self.operation = operation
        self.verdict = verdict
        super().__init__(verdict.detail)


def _chunks(found: Sequence[Sequence[Operation]]) -> Iterator[list[Sequence[Operation]]]:
    """Yield as many units as are committed together; a circle is never divided."""
    chunk: list[Sequence[Operation]] = []
    for unit in found:
        chunk.append(unit)
        if sum(map(len, chunk)) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
