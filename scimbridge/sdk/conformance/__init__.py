"""The promises of the connector contract, as tests that every connector runs against a real target.

One module per concept; ``hooks`` is what a connector's tests fill in. Import this package in tests only; nothing
in the product does.
"""

from __future__ import annotations

from scimbridge.sdk.conformance.accounts import ConnectorConformance
from scimbridge.sdk.conformance.arranging import HeldError, refuse
from scimbridge.sdk.conformance.groups import GroupConformance, ambiguous_group

__all__ = ["ConnectorConformance", "GroupConformance", "HeldError", "ambiguous_group", "refuse"]
