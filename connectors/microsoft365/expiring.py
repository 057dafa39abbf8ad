"""When the application's secret ends, as far as the tenant lets it be seen.

https://learn.microsoft.com/graph/api/resources/passwordcredential
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from connectors.microsoft365.batches import Document
from connectors.microsoft365.client import GraphClient
from connectors.microsoft365.config import Microsoft365Config
from scimbridge.sdk import Expiry
from scimbridge.sdk.expiry import expiry_of


def expiries(config: Microsoft365Config, client: GraphClient) -> Iterator[Expiry]:
    """Yield when the certificate ends, or the secret; of several that might be it, each.

    Raises:
        RejectedError: The application may not read applications.
    """
    if config.client_certificate is not None:
        yield expiry_of("the certificate of the application", config.client_certificate)
        return
    params = {"$filter": f"appId eq '{config.client_id}'", "$select": "passwordCredentials"}
    found = client.items("/applications", call="looking for the application's secret", params=params)
    listed = [each for application in found for each in application.get("passwordCredentials", ())]
    yield from (Expiry(_words(each), _end(each)) for each in _in_use(listed, config.client_secret.get_secret_value()))


def _in_use(listed: list[Document], secret: str) -> list[Document]:
    """Return which of them the secret may be: it is let in, so that none that has ended is it."""
    now = datetime.now(UTC)
    alive = [each for each in listed if (end := _end(each)) is None or end > now]
    # The hint is the first three characters of the secret; old ones have none.
    hinted = [each for each in alive if each.get("hint") == secret[:3]]
    return hinted or [each for each in alive if not each.get("hint")]


def _words(credential: Document) -> str:
    name = credential.get("displayName")
    return f"the secret {name!r} of the application" if name else "the secret of the application"


def _end(credential: Document) -> datetime | None:
    text = credential.get("endDateTime")
    return datetime.fromisoformat(str(text)) if text else None
