"""The demo's bridge: ``scimbridge up``, as a process that says when it is ready and ends with its parent."""

from __future__ import annotations

import sys
from pathlib import Path

from scimbridge.child import die_with_parent
from scimbridge.config import load
from scimbridge.lifetime import metrics_directory


def main() -> None:
    """Run until SIGTERM, or until the process that started this one is gone."""
    die_with_parent()
    settings = load(Path(sys.argv[1]))
    # Before the metrics are imported, which bind themselves to the folder.
    metrics_directory(settings.data_dir / "metrics")
    from scimbridge.supervisor import up
    from scimbridge.telemetry import configure_logging

    configure_logging()
    up(settings, on_ready=lambda: print(f"ready {settings.server.public_url}", flush=True))


if __name__ == "__main__":
    main()
