"""What the bridge asks a program, and what its exit code and its JSON mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from enum import IntEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from connectors.command.program import Ended
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    ConnectorError,
    Entitlement,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.documents import document_in

VERSION = 1


class Exit(IntEnum):
    """Exit codes; those above 63 mean what sysexits.h says."""

    DONE = 0
    """It is so now, or the question is answered."""

    IN_PROGRESS = 10
    """Of ``act``: accepted, and not done yet."""

    NEEDS_PERSON = 11
    """Of ``act``: only a person can do it."""

    REJECTED = 65
    """It is refused, and would be again."""

    NO_ACCOUNT = 67
    """There is no such account."""

    LATER = 75
    """Not now; try again."""

    UNUSABLE = 78
    """Nothing works: the program's own settings or credentials are wrong."""


def _line_of(most: int) -> AfterValidator:
    """Make a text one line that is shown to operators, cut off where it is too long."""
    return AfterValidator(lambda text: " ".join("".join(_shown(text)).split())[:most])


def _shown(text: str) -> Iterator[str]:
    yield from (each if each.isprintable() else " " for each in text)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Item(_Answer):
    """A group, role or license."""

    id: str = Field(min_length=1)
    name: str = ""
    privileged: bool = False


class Account(_Answer):
    """An account as the program tells it; what it leaves out is unknown."""

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    suspended: bool
    archived: bool | None = None
    protected: str = ""
    groups: list[Item] | None = None
    licenses: list[Item] | None = None
    attributes: dict[str, str] = {}

    def state(self) -> AccountState:
        """Return it as the bridge sees it."""
        return AccountState(
            id=self.id,
            name=self.name,
            suspended=self.suspended,
            archived=self.archived,
            protected=self.protected,
            groups=None if self.groups is None else _entitlements(self.groups),
            licenses=None if self.licenses is None else _entitlements(self.licenses),
            attributes={name: (value,) for name, value in self.attributes.items()},
        )


class Checked(_Answer):
    """The answer to ``check``."""

    message: Annotated[str, _line_of(300)] = ""


class Found(_Answer):
    """The answer to ``find``."""

    accounts: list[Account]


class Read(_Answer):
    """The answer to ``read``."""

    account: Account


class Acted(_Answer):
    """The answer to ``act``."""

    changed: bool = True


class Progress(_Answer):
    """The answer to ``act`` with exit code 10."""

    handle: str = Field(min_length=1)
    check_after: int = Field(default=60, ge=1, le=86400)
    progress: Annotated[str, _line_of(200)] = ""


class ForPerson(_Answer):
    """The answer to ``act`` with exit code 11."""

    instructions: str = Field(min_length=1, max_length=2000)


class Trouble(_Answer):
    """What a program may say beside an exit code that is an error."""

    message: Annotated[str, _line_of(300)] = ""
    retry_after: int | None = Field(default=None, ge=0, le=86400 * 7)


AnswerT = TypeVar("AnswerT", bound=_Answer)


def request(call: str, **more: Any) -> bytes:
    """Return what a program reads on its stdin."""
    return json.dumps({"version": VERSION, "call": call, **more}, ensure_ascii=False).encode() + b"\n"


def parsed(kind: type[AnswerT], ended: Ended, words: str) -> AnswerT:
    """Return an answer; nothing on stdout is an empty one.

    Raises:
        RejectedError: It is not what it has to be.
    """
    try:
        return _read(kind, ended)
    except ValueError as error:
        raise RejectedError(f"{words}: {_fault(error)}") from None


def error_of(ended: Ended, words: str) -> ConnectorError | None:
    """Return what an exit code means, where it is an error."""
    if ended.code in {Exit.DONE, Exit.IN_PROGRESS, Exit.NEEDS_PERSON}:
        return None
    if ended.code < 0:
        return RetryableError(f"{words}: the program was ended by signal {-ended.code}")
    try:
        trouble = _read(Trouble, ended)
    except ValidationError as error:
        trouble = Trouble(message=_fault(error))
    except ValueError:  # a program that broke may have written anything
        trouble = Trouble()
    said = f"{words}: {trouble.message or 'the program gave no reason'} (exit code {ended.code})"
    match ended.code:
        case Exit.REJECTED:
            return RejectedError(said)
        case Exit.NO_ACCOUNT:
            return AccountNotFoundError(said)
        case Exit.UNUSABLE | 126 | 127:
            return TargetUnusableError(said)
        case _:
            after = None if trouble.retry_after is None else timedelta(seconds=trouble.retry_after)
            return RetryableError(said, retry_after=after)


def _read(kind: type[AnswerT], ended: Ended) -> AnswerT:
    return kind.model_validate(document_in(ended.answer.strip() or b"{}"))


def _fault(error: ValueError) -> str:
    """Return why an answer cannot be used, without quoting it."""
    if not isinstance(error, ValidationError):
        return "the program's answer cannot be used: it is not JSON"
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the answer"
    return f"the program's answer cannot be used: {where}: {first['msg']}"


def _entitlements(items: list[Item]) -> tuple[Entitlement, ...]:
    return tuple(Entitlement(each.id, each.name or each.id, each.privileged) for each in items)
