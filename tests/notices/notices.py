"""Notices for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scimbridge.notices.notice import Content, Kind, Leaver, Notice
from scimbridge.notices.samples import SAMPLES
from tests.notices.conftest import NOW


def a_notice(content: Content | None = None, **changes: Any) -> Notice:
    """Return a notice; about a leaver, unless a test says otherwise."""
    return Notice(**{"id": "task-1.1", "at": NOW, "content": content or a_leaver(), **changes})


def a_leaver(**changes: Any) -> Leaver:
    """Return somebody who loses access."""
    leaver = SAMPLES[Kind.LEAVER][0]
    assert isinstance(leaver, Leaver)
    return replace(leaver, **{"person": "Alex Example", **changes})
