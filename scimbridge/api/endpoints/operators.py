"""``/operators`` and ``/me``: who may use the API, and by which tokens."""

from __future__ import annotations

from datetime import timedelta

from scimbridge.api.endpoint import Call, Model, Nothing, Routes
from scimbridge.api.models import operators as models
from scimbridge.api.models.access import NewToken, RevokedOf
from scimbridge.api.models.steps import Because
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.session import Session
from scimbridge.errors import NotFoundError
from scimbridge.notices.links import sign_in_link
from scimbridge.services.signing_in import LINK_LIFETIME

routes = Routes("operators")


@routes.get("/me", Permission.LOOK)
def show_me(call: Call[Nothing, Nothing]) -> models.Me:
    """Say whose token this is, and what it may do."""
    role = call.operator.role
    return models.Me(name=call.by, role=role, permissions=[each for each in Permission if role.may(each)])


@routes.get("/operators", Permission.AUDIT)
def list_operators(call: Call[Nothing, Nothing]) -> models.Operators:
    """List the operators, revoked ones too."""
    return models.Operators(
        items=[models.OperatorLine.from_row(row) for row in call.bridge.operators.everybody(call.now)]
    )


@routes.post("/operators", Permission.ADMINISTER, shows_secret=True)
def create_operator(call: Call[Nothing, models.OperatorRequest]) -> NewToken:
    """Let an operator use the API.

    Their first token is shown this once. One who was revoked is let in again.
    """
    lifetime = _lifetime(call.body.expires)
    token = call.bridge.operators.create(call.body.name, call.body.role, by=call.by, now=call.now, lifetime=lifetime)
    return NewToken(token=token, expires_at=call.now + lifetime if lifetime is not None else None)


@routes.post("/operators/{operator}/revoke", Permission.ADMINISTER)
def revoke_operator(call: Call[Nothing, Because]) -> RevokedOf:
    """Let an operator in no more, at once, by nothing they have: tokens, password, links, sessions."""
    name = call.path["operator"]
    call.bridge.operators.revoke(name, reason=call.body.reason, by=call.by, now=call.now)
    return RevokedOf(id=name, of=name)


@routes.post("/operators/{operator}/readmit", Permission.ADMINISTER)
def readmit_operator(call: Call[Nothing, Because]) -> models.OperatorLine:
    """Let somebody in again who was revoked here.

    For those whom an identity provider signs in; others are created anew.
    """
    call.bridge.operators.let_in_again(call.path["operator"], reason=call.body.reason, by=call.by, now=call.now)
    return _line(call)


@routes.post("/operators/{operator}/role", Permission.ADMINISTER)
def change_role(call: Call[Nothing, models.RoleRequest]) -> models.OperatorLine:
    """Give an operator another role.

    It holds at once; their sessions end.
    """
    call.bridge.operators.change_role(
        call.path["operator"], call.body.role, reason=call.body.reason, by=call.by, now=call.now
    )
    return _line(call)


@routes.post("/operators/{operator}/sign-in", Permission.ADMINISTER, shows_secret=True)
def make_link(call: Call[Nothing, Nothing]) -> models.NewLink:
    """Make a link by which an operator signs in to the pages once.

    It is good for an hour, and lets in past a lock and a lost phone.
    """
    secret = call.bridge.signing_in.make_link(call.path["operator"], by=call.by, now=call.now)
    link = sign_in_link(call.bridge.settings.server.public_url, secret)
    return models.NewLink(link=link, expires_at=call.now + LINK_LIFETIME)


@routes.get("/operators/{operator}/sessions", Permission.AUDIT)
def list_sessions(call: Call[Nothing, Nothing]) -> models.Sessions:
    """List where an operator is signed in to the pages."""
    name = _line(call).name
    return models.Sessions(items=[_session(each) for each in call.bridge.sessions.of(name, call.now)])


@routes.post("/operators/{operator}/end-sessions", Permission.ADMINISTER)
def end_sessions(call: Call[Nothing, models.EndRequest]) -> models.EndedSessions:
    """End one session of an operator, or all of them, at once."""
    name, sessions, why = _line(call).name, call.bridge.sessions, call.body.reason
    if call.body.session is None:
        return models.EndedSessions(ended=sessions.end_all(name, by=call.by, now=call.now, reason=why))
    sessions.end(name, call.body.session, by=call.by, now=call.now, reason=why)
    return models.EndedSessions(ended=1)


@routes.get("/operators/{operator}/tokens", Permission.ADMINISTER)
def list_operator_tokens(call: Call[Nothing, Nothing]) -> models.OperatorTokens:
    """List the tokens of an operator, revoked and expired ones too."""
    found = call.bridge.operator_tokens.all(call.path["operator"])
    return models.OperatorTokens(items=[models.OperatorTokenLine.from_row(row) for row in found])


@routes.post("/operators/{operator}/tokens", Permission.ADMINISTER, shows_secret=True)
def create_operator_token(call: Call[Nothing, models.OperatorTokenRequest]) -> NewToken:
    """Make another token for an operator, for a program of its own.

    It is shown this once, and may do what the operator's role may.
    """
    lifetime = _lifetime(call.body.expires)
    token = call.bridge.operator_tokens.create(
        call.path["operator"], call.body.name, by=call.by, now=call.now, lifetime=lifetime
    )
    return NewToken(token=token, expires_at=call.now + lifetime if lifetime is not None else None)


@routes.post("/operator-tokens/{token}/revoke", Permission.ADMINISTER)
def revoke_operator_token(call: Call[Nothing, Because]) -> RevokedOf:
    """Revoke one token of an operator at once and for good."""
    operator = call.bridge.operator_tokens.revoke(call.path["token"], reason=call.body.reason, by=call.by, now=call.now)
    return RevokedOf(id=call.path["token"], of=operator)


def _line(call: Call[Model, Model]) -> models.OperatorLine:
    """Return the operator in the path.

    Raises:
        NotFoundError: There is none of this name.
    """
    name = call.path["operator"]
    for row in call.bridge.operators.everybody(call.now):
        if row["name"] == name:
            return models.OperatorLine.from_row(row)
    raise NotFoundError("operator", name)


def _session(session: Session) -> models.SessionLine:
    return models.SessionLine(
        id=session.id,
        way=session.way,
        created_at=session.created_at,
        seen_at=session.seen_at,
        ends_at=session.ends_at,
        address=session.visitor.address,
        browser=session.visitor.browser,
    )


def _lifetime(said: str | None) -> timedelta | None:
    return None if said is None else parse_duration(said)
