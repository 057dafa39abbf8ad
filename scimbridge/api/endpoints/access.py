"""``/sources``, ``/tokens`` and ``/clients``: who writes to the bridge, and how they show who they are."""

from __future__ import annotations

from scimbridge.api.endpoint import Call, Model, Nothing, Routes
from scimbridge.api.models import access as models
from scimbridge.api.problems import ProblemError
from scimbridge.documents import client_document, source_document, token_document
from scimbridge.domain.duration import parse_duration
from scimbridge.domain.operator import Permission
from scimbridge.domain.source import SOURCE_NAME_RULE, is_source_name

routes = Routes("sources")


@routes.get("/sources", Permission.AUDIT)
def list_sources(call: Call[Nothing, Nothing]) -> models.Sources:
    """List the sources: size, last write, errors, quirks."""
    found = call.bridge.sources.all(call.now)
    return models.Sources(items=[models.SourceLine.model_validate(source_document(each)) for each in found])


@routes.get("/sources/{source}", Permission.AUDIT)
def show_source(call: Call[Nothing, Nothing]) -> models.SourceLine:
    """Show a source."""
    return models.SourceLine.model_validate(source_document(call.bridge.sources.one(call.path["source"], call.now)))


@routes.get("/tokens", Permission.ADMINISTER)
def list_tokens(call: Call[Nothing, Nothing]) -> models.Tokens:
    """List the tokens of all sources, revoked and expired ones too."""
    found = call.bridge.tokens.all()
    return models.Tokens(items=[models.TokenLine.model_validate(token_document(row, call.now)) for row in found])


@routes.post("/sources/{source}/tokens", Permission.ADMINISTER, shows_secret=True)
def create_token(call: Call[Nothing, models.TokenRequest]) -> models.NewToken:
    """Make a token for a source, which may have two at once.

    It is shown this once. A source that is not there yet is made.
    """
    source = _source(call)
    section = call.bridge.settings.sources.get(source)
    lifetime = section.token_lifetime if section is not None else None
    if call.body.expires is not None:
        lifetime = parse_duration(call.body.expires)
    token = call.bridge.tokens.create(source, by=call.by, now=call.now, lifetime=lifetime)
    return models.NewToken(token=token, expires_at=call.now + lifetime if lifetime is not None else None)


@routes.post("/tokens/{token}/revoke", Permission.ADMINISTER)
def revoke_token(call: Call[Nothing, Nothing]) -> models.RevokedOf:
    """Revoke a token of a source at once and for good."""
    source = call.bridge.tokens.revoke(call.path["token"], by=call.by, now=call.now)
    return models.RevokedOf(id=call.path["token"], of=source)


@routes.get("/clients", Permission.ADMINISTER)
def list_clients(call: Call[Nothing, Nothing]) -> models.Clients:
    """List the OAuth clients of all sources, revoked ones too."""
    return models.Clients(
        items=[models.ClientLine.model_validate(client_document(row)) for row in call.bridge.clients.all()]
    )


@routes.post("/sources/{source}/clients", Permission.ADMINISTER, shows_secret=True)
def create_client(call: Call[Nothing, models.ClientRequest]) -> models.NewClient:
    """Make an OAuth client for a source.

    Its secret is shown this once. With keys there is none: the client signs (private_key_jwt).
    """
    keys = call.body.keys.encode() if call.body.keys is not None else None
    made = call.bridge.clients.create(_source(call), by=call.by, now=call.now, keys=keys)
    endpoint = f"{call.bridge.settings.server.public_url}/oauth/token"
    return models.NewClient(client_id=made.client_id, secret=made.secret, token_endpoint=endpoint)


@routes.post("/clients/{client}/revoke", Permission.ADMINISTER)
def revoke_client(call: Call[Nothing, Nothing]) -> models.RevokedOf:
    """Revoke an OAuth client and its access tokens, for good."""
    source = call.bridge.clients.revoke(call.path["client"], by=call.by, now=call.now)
    return models.RevokedOf(id=call.path["client"], of=source)


def _source(call: Call[Model, Model]) -> str:
    if not is_source_name(call.path["source"]):
        raise ProblemError(404, f"no source can have this name; write {SOURCE_NAME_RULE}")
    return call.path["source"]
