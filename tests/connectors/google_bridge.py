"""The connector for Google Workspace, at a double of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.google_workspace import GoogleWorkspaceConfig, GoogleWorkspaceConnector
from connectors.google_workspace.client import GoogleClient
from scimbridge.sdk import Action, Context, Permit
from scimbridge.sdk.connector import Throttled
from scimbridge.sdk.testing import RecordingPermit
from tests.doubles.google import Google
from tests.doubles.serving import running

PRODUCT, SKUS = "Google-Apps", ("1010020020", "1010020025")
LICENSES = [f"{PRODUCT}/{sku}" for sku in SKUS]


class Workspace:
    """A double that runs, and connectors at it.

    Attributes:
        settings: Of all connectors at it, beside what each is told.
    """

    def __init__(self, google: Google, url: str, folder: Path) -> None:
        self.google = google
        self.settings: dict[str, Any] = {}
        self.url = url
        self.folder = folder
        for sku in SKUS:
            google.company.licenses[PRODUCT, sku] = set()

    def config(self, **settings: Any) -> GoogleWorkspaceConfig:
        """Return a configuration for the double."""
        return GoogleWorkspaceConfig.model_validate(self.table(**settings))

    def table(self, **settings: Any) -> dict[str, Any]:
        """Return what an operator would write."""
        key = self.folder / "key.json"
        key.write_text(json.dumps(self.google.tokens.key_file(self.url)), encoding="utf-8")
        return {
            "connector": "google-workspace",
            "mode": "enforce",
            "credentials_file": str(key),
            "subject": "admin@example.com",
            "disabled_ou": "/Leavers",
            "licenses": LICENSES,
            "mail_settings": True,
            "group_settings": True,
            "match": {"userName": "primaryEmail", "externalId": "externalIds.value"},
            "api_root": self.url,
            "licensing_root": self.url,
            "gmail_root": self.url,
            "groups_root": self.url,
            **self.settings,
            **settings,
        }

    def connector(
        self,
        permit: Permit | None = None,
        *,
        planned: Collection[Action] | None = None,
        throttled: Throttled = lambda _: None,
        **settings: Any,
    ) -> GoogleWorkspaceConnector:
        """Return a connector that waits for nothing."""
        config = self.config(**settings)
        context = Context(
            target="google",
            permit=permit or RecordingPermit(),
            planned=frozenset(planned) if planned is not None else None,
            throttled=throttled,
        )
        client = GoogleClient(config, context, sleep=lambda _: None)
        return GoogleWorkspaceConnector(config, context, client=client)


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """Run a double."""
    google = Google()
    with running(google) as url:
        yield Workspace(google, url, folder)
