"""The connector for Microsoft 365, at a double of Graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from connectors.microsoft365 import Microsoft365Config, Microsoft365Connector
from connectors.microsoft365.client import GraphClient
from scimbridge.sdk import Action, Context, Permit
from scimbridge.sdk.connector import Throttled
from scimbridge.sdk.testing import RecordingPermit, confirmed
from tests.doubles.graph import CLIENT, SECRET, TENANT, Graph, User
from tests.doubles.serving import running


class Directory:
    """A double that runs, and connectors at it.

    Attributes:
        settings: Of all connectors at it, beside what each is told.
    """

    def __init__(self, graph: Graph, url: str) -> None:
        self.graph = graph
        self.url = url
        graph.origin = url
        self.settings: dict[str, Any] = {}
        self.skus = [graph.tenant.sell("SPE_E3"), graph.tenant.sell("VISIOCLIENT")]

    def table(self, **settings: Any) -> dict[str, Any]:
        """Return what an operator would write."""
        return {
            "connector": "microsoft365",
            "mode": "enforce",
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "mail_settings": True,
            "match": {"userName": "userPrincipalName", "externalId": "employeeId"},
            "authority": self.url,
            "api_root": f"{self.url}/v1.0",
            **self.settings,
            **settings,
        }

    def config(self, **settings: Any) -> Microsoft365Config:
        """Return a configuration for the double."""
        return Microsoft365Config.model_validate(self.table(**settings))

    def connector(
        self, permit: Permit | None = None, *, throttled: Throttled = lambda _: None, **settings: Any
    ) -> Microsoft365Connector:
        """Return a connector that waits for nothing."""
        config = self.config(**settings)
        context = Context(target="m365", permit=permit or RecordingPermit(), throttled=throttled)
        client = GraphClient(config, context, sleep=lambda _: None)
        return Microsoft365Connector(config, context, client=client)


@contextmanager
def directory() -> Iterator[Directory]:
    """Run a double."""
    graph = Graph()
    with running(graph) as url:
        yield Directory(graph, url)


def perform(connector: Microsoft365Connector, action: Action, user: User, **engine: Any) -> Any:
    """Do something to somebody as they are now; ``engine`` is what the engine would set."""
    return connector.perform(action, replace(connector.read(user.id), **engine), confirmed)
