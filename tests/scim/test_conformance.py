"""scim2-tester against the service provider: everything it checks, nothing passed over."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from scim2_tester.utils import get_registered_tags

from tests.processes.serving import Server

PASSED = {Status.SUCCESS, Status.COMPLIANT}


class Watched(httpx2.HTTPTransport):
    """Lets conditional headers through or takes them out, and counts those that it sends."""

    def __init__(self, *, conditional: bool) -> None:
        super().__init__()
        self.sent = 0
        self._conditional = conditional

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        for name in ("If-Match", "If-None-Match"):
            if not self._conditional:
                request.headers.pop(name, None)
            self.sent += name in request.headers
        return super().handle_request(request)


@pytest.fixture(params=[True, False], ids=["with-preconditions", "without-preconditions"])
def transport(request: pytest.FixtureRequest) -> Iterator[Watched]:
    transport = Watched(conditional=request.param)
    yield transport
    transport.close()
    assert (transport.sent > 0) is request.param


def test_scim2_tester_finds_nothing_to_report(server: Server, transport: Watched) -> None:
    headers = {"Authorization": f"Bearer {server.new_source()}"}
    client = httpx2.Client(transport=transport, base_url=server.base, headers=headers)

    results = check_server(informed(SyncSCIMClient(client)))

    assert [str(result) for result in results if result.status not in PASSED] == []
    assert {result.resource_type for result in results if result.resource_type} == {"User", "Group"}
    assert {tag for result in results for tag in result.tags} >= get_registered_tags()


def informed(client: SyncSCIMClient) -> SyncSCIMClient:
    """Tell the tester what no schema can say: it fills strings at random, and not every string is a date."""
    client.discover()
    user = client.get_resource_model("User")
    assert user is not None
    for extension in user.get_extension_models().values():
        if "end_date" in extension.model_fields:
            extension.model_fields["end_date"].examples = ["2026-03-31"]
    return client
