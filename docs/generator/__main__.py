"""Renews the documentation, and says which pages have changed."""

from __future__ import annotations

import sys

from docs.generator.pages import renew

for path in renew():
    sys.stdout.write(f"{path}\n")
