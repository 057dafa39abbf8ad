"""A target with a grace of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from scimbridge.domain.rule import Stage
from tests.services.machine.luck import LuckRules
from tests.services.machine.play import Draw

SPECIAL = "dir"
a_grace = st.sampled_from((None, timedelta(), timedelta(hours=6), timedelta(days=1, hours=12)))


class GraceRules(LuckRules):
    """Attributes:
    special: When somebody is suspended at the special target, where that is another time than elsewhere.
    """

    def settings(self, draw: Draw) -> dict[str, Any]:
        self.special: timedelta | None = draw(a_grace, f"grace at {SPECIAL}")
        return super().settings(draw)

    def stages(self) -> tuple[Stage, ...]:
        first, *others = super().stages()
        if self.special is None:
            return (first, *others)
        return (replace(first, grace={SPECIAL: self.special}), *others)

    def grace_at(self, target: str, case_id: str, what: str) -> timedelta:
        if self.special is not None and (target, what) == (SPECIAL, "suspend"):
            return self.special
        return super().grace_at(target, case_id, what)
