"""What the document allows is answered as it says, and what it does not allow is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from scimbridge.api.app import ENDPOINTS
from scimbridge.api.endpoint import Endpoint
from scimbridge.api.serving import KEY
from scimbridge.asgi import create_app
from tests.api.world import World, a_world
from tests.emptying import OnSqlite

EXAMPLES = int(os.environ.get("SCIMBRIDGE_FUZZ", "2"))
"""Cases of each endpoint and kind."""


BEYOND_SCHEMAS = {
    "previewAction",
    "actOnCases",
    "expediteCase",
    "requestLeavers",
    "placeHold",
    "addExclusion",
    "createClient",
    "verifyProof",
    "draftRules",
}
"""What asks for more than a schema can say: one field or the other, a filter, a key."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, on_sqlite: OnSqlite) -> Iterator[World]:
    on_sqlite.empty()
    made = a_world(tmp_path_factory.mktemp("fuzz"), on_sqlite.database.url.render_as_string(hide_password=False))
    made.leaver("ada")
    made.run("2h")
    yield made
    made.bridge.close()


@pytest.fixture(scope="module")
def schema(world: World) -> BaseSchema:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(world.bridge))


def test_the_document_is_valid(schema: BaseSchema) -> None:
    schema.validate()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_it_answers_as_the_document_says(
    world: World, schema: BaseSchema, endpoint: Endpoint, mode: GenerationMode
) -> None:
    operation = schema[endpoint.path][endpoint.method]
    excluded: list[Any] = [positive_data_acceptance] if endpoint.name in BEYOND_SCHEMAS else []
    headers, keys = world.headers(), count()

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Case[Any]) -> None:
        if KEY in case.headers:  # each request is another one
            case.headers[KEY] = f"{endpoint.name}-{next(keys)}"
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    check()
