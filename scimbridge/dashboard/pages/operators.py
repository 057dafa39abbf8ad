"""Operators: who may come in, by what, and where they are signed in."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, who_and_why
from scimbridge.dashboard.flash import done
from scimbridge.dashboard.lifetimes import LIFETIMES, lifetime_of
from scimbridge.dashboard.page import Page, Shown, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission, Role, is_of_provider, is_operator_name
from scimbridge.domain.session import Session
from scimbridge.errors import NotFoundError
from scimbridge.notices.links import sign_in_link
from scimbridge.services.signing_in import LINK_LIFETIME

PATH = "/operators"


class OperatorsPage(Page):
    """All of them, revoked ones too; and a form to let another one in."""

    path = PATH
    template = "operators.html"
    permission = Permission.AUDIT
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return them, with how often each is signed in."""
        sessions: dict[str, list[Session]] = {}
        for session in self.bridge.sessions.all(visit.now):
            sessions.setdefault(session.operator.name, []).append(session)
        return {"operators": self.bridge.operators.everybody(visit.now), "sessions": sessions, "roles": _roles()}

    def post(self, visit: Visit) -> Response | Shown:
        """Let another one in, and show their link this once."""
        name = visit.form.get("name", "")
        if not is_operator_name(name):
            raise IncompleteFormError('a name is letters, digits, ".", "_", "@", "+" and "-", at most 100 of them')
        self.bridge.operators.add(name, _role(visit), by=visit.operator.name, now=visit.now)
        return _link(self, visit, name)


class OperatorPage(Page):
    """One operator: sessions, tokens, role."""

    path = "/operators/{name}"
    template = "operator.html"
    permission = Permission.AUDIT
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what lets them in."""
        name = _name(visit)
        found = next((row for row in self.bridge.operators.everybody(visit.now) if row["name"] == name), None)
        if found is None:
            raise NotFoundError("operator", name)
        return {
            "operator": found,
            "sessions": self.bridge.sessions.of(name, visit.now),
            "tokens": (tokens := self.bridge.operator_tokens.all(name)),
            "live_tokens": [row for row in tokens if row["revoked_at"] is None],
            "is_of_provider": is_of_provider(name),
            "is_oneself": name == visit.operator.name,
            "roles": _roles(),
            "lifetimes": LIFETIMES,
        }

    def post(self, visit: Visit) -> Response | Shown:
        """Do what one of the forms asks for."""
        name, by, now = _name(visit), visit.operator.name, visit.now
        operators, here = self.bridge.operators, f"{PATH}/{quote(_name(visit))}"
        match visit.form.get("what"):
            case "link":
                return _link(self, visit, name)
            case "token":
                return self._make_token(visit, name)
            case "role":
                role = _role(visit)
                operators.change_role(name, role, **who_and_why(visit))
                said = f"The role is {role} now; their sessions were ended."
            case "revoke":
                be_sure(visit)
                operators.revoke(name, **who_and_why(visit))
                said = "Revoked: nothing they have lets them in."
            case "readmit":
                operators.let_in_again(name, **who_and_why(visit))
                said = "They may sign in again, by the identity provider."
            case "end-all":
                said = f"Sessions that were ended: {self.bridge.sessions.end_all(name, by=by, now=now)}."
            case "end":
                self.bridge.sessions.end(name, visit.form.get("session", ""), by=by, now=now)
                said = "The session was ended."
            case "revoke-token":
                be_sure(visit)
                self._revoke_token(visit, name)
                said = "The token lets nobody in any more."
            case _:
                raise IncompleteFormError("there is no such action")
        return go_to(visit, here, [done(said)])

    def _make_token(self, visit: Visit, name: str) -> Shown:
        purpose = visit.form.get("purpose", "")
        if not 0 < len(purpose) <= 100:
            raise IncompleteFormError("say what the token is for, in at most 100 letters")
        lifetime = lifetime_of(visit.form.get("lifetime", ""))
        token = self.bridge.operator_tokens.create(
            name, purpose, by=visit.operator.name, now=visit.now, lifetime=lifetime
        )
        what = f"A token of {name} for {purpose}"
        return Shown("shown-once.html", {"what": what, "secret": token, "back": f"{PATH}/{quote(name)}", "link": ""})

    def _revoke_token(self, visit: Visit, name: str) -> None:
        token = visit.form.get("token", "")
        if all(row["id"] != token for row in self.bridge.operator_tokens.all(name)):
            raise NotFoundError("token", token)
        self.bridge.operator_tokens.revoke(token, **who_and_why(visit))


def _link(page: Page, visit: Visit, name: str) -> Shown:
    secret = page.bridge.signing_in.make_link(name, by=visit.operator.name, now=visit.now)
    minutes = int(LINK_LIFETIME.total_seconds() // 60)
    what = f"A link by which {name} signs in once, within {minutes} minutes"
    link = sign_in_link(page.bridge.settings.server.public_url, secret)
    return Shown("shown-once.html", {"what": what, "secret": link, "back": f"{PATH}/{quote(name)}", "link": link})


def _name(visit: Visit) -> str:
    return str(visit.request.path_params["name"])


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form.get("role", ""))
    except ValueError as error:
        raise IncompleteFormError("choose a role") from error


def _roles() -> list[tuple[str, str]]:
    return [(role.value, f"{role.value}: {_MAY[role]}") for role in Role]


_MAY = {
    Role.VIEWER: "looks",
    Role.AUDITOR: "looks at everything, and changes nothing",
    Role.OPERATOR: "decides about people, cases, holds, targets",
    Role.ADMIN: "everything, and lets others in",
}
