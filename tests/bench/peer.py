"""scim2-server as it comes: in memory, one uvicorn process."""

from __future__ import annotations

import sys

import uvicorn
from scim2_models import ScimProvider
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)


def app() -> ASGIApplication:
    """Return the server with its default schemas and no sign-in."""
    schemas, types = load_default_schemas().values(), list(load_default_resource_types().values())
    provider = ScimProvider.from_discovery(schemas, types, config=load_default_service_provider_config())
    return ASGIApplication(AsyncInMemoryStorage(), provider)


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
