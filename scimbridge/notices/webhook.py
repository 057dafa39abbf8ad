"""Posting a notice to a webhook: signed, to one address, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scimbridge.notices.notice import Notice
from scimbridge.notices.payload import Format, encode
from scimbridge.notices.rendering import Rendered
from scimbridge.sdk.addresses import refuse_written
from scimbridge.sdk.errors import ConnectorError, TargetUnusableError
from scimbridge.sdk.signing import signed_headers

if TYPE_CHECKING:
    from scimbridge.sdk.http import HttpClient

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_ERRORS: Mapping[int, type[ConnectorError]] = {
    # The webhook was removed, switched off, or its channel archived (Slack: action_prohibited, no_service,
    # channel_is_archived; Teams answers 404 where the workflow is gone).
    403: TargetUnusableError,
    404: TargetUnusableError,
    405: TargetUnusableError,
    410: TargetUnusableError,
}


def check_url(url: str) -> str:
    """Return an address that notices may go to: https, or http on this machine.

    Raises:
        ValueError: It is none. The message does not repeat it, for Slack's and Teams' addresses are secrets.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError("is not an address; write the one that Slack, Teams or your own service shows") from error
    is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_here) or parts.username or parts.fragment:
        raise ValueError("must be an https address without a login in it")
    refuse_written(url)
    return url


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook.

    Attributes:
        url: From ``check_url``; a secret at most services.
        format: What it understands.
        key: Signs what is sent, where it is given.
        ca_file: Certificates to trust instead of the public ones.
        seconds: How long one call may take.
    """

    url: str = field(repr=False)
    format: Format
    key: bytes | None = field(default=None, repr=False)
    ca_file: Path | None = None
    seconds: float = 20.0

    def send(self, notice: Notice, rendered: Rendered, *, now: datetime) -> None:
        """Post a notice.

        Raises:
            RetryableError: The webhook cannot be reached, or takes it later.
            RejectedError: It refuses this notice for good.
            TargetUnusableError: It is gone, or its certificate or its address are wrong.
        """
        body = encode(notice, rendered, self.format)
        headers = signed_headers(self.key, id=notice.id, at=now, body=body)
        client, path = self._client()
        try:
            client.send("POST", path, call="posting to the webhook", body=body, headers=headers)
        finally:
            client.close()

    def check(self) -> str:
        """Return what there is, without posting anything.

        Raises:
            RetryableError: The webhook cannot be reached now.
            TargetUnusableError: Its certificate or its address are wrong.
        """
        client, path = self._client()
        try:
            # Any answer will do: a webhook need not know HEAD, and this one must not cause a message.
            answer = client.send("HEAD", path, call="asking the webhook", expect=range(200, 600))
        finally:
            client.close()
        return f"{urlsplit(self.url).hostname} answers ({answer.status} to HEAD); nothing was posted"

    def _client(self) -> tuple[HttpClient, str]:
        # Who sends no notices need not load the HTTP library.
        from scimbridge.sdk.http import HttpClient, Limits

        parts = urlsplit(self.url)
        span = timedelta(seconds=self.seconds)
        client = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            permit=_may_write,
            limits=Limits(total=span, read=span, answer_bytes=64 * 1024),
            ca_file=self.ca_file,
            errors=_ERRORS,
        )
        return client, parts.path + (f"?{parts.query}" if parts.query else "")


def _may_write(*, writes: bool) -> None:
    """Notices have no rate limit and no observe mode of their own; who sends them decides."""
