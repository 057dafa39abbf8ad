"""Logging made as it was before something configured it."""

from __future__ import annotations

import sys

import structlog
from structlog._config import BoundLoggerLazyProxy


def forget_configuration() -> None:
    """Forget how structlog was configured. What has logged since keeps its logger, and would go on as it was told."""
    structlog.reset_defaults()
    for name, module in list(sys.modules.items()):
        if name.startswith("scimbridge"):
            for value in list(vars(module).values()):
                if isinstance(value, BoundLoggerLazyProxy):
                    vars(value).pop("bind", None)
