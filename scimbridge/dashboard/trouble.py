"""Answers where no page can be shown: nobody is signed in any more, the database is away, or something went wrong.

Somebody may have written a lot meanwhile: that is shown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import Response

from scimbridge.admission.origin import is_foreign
from scimbridge.dashboard.entrance import AWAY, ENDED, SOON, sign_in_address, to_sign_in
from scimbridge.dashboard.forms import Form
from scimbridge.dashboard.rendering import HEADERS
from scimbridge.errors import StoreError

WRITTEN = ("reason", "text")
"""What people write in their own words; the rest of a form is quickly filled in again."""

DOUBT = "Whether what you sent was done is not certain: look first, before you send it again."
WRONG = "Nobody has foreseen it; the log says what it was."

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What such a page says.

    Attributes:
        path: Where the next step is.
    """

    heading: str
    why: str
    path: str
    step: str


class Trouble:
    """Renders such answers. They need no session: anybody may see them.

    Args:
        environment: Renders templates.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def nobody(self, request: Request, form: Form) -> Response:
        """Answer somebody who is not signed in, or not any more."""
        if is_foreign(request) or not _written(form):
            return to_sign_in(request)
        said = Said("Signed out", ENDED, sign_in_address(request), "Sign in")
        return self._page(HTTPStatus.UNAUTHORIZED, said, form)

    def no_database(self, request: Request, error: StoreError, form: Form, *, is_known: bool) -> Response:
        """Answer where the store cannot be read or written; why not is told those who are signed in."""
        logger.warning("request not answered", action="page.failed", reason=str(error))
        said = f"The database does not answer: {error}. Try again in a moment." if is_known else AWAY
        query = f"?{request.url.query}" if request.url.query else ""
        again = Said("Not just now", f"{said}{_doubt(request)}", request.url.path + query, "Try again")
        answer = self._page(HTTPStatus.SERVICE_UNAVAILABLE, again, form)
        answer.headers["Retry-After"] = str(SOON)
        return answer

    def unforeseen(self, request: Request, error: Exception, form: Form) -> Response:
        """Answer where something went wrong that nobody has foreseen."""
        logger.error("request failed", action="page.failed", exc_info=error)
        said = Said("Something went wrong", f"{WRONG}{_doubt(request)}", "/", "Go to the board")
        return self._page(HTTPStatus.INTERNAL_SERVER_ERROR, said, form)

    def _page(self, status: HTTPStatus, said: Said, form: Form) -> Response:
        content = self._environment.get_template("trouble.html").render(said=said, written=_written(form))
        return Response(content, status_code=status, media_type="text/html", headers=HEADERS)


def _doubt(request: Request) -> str:
    return f" {DOUBT}" if request.method == "POST" else ""


def _written(form: Form) -> Mapping[str, str]:
    return {name: said for name in WRITTEN if (said := form.values.get(name, ""))}
