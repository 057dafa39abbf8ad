"""Benches at which the target is Google Workspace or Microsoft 365, and what comes over its calls."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from connectors.google_workspace import GoogleWorkspaceConnector
from connectors.google_workspace.client import GoogleClient
from connectors.microsoft365 import Microsoft365Connector
from connectors.microsoft365.client import GraphClient
from scimbridge.sdk import Connector, Context
from scimbridge.services.permit import TargetPermit
from tests.connectors.google_bridge import Workspace
from tests.connectors.graph_bridge import Directory
from tests.doubles.serving import Answer, Asked, Fault
from tests.services.bench import Bench


class CloudBench(Bench):
    """A bench at which the target is a cloud."""

    cloud: Workspace | Directory

    def _build(self, name: str) -> Connector:  # type: ignore[type-arg,override]  # the bench knows the sample only
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        context = Context(target=name, permit=permit, throttled=permit.throttled)
        self.connector: GoogleWorkspaceConnector | Microsoft365Connector
        if isinstance(self.cloud, Workspace):
            config = self.cloud.config()
            client = GoogleClient(config, context, sleep=lambda _: None)
            self.connector = GoogleWorkspaceConnector(config, context, client=client)
        else:
            graph = self.cloud.config()
            at = GraphClient(graph, context, sleep=lambda _: None)
            self.connector = Microsoft365Connector(graph, context, client=at)
        return self.connector


def storm(seed: int, throttled: Answer, *, share: float = 0.05) -> list[Fault]:
    """Return faults of each kind, for so large a share of the calls: put off, out of order, reset, done and not told.

    The first ten calls are all put off.
    """
    rng = Random(seed)  # chance, not secrecy

    def some(_: Asked) -> bool:
        return rng.random() < share

    many = 10**6
    return [
        Fault(throttled, times=10),
        Fault(throttled, times=many, is_meant=some),
        Fault(Answer(status=503), times=many, is_meant=some),
        Fault(times=many, is_meant=some),
        Fault(times=many, is_meant=some, is_late=True),
    ]


def doubled(asked: Sequence[Asked]) -> list[str]:
    """Return what was carried out more than once."""
    seen = [f"{each.method} {each.path} {each.body.decode()}" for each in asked]
    return sorted({each for each in seen if seen.count(each) > 1})
