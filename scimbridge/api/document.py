"""The OpenAPI document: made of the declarations and models that serve the requests, so that it says what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from scimbridge.api.endpoint import Answer, Endpoint
from scimbridge.api.problems import MEDIA_TYPE, WHEN
from scimbridge.api.serving import KEY, REPEATED
from scimbridge.domain.operator import roles_that_may

_REF = "#/components/schemas/{model}"
Document = dict[str, Any]


class Where(Answer):
    """What is wrong with one value."""

    at: str
    detail: str


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Where] | None = None


def openapi(endpoints: Sequence[Endpoint], public_url: str) -> Document:
    """Return the document (OpenAPI 3.1).

    Args:
        endpoints: All endpoints.
        public_url: The address of the bridge, without a slash at its end.
    """
    schemas = _Schemas(endpoints)
    paths: dict[str, Document] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "scimbridge",
            "version": "1",
            "description": "What operators and their programs can do. Keys may be added to answers, never renamed.",
        },
        "servers": [{"url": f"{public_url}/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas.shared,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "From `scimbridge operator create NAME --role operator`.",
                }
            },
        },
    }


class _Schemas:
    """The schemas of all models, and where each is."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        used: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
        for each in endpoints:
            used[(each.asks, "validation")] = None
            if each.has_body:
                used[(each.takes, "validation")] = None
            if each.gives is not None:
                used[(each.gives, "serialization")] = None
        self._places, found = models_json_schema(list(used), ref_template=_REF)
        self._all: dict[str, Document] = found["$defs"]
        queries = {self._name(each.asks, "validation") for each in endpoints}
        self.shared = {name: schema for name, schema in self._all.items() if name not in queries}

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> Document:
        """Return the reference to a model."""
        return dict(self._places[(model, mode)])

    def whole(self, model: type[BaseModel]) -> Document:
        """Return the schema of a query."""
        return self._all[self._name(model, "validation")]

    def _name(self, model: type[BaseModel], mode: JsonSchemaMode) -> str:
        return str(self._places[(model, mode)]["$ref"]).rpartition("/")[2]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Document:
    roles = ", ".join(roles_that_may(endpoint.permission))
    found: Document = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": f"{endpoint.description} Takes the permission {endpoint.permission}: {roles}.".strip(),
        "parameters": list(_parameters(endpoint, schemas)),
        "responses": dict(_responses(endpoint, schemas)),
    }
    if endpoint.has_body:
        content = {"application/json": {"schema": schemas.of(endpoint.takes, "validation")}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> Iterator[Document]:
    for name in endpoint.parameters:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    whole = schemas.whole(endpoint.asks)
    for name, schema in whole.get("properties", {}).items():
        described = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        yield {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            "description": schema.get("description", ""),
            "schema": _without_null(described),
        }
    if endpoint.acts:
        yield {
            "name": KEY,
            "in": "header",
            "required": False,
            "description": "Asked again with the same key within 24 hours, it is answered again, and not done again.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }


def _without_null(schema: Document) -> Document:
    """A parameter that is absent is not there; nobody writes null into an address."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    more = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    if not choices:
        return more
    return {**choices[0], **more} if len(choices) == 1 else {"anyOf": choices, **more}


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Iterator[tuple[str, Document]]:
    if endpoint.gives is None:
        yield "200", {"description": "A stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    else:
        content = {"application/json": {"schema": schemas.of(endpoint.gives, "serialization")}}
        answer: Document = {"description": "Done." if endpoint.acts else "Found.", "content": content}
        if endpoint.acts:
            answer["headers"] = {
                REPEATED: {"description": "Only where it was done before.", "schema": {"type": "string"}}
            }
        yield "200", answer
    problem = {MEDIA_TYPE: {"schema": schemas.of(Problem, "serialization")}}
    for status in sorted(_statuses(endpoint)):
        yield str(status), {"description": WHEN[status], "content": problem}


def _statuses(endpoint: Endpoint) -> Iterator[int]:
    yield from (401, 403, 405, 422, 429, 500, 503)
    if endpoint.has_body or endpoint.acts:
        yield 400
    if endpoint.has_body:
        yield from (413, 415)
    if endpoint.parameters or endpoint.method != "GET" or endpoint.asks.model_fields:
        yield 404
    if endpoint.acts:
        yield 409
    if endpoint.reaches_targets:
        yield 502
