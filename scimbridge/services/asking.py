"""Short questions by HTTP to issuers, which are no targets: one try, few seconds, little memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from scimbridge.sdk.http import Answer

_LARGEST = 512 * 1024


def ask(
    method: str,
    url: str,
    *,
    call: str,
    ca_file: Path | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    expect: Collection[int] = (),
) -> Answer:
    """Return the answer to a request that is sent once.

    Args:
        method: In capitals.
        url: Where.
        call: What this is, for an operator.
        ca_file: Certificates to trust instead of the public ones.
        body: Sent as it is.
        headers: Sent with it.
        expect: Statuses beside 2xx that are answers and not errors.

    Raises:
        ConnectorError: There is no answer, or another one.
    """
    # The library is loaded by those only who need it.
    from scimbridge.sdk.http import HttpClient, Limits

    def permit(*, writes: bool) -> None:
        """Nothing limits how often these are asked but who asks."""

    limits = Limits(
        connect=timedelta(seconds=3),
        read=timedelta(seconds=5),
        total=timedelta(seconds=8),
        tries=1,
        answer_bytes=_LARGEST,
    )
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    client = HttpClient(f"{parts.scheme}://{parts.netloc}", permit=permit, limits=limits, ca_file=ca_file)
    with closing(client):
        return client.send(method, path, call=call, body=body, headers=headers, expect=expect)
