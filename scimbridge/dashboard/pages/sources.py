"""Sources: who writes to the bridge, how they show who they are, and in what ways of their own."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from scimbridge.dashboard.deciding import IncompleteFormError, be_sure
from scimbridge.dashboard.flash import done
from scimbridge.dashboard.lifetimes import LIFETIMES, lifetime_of
from scimbridge.dashboard.page import Page, Shown, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.domain.source import SOURCE_NAME_RULE, is_source_name
from scimbridge.errors import NotFoundError
from scimbridge.services.tokens import EXPIRES_SOON, MOST_LIVE

PATH = "/sources"


class SourcesPage(Page):
    """All of them, with their tokens; and a form for another one."""

    path = PATH
    template = "sources.html"
    permission = Permission.AUDIT
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them by name; also those that are configured and have no token yet."""
        tokens: dict[str, list[Any]] = {name: [] for name in self.bridge.settings.sources}
        for row in self.bridge.tokens.all():
            of_source = tokens.setdefault(row["source"], [])
            if row["revoked_at"] is None:
                of_source.append(row)
        return {
            "sources": [_line(name, found) for name, found in sorted(tokens.items())],
            "configured": self.bridge.settings.sources,
            "lifetimes": LIFETIMES,
            "soon": visit.now + EXPIRES_SOON,
        }

    def post(self, visit: Visit) -> Response | Shown:
        """Make a token, and with the first one the source."""
        name = visit.form.get("name", "")
        if not is_source_name(name):
            raise IncompleteFormError(f"no source can have this name; write {SOURCE_NAME_RULE}")
        return _new_token(self, visit, name)


class SourcePage(Page):
    """One source: tokens and clients, what it wrote last, and its ways."""

    path = "/sources/{source}"
    template = "source.html"
    permission = Permission.AUDIT
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what is known of it."""
        source = self.bridge.sources.one(_source(visit), visit.now)
        clients = [row for row in self.bridge.clients.all() if row["source"] == source.name]
        return {
            "source": source,
            "clients": clients,
            "lifetimes": LIFETIMES,
            "soon": visit.now + EXPIRES_SOON,
            "most": MOST_LIVE,
        }

    def post(self, visit: Visit) -> Response | Shown:
        """Make a token or revoke one."""
        name = _source(visit)
        match visit.form.get("what"):
            case "token":
                return _new_token(self, visit, self.bridge.sources.one(name, visit.now).name)
            case "revoke":
                be_sure(visit)
                self._revoke(visit, name)
            case _:
                raise IncompleteFormError("there is no such action")
        return go_to(visit, f"{PATH}/{quote(name)}", [done("The token lets nobody in any more.")])

    def _revoke(self, visit: Visit, name: str) -> None:
        token = visit.form.get("token", "")
        if all(row["id"] != token for row in self.bridge.sources.one(name, visit.now).tokens):
            raise NotFoundError("token", token)
        self.bridge.tokens.revoke(token, by=visit.operator.name, now=visit.now)


def _line(name: str, tokens: list[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "tokens": len(tokens),
        "used_at": max((row["last_used_at"] for row in tokens if row["last_used_at"]), default=None),
        "ends_at": min((row["expires_at"] for row in tokens if row["expires_at"]), default=None),
    }


def _new_token(page: Page, visit: Visit, name: str) -> Shown:
    lifetime = lifetime_of(visit.form.get("lifetime", ""))
    token = page.bridge.tokens.create(name, by=visit.operator.name, now=visit.now, lifetime=lifetime)
    what = (
        f"A token of {name}; enter it at the identity provider, with {page.bridge.settings.server.public_url}/scim/v2"
    )
    return Shown("shown-once.html", {"what": what, "secret": token, "back": f"{PATH}/{quote(name)}", "link": ""})


def _source(visit: Visit) -> str:
    return str(visit.request.path_params["source"])
