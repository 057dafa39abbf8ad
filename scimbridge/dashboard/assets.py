"""Style sheet and scripts. Their addresses change with their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_TYPES = {"css": "text/css", "js": "text/javascript"}
_NAMES = ("dashboard.css", "dashboard.js", "htmx.min.js", "htmx-sse.min.js")


@cache
def content_of(name: str) -> bytes:
    """Return a file that pages load; the style sheet is made of the files in ``css``, in the order of their names."""
    static = files("scimbridge.dashboard").joinpath("static")
    if name.endswith(".min.js"):
        return static.joinpath("vendor", name).read_bytes()
    if name != "dashboard.css":
        return static.joinpath(name).read_bytes()
    parts = sorted(static.joinpath("css").iterdir(), key=lambda part: part.name)
    return b"\n".join(part.read_bytes() for part in parts if part.name.endswith(".css"))


@cache
def address_of(name: str) -> str:
    """Return where a file is found."""
    return f"/static/{name}?v={hashlib.sha256(content_of(name)).hexdigest()[:12]}"


def asset_routes() -> list[Route]:
    """Return the route of every file that pages load."""
    return [Route("/static/{name}", _answer, name="static")]


async def _answer(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _NAMES:
        return PlainTextResponse("there is no such file\n", status_code=404)
    is_named_by_content = "v" in request.query_params
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=31536000, immutable" if is_named_by_content else "no-cache",
    }
    return Response(content_of(name), media_type=_TYPES[name.rpartition(".")[2]], headers=headers)
