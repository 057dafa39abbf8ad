"""Endpoints, each declared once: what is served, checked and described all comes from the declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from scimbridge.domain.operator import Operator, Permission

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge

Q_co = TypeVar("Q_co", bound=BaseModel, covariant=True)
B_co = TypeVar("B_co", bound=BaseModel, covariant=True)


class Model(BaseModel):
    """What is asked; nothing else is taken."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> Self:
        """Return what a row of the store says; what the answer has no place for is left out."""
        return cls.model_validate(dict(row))


class Nothing(Model):
    """No parameters, or no body."""


class Call(Generic[Q_co, B_co]):
    """One call of an endpoint, understood.

    Attributes:
        bridge: The parts.
        operator: Who calls.
        now: When (UTC).
        path: The parameters in the path.
        query: The parameters in the query.
        body: The body.
        request: What they were read from.
        is_let_in: Looks up whether whoever calls is still let in.
    """

    def __init__(
        self,
        *,
        bridge: Bridge,
        operator: Operator,
        now: datetime,
        path: Mapping[str, str],
        query: Q_co,
        body: B_co,
        request: Request,
        is_let_in: Callable[[], bool],
    ) -> None:
        self.bridge = bridge
        self.operator = operator
        self.now = now
        self.path = path
        self.query = query
        self.body = body
        self.request = request
        self.is_let_in = is_let_in

    @property
    def by(self) -> str:
        """The name for the history."""
        return self.operator.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    Attributes:
        path: Below ``/api/v1``, with its parameters in braces.
        name: The ``operationId``.
        asks: The model of the query.
        takes: The model of the body.
        gives: The model of the answer; ``None`` where it is a stream.
        reads: It touches nothing, although it is a POST: what is asked does not fit into an address, or names people,
            whom no log of addresses should have.
        reaches_targets: It asks targets, which may not answer.
        shows_secret: The answer has a secret that is shown once, and kept nowhere.
    """

    method: str
    path: str
    permission: Permission
    tag: str
    name: str
    summary: str
    description: str
    asks: type[BaseModel]
    takes: type[BaseModel]
    gives: type[BaseModel] | None
    answer: Callable[[Call[Any, Any]], Any]
    reads: bool = False
    reaches_targets: bool = False
    shows_secret: bool = False

    @property
    def acts(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET" and not self.reads

    @property
    def has_body(self) -> bool:
        """Whether something is sent with it."""
        return self.takes is not Nothing

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters in the path."""
        return re.findall(r"\{(\w+)\}", self.path)


Handler = Callable[[Call[Any, Any]], Any]


class Routes:
    """Collects the endpoints of a module.

    Args:
        tag: What they are about.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.endpoints: list[Endpoint] = []

    def get(self, path: str, permission: Permission, **more: Any) -> Callable[[Handler], Handler]:
        """Declare what reads. The function's annotations and docstring say the rest."""
        return self._declared("GET", path, permission, more)

    def post(self, path: str, permission: Permission, **more: Any) -> Callable[[Handler], Handler]:
        """Declare what acts, or, with ``reads``, what is asked with a body."""
        return self._declared("POST", path, permission, more)

    def _declared(
        self, method: str, path: str, permission: Permission, more: Mapping[str, Any]
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            asks, takes = get_args(hints["call"])
            gives = hints["return"]
            summary, _, description = cleandoc(handler.__doc__ or "").partition("\n")
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    permission=permission,
                    tag=self.tag,
                    name=_camel(handler.__name__),
                    summary=summary.rstrip("."),
                    description=" ".join(description.split()),
                    asks=asks,
                    takes=takes,
                    gives=gives if isinstance(gives, type) and issubclass(gives, BaseModel) else None,
                    answer=handler,
                    **more,
                )
            )
            return handler

        return declare


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
