"""When the key of the service account ends, as Google publishes it to everybody.

https://cloud.google.com/iam/docs/service-account-creds#user-managed-keys
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.google_workspace.client import GoogleClient
from connectors.google_workspace.config import GoogleWorkspaceConfig
from scimbridge.sdk import Expiry, RejectedError
from scimbridge.sdk.expiry import validity_of


def expiries(config: GoogleWorkspaceConfig, client: GoogleClient) -> Iterator[Expiry]:
    """Yield when the key ends; most never do, so that its age is told, too.

    Raises:
        RejectedError: Google does not publish it.
    """
    key = config.key
    published_at = key.get("client_x509_cert_url")
    if not isinstance(published_at, str):
        return  # a key file that somebody has cut down to what signing takes
    certificate = client.published(published_at).get(str(key.get("private_key_id")))
    if not isinstance(certificate, str):
        raise RejectedError("Google does not list the key of credentials_file among those of the service account")
    made_at, ends_at = validity_of(certificate.encode())
    yield Expiry(f"the key of the service account, made on {made_at:%Y-%m-%d},", ends_at)
