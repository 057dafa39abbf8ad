"""What every page of the dashboard is: an address, what it takes to see it, a template, and what that shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import RedirectResponse, Response

from scimbridge.dashboard import flash
from scimbridge.dashboard.flash import Message
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission

if TYPE_CHECKING:
    from scimbridge.bridge import Bridge


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as the answer to a form: for what may be seen this once, and for forms to be filled in better.

    Attributes:
        context: What the template shows, with ``visit``.
    """

    template: str
    context: Mapping[str, Any]


class Page(ABC):
    """A page. ``scimbridge.dashboard.site`` lets people in, renders, and answers errors.

    Attributes:
        path: Its address, as a Starlette route.
        template: Renders what ``context`` returns, with ``visit``.
        permission: What it takes to see it.
        posting: What it takes to send its form; ``None`` where it has none.
    """

    path: ClassVar[str]
    template: ClassVar[str]
    permission: ClassVar[Permission] = Permission.LOOK
    posting: ClassVar[Permission | None] = None

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    @abstractmethod
    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what the template shows. It runs in a thread, and may read the store.

        Raises:
            NotFoundError: What it is about is not there.
        """

    def respond(self, visit: Visit, render: Callable[[dict[str, Any]], Response]) -> Response:
        """Return the answer to a look; ``render`` makes one of what the template shows."""
        return render(self.context(visit))

    def post(self, visit: Visit) -> Response | Shown:
        """Do what a form asks for, and send the browser on. It runs in a thread.

        Raises:
            BridgeError: It is refused; the operator is told why, on the page that the form came from.
        """
        raise NotImplementedError


def go_to(visit: Visit, path: str, messages: Sequence[Message] = ()) -> Response:
    """Return the answer to a form: another page, which tells what came of it. A reload does nothing twice."""
    answer = RedirectResponse(path, status_code=303)
    if messages:
        flash.leave(answer, messages, secure=visit.is_secure)
    return answer
