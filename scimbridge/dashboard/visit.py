"""One look at a page: who looks, when, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request

from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.forms import typed
from scimbridge.domain.operator import Operator, Permission
from scimbridge.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One look at a page.

    Attributes:
        session: In which somebody looks.
        now: When (UTC).
        csrf: What forms carry, so that no other site can send them.
        is_secure: Whether browsers come by HTTPS, maybe to a proxy before us.
        messages: What came of what the operator did just before.
        form: What a form said; empty where none was sent.
    """

    request: Request
    session: Session
    now: datetime
    csrf: str
    is_secure: bool = False
    messages: tuple[Message, ...] = ()
    form: Mapping[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()

    @property
    def operator(self) -> Operator:
        """Who looks."""
        return self.session.operator

    def may(self, permission: str) -> bool:
        """Whether whoever looks may do what takes a permission."""
        return self.operator.role.may(Permission(permission))

    def asked(self, name: str) -> str:
        """Return what the address says under a name; empty where it says nothing."""
        return typed(self.request.query_params.get(name, ""))

    @property
    def path(self) -> str:
        """The path of the page."""
        return self.request.url.path

    def address(self, **changes: str | None) -> str:
        """Return the address of this page with other values; a value of ``None`` leaves its name out."""
        said = {**self.request.query_params, **changes}
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{self.path}?{query}" if query else self.path
