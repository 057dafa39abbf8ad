"""``make bench``: every figure beside the one it is compared with, in the same run."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from tests.bench.board import measure_board
from tests.bench.clouds import measure_clouds
from tests.bench.directories import measure_directories
from tests.bench.effort import QUICK, Effort
from tests.bench.flat import measure_flat
from tests.bench.flat_groups import measure_groups
from tests.bench.importing import measure_import
from tests.bench.patching import measure_patch
from tests.bench.sweeping import measure_sweep
from tests.bench.table import Table
from tests.bench.working import measure_latency, measure_size, measure_throughput

MEASUREMENTS: dict[str, Callable[[Path, Effort], list[Table]]] = {
    "patch": measure_patch,
    "flat": measure_flat,
    "groups": measure_groups,
    "import": measure_import,
    "sweep": measure_sweep,
    "board": measure_board,
    "latency": measure_latency,
    "throughput": measure_throughput,
    "ldap": measure_directories,
    "cloud": measure_clouds,
    "size": measure_size,
}


def main() -> int:
    """Run the measurements that were named, or all, and print them as Markdown."""
    asked = _arguments()
    effort = QUICK if asked.quick else Effort()
    if asked.users:
        effort = replace(effort, imported=asked.users)
    if asked.members:
        effort = replace(effort, members=asked.members)
    if asked.sizes:
        effort = replace(effort, sizes=tuple(asked.sizes))
    print(f"Machine: {os.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB, {platform.python_version()}\n")
    for name in asked.names or MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix="scb-") as folder:
            for table in MEASUREMENTS[name](Path(folder), effort):
                print(table, flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a first look: one short round of each")
    parser.add_argument("--users", type=int, help="how many the import creates")
    parser.add_argument("--members", type=int, help="of the large group")
    parser.add_argument("--sizes", type=int, nargs="+", help="Users in the stores whose latencies are compared")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(MEASUREMENTS):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
