"""Where clouds give out credentials, no target is: over real sockets, with a network of this machine as the cloud's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpcore
import pytest
from pydantic import ValidationError

from connectors.google_workspace import GoogleWorkspaceConfig
from connectors.microsoft365 import Microsoft365Config
from connectors.scim import ScimConfig
from connectors.webhook import WebhookConfig
from scimbridge.notices.webhook import check_url
from scimbridge.sdk import Context, RetryableError, TargetConfig, TargetUnusableError, addresses
from scimbridge.sdk.http import HttpClient, Limits
from scimbridge.sdk.testing import RecordingPermit
from tests.sdk.servers import answering, serving

METADATA = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.254.0251.0xfe",
    "169.254.43518",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "100.100.100.200",
    "168.63.129.16",
]
CLOUD = "127.66.0.1"


@contextmanager
def listening() -> Iterator[tuple[int, socket.socket]]:
    """A port on which the forbidden address listens, and no other."""
    with socket.create_server((CLOUD, 0)) as listener:
        listener.setblocking(False)
        yield listener.getsockname()[1], listener


def was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def get(url: str, **settings: Any) -> int:
    client = HttpClient(url, permit=RecordingPermit(), **settings)
    try:
        return client.send("GET", "/", call="reading an account").status
    finally:
        client.close()


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the resolver of this machine tell one list of addresses after the other; return whom it was asked for."""
    asked: list[str] = []
    real, left = socket.getaddrinfo, list(answers)

    def lookup(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host != "app.example.com":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [found for address in left.pop(0) for found in real(address, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.mark.parametrize("host", METADATA)
def test_metadata_is_refused_however_it_is_spelled(host: str) -> None:
    permit = RecordingPermit()
    for url in (f"http://{host}", f"https://{host}:8443/latest"):
        with pytest.raises(TargetUnusableError, match=r"reading an account: .* `allow_link_local = true`"):
            HttpClient(url, permit=permit).send("GET", "/", call="reading an account")


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "127.0.0.1", "[::1]", "[fd12::1]", "app.example.com", "8"])
def test_private_networks_are_where_targets_live(host: str) -> None:
    addresses.refuse_written(f"https://{host}/scim")


@pytest.mark.parametrize("spelled", [CLOUD, "2135031809", "0x7f420001", "127.66.1", "[::ffff:127.66.0.1]"])
def test_nothing_is_sent_there_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    monkeypatch.setattr(addresses, "FORBIDDEN", (ip_network("127.66.0.0/16"),))
    with listening() as (port, listener):
        # What is written is looked at first; without that, the connection itself refuses.
        monkeypatch.setattr("scimbridge.sdk.http.refuse_written", lambda _url: None)
        with pytest.raises(TargetUnusableError, match=r"127\.66\.0\.1 is link-local"):
            get(f"http://{spelled}:{port}")
        assert not was_called(listener)


def test_where_it_is_allowed_the_target_is_called() -> None:
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "FORBIDDEN", (ip_network("127.0.0.0/8"),))

        assert get(address, allow_link_local=True) == 204
        with pytest.raises(TargetUnusableError):
            get(address)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_client_of_a_target_keeps_to_its_table_and_its_permit(allowed: bool) -> None:
    permit, config = RecordingPermit(), TargetConfig(connector="app", allow_link_local=allowed)
    with serving(answering(b"HTTP/1.1 429 Busy\r\n\r\n")) as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "FORBIDDEN", (ip_network("127.0.0.0/8"),))
        throttled: list[object] = []
        context = Context(target="app", permit=permit, throttled=throttled.append)
        client = HttpClient.for_target(address, config, context, limits=Limits(tries=1))

        with pytest.raises(RetryableError if allowed else TargetUnusableError):
            client.send("GET", "/", call="reading an account")

        client.close()
    assert throttled == ([None] if allowed else [])
    assert permit.asked == [False]


def test_a_name_that_leads_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "FORBIDDEN", (ip_network("127.66.0.0/16"),))
    with listening() as (port, listener):
        resolving_to(monkeypatch, ["127.0.0.1", CLOUD])

        with pytest.raises(TargetUnusableError, match=r"127\.66\.0\.1 is link-local"):
            get(f"http://app.example.com:{port}")

        assert not was_called(listener)


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is told harmlessly first, and then as the cloud's (DNS rebinding), is asked for once."""
    monkeypatch.setattr(addresses, "FORBIDDEN", (ip_network("127.66.0.0/16"),))
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as address:
        asked = resolving_to(monkeypatch, ["127.0.0.1"], [CLOUD])

        assert get(address.replace("127.0.0.1", "app.example.com")) == 204

    assert asked == ["app.example.com"]


def test_the_next_address_of_a_name_is_tried_where_the_first_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as address:
        resolving_to(monkeypatch, ["127.66.0.9", "127.0.0.1"])

        assert get(address.replace("127.0.0.1", "app.example.com")) == 204


def test_all_addresses_of_a_name_together_take_no_longer_than_a_call_may(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, [f"127.66.0.{number}" for number in range(100)])
    now, waited = [0.0], []

    def silent(_self: object, _host: str, _port: int, timeout: float, **_: object) -> None:
        waited.append(timeout)
        now[0] += timeout
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", silent)
    limits = Limits(connect=timedelta(seconds=5), total=timedelta(seconds=12), tries=1)
    client = HttpClient("http://app.example.com", permit=RecordingPermit(), limits=limits, monotonic=lambda: now[0])

    with pytest.raises(RetryableError, match=r"cannot connect \(timed out\)"):
        client.send("GET", "/", call="reading an account")

    client.close()
    assert waited == [5, 5, 2]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_redirect_leads_nowhere_and_takes_no_token_along(code: int, method: str) -> None:
    with listening() as (port, listener):
        answer = f"HTTP/1.1 {code} Moved\r\nLocation: http://{CLOUD}:{port}/latest\r\nContent-Length: 0\r\n\r\n"
        with serving(answering(answer.encode())) as address:
            client = HttpClient(address, permit=RecordingPermit(), headers={"Authorization": "Bearer x"})
            with pytest.raises(TargetUnusableError, match=str(code)):
                client.send(method, "/", call="reading an account")
            client.close()

        assert not was_called(listener)


SETTINGS: list[tuple[type[TargetConfig], str, dict[str, Any]]] = [
    (ScimConfig, "base_url", {"token": "t"}),
    (GoogleWorkspaceConfig, "api_root", {}),
    (Microsoft365Config, "authority", {}),
    (WebhookConfig, "base_url", {}),
]


@pytest.mark.parametrize(("model", "key", "others"), SETTINGS)
def test_a_target_that_is_written_there_is_refused_unless_it_is_allowed(
    model: type[TargetConfig], key: str, others: dict[str, Any]
) -> None:
    def problems(**settings: Any) -> dict[str, str]:
        try:
            model.model_validate({"connector": "x", key: "https://2852039166", **others, **settings})
        except ValidationError as error:
            return {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
        return {}

    assert "169.254.169.254 is link-local" in problems()[key]
    assert key not in problems(allow_link_local=True)


def test_webhooks_of_notices_and_hooks_are_not_there_either() -> None:
    with pytest.raises(ValueError, match="link-local"):
        check_url("https://169.254.169.254/x?secret")
