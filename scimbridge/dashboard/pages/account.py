"""One's own account: sessions, password, and the codes of an app."""

from __future__ import annotations

from typing import Any

import segno
from markupsafe import Markup
from starlette.responses import Response

from scimbridge.dashboard.flash import done
from scimbridge.dashboard.page import Page, Shown, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.one_time_code import address_of, is_secret, new_secret
from scimbridge.domain.operator import Permission, Way, is_of_provider
from scimbridge.errors import SignInRefusedError, WeakPasswordError

PATH = "/account"
APP_PATH = "/account/app"
ISSUER = "scimbridge"


class AccountPage(Page):
    """Where one is signed in, and by what one signs in."""

    path = PATH
    template = "account.html"
    permission = Permission.LOOK
    posting = Permission.LOOK

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return what there is of one's own."""
        name = visit.operator.name
        has_password, has_app = self.bridge.own_access.has(name)
        return {
            "sessions": self.bridge.sessions.of(name, visit.now),
            "has_password": has_password,
            "has_app": has_app,
            "is_of_provider": is_of_provider(name),
            "came_by_link": visit.session.way is Way.LINK,
        }

    def post(self, visit: Visit) -> Response:
        """Do what one of the forms asks for."""
        match visit.form.get("what"):
            case "password":
                return self._choose_password(visit)
            case "drop-app":
                self.bridge.own_access.drop_codes(visit.session, visit.form.get("code", ""), visit.now)
                return go_to(visit, PATH, [done("No codes are asked for any more.")])
            case "end-others":
                name = visit.operator.name
                ended = self.bridge.sessions.end_all(name, by=name, now=visit.now, but=visit.session.id)
                return go_to(visit, PATH, [done(f"Other sessions that were ended: {ended}.")])
            case _:
                return self._end(visit)

    def _choose_password(self, visit: Visit) -> Response:
        new = visit.form.get("new", "")
        if new != visit.form.get("again", ""):
            raise WeakPasswordError("the two new passwords differ")
        self.bridge.own_access.choose_password(visit.session, visit.form.get("current", ""), new, visit.now)
        return go_to(visit, PATH, [done("The new password is good from now on; your other sessions were ended.")])

    def _end(self, visit: Visit) -> Response:
        name, session_id = visit.operator.name, visit.form.get("session", "")
        self.bridge.sessions.end(name, session_id, by=name, now=visit.now)
        return go_to(visit, PATH, [done("The session was ended.")])


class AppPage(Page):
    """Setting up an authenticator app."""

    path = APP_PATH
    template = "account-app.html"
    permission = Permission.LOOK
    posting = Permission.LOOK

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return a new secret; nothing is kept of it until the app has shown a code."""
        return _offer(new_secret(), visit.operator.name)

    def post(self, visit: Visit) -> Response | Shown:
        """Ask for the app's codes from now on."""
        secret = visit.form.get("secret", "")
        try:
            self.bridge.own_access.add_codes(visit.session, secret, visit.form.get("code", ""), visit.now)
        except SignInRefusedError as error:
            # The same secret once more: the app has it already.
            kept = secret if is_secret(secret) else new_secret()
            return Shown(self.template, _offer(kept, visit.operator.name, said=str(error)))
        return go_to(visit, PATH, [done("Codes of your app are asked for from now on.")])


def _offer(secret: str, name: str, *, said: str = "") -> dict[str, Any]:
    address = address_of(secret, name, ISSUER)
    drawn = segno.make_qr(address).svg_inline(omitsize=True, svgclass="qr", lineclass=None, border=2)
    return {"secret": secret, "address": address, "drawn": Markup(drawn), "said": said}  # noqa: S704  # ours alone
