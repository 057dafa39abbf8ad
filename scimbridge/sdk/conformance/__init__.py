"""The promises of the connector contract, as tests that every connector runs against a real target.

One module per concept; ``hooks`` is what a connector's tests fill in. Import this package in tests only; nothing
in the product does.
"""

from __future__ import annotations

import pkgutil

import pytest

# Before they are imported: then a failure shows both sides of what was compared.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))

from scimbridge.sdk.conformance.accounts import ConnectorConformance  # noqa: E402
from scimbridge.sdk.conformance.arranging import HeldError, refuse  # noqa: E402
from scimbridge.sdk.conformance.groups import GroupConformance, ambiguous_group  # noqa: E402

__all__ = ["ConnectorConformance", "GroupConformance", "HeldError", "ambiguous_group", "refuse"]
