"""All promises about accounts in one class."""

from __future__ import annotations

from scimbridge.sdk.conformance.acting import Acting
from scimbridge.sdk.conformance.bringing_back import BringingBack
from scimbridge.sdk.conformance.deleting import Deleting
from scimbridge.sdk.conformance.describing import Describing
from scimbridge.sdk.conformance.failing import Failing
from scimbridge.sdk.conformance.listing import Listing
from scimbridge.sdk.conformance.looking import Looking
from scimbridge.sdk.conformance.refusing import Refusing
from scimbridge.sdk.conformance.suspending import Suspending
from scimbridge.sdk.conformance.undoing import Undoing


class ConnectorConformance(
    Describing, Looking, Listing, Suspending, Deleting, BringingBack, Acting, Undoing, Refusing, Failing
):
    """One test per promise. A connector's tests subclass this and tell it about their target.

    The target is a real one, running before each test; a subclass usually takes
    it from a fixture::

        class TestConformance(ConnectorConformance):
            @pytest.fixture(autouse=True)
            def _target(self, directory: Directory) -> None:
                self.directory = directory

            def connect(self, permit): ...

    What it tells are the methods of ``scimbridge.sdk.conformance.hooks.Hooks``.
    """
