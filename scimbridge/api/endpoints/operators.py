"""``/operators`` and ``/me``: who may use the API, and by which tokens."""

from __future__ import annotations

from datetime import timedelta

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import operators as models
from scimbridge.api.models.access import NewToken, RevokedOf
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission

routes = Routes("operators")


@routes.get("/me", Permission.LOOK)
def show_me(call: Call[Nothing, Nothing]) -> models.Me:
    """Say whose token this is, and what it may do."""
    role = call.operator.role
    return models.Me(name=call.by, role=role, permissions=[each for each in Permission if role.may(each)])


@routes.get("/operators", Permission.AUDIT)
def list_operators(call: Call[Nothing, Nothing]) -> models.Operators:
    """List the operators, revoked ones too."""
    rows = {row["name"]: row for row in call.bridge.operators.all()}
    return models.Operators(
        items=[
            models.OperatorLine.model_validate({name: row[name] for name in models.OperatorLine.model_fields})
            for row in rows.values()
        ]
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
def revoke_operator(call: Call[Nothing, Nothing]) -> RevokedOf:
    """Let an operator in no more, at once, by none of their tokens."""
    name = call.path["operator"]
    call.bridge.operators.revoke(name, by=call.by, now=call.now)
    return RevokedOf(id=name, of=name)


@routes.get("/operators/{operator}/tokens", Permission.ADMINISTER)
def list_operator_tokens(call: Call[Nothing, Nothing]) -> models.OperatorTokens:
    """List the tokens of an operator, revoked and expired ones too."""
    found = call.bridge.operator_tokens.all(call.path["operator"])
    return models.OperatorTokens(items=[models.OperatorTokenLine.model_validate(dict(row)) for row in found])


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
def revoke_operator_token(call: Call[Nothing, Nothing]) -> RevokedOf:
    """Revoke one token of an operator at once and for good."""
    operator = call.bridge.operator_tokens.revoke(call.path["token"], by=call.by, now=call.now)
    return RevokedOf(id=call.path["token"], of=operator)


def _lifetime(said: str | None) -> timedelta | None:
    return None if said is None else parse_duration(said)
