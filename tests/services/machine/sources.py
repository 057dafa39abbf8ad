"""What sources say about Users."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.services.machine.model import BETWEEN_STAGES, Known, a_name, a_truth
from tests.services.machine.play import Play


class SourceRules(Play):
    @rule(name=a_name)
    def deactivate(self, name: str) -> None:
        known = self.present(name)
        if known is not None and known.active:
            self.bench.leave(known.id)
            known.active = False
            self.said(name, known)

    @rule(name=a_name, stage=st.integers(0, 1))
    def deactivate_and_let_it_become_due(self, name: str, stage: int) -> None:
        self.deactivate(name)
        self.advance(self.grace + stage * BETWEEN_STAGES)
        self.sweep()

    @rule(name=a_name)
    def reactivate(self, name: str) -> None:
        known = self.present(name)
        if known is not None and not known.active:
            self.bench.come_back(known.id)
            self.returned(name, known)

    @rule(name=a_name)
    def delete(self, name: str) -> None:
        known = self.present(name)
        if known is not None:
            self.bench.delete(known.id)
            self.groups.take_out_everywhere(known.id, self.clock.now)
            known.active, known.deleted = False, True
            self.said(name, known)

    @rule(name=a_name, number=st.integers(1, 2), active=a_truth)
    def create_again(self, name: str, number: int, active: bool) -> None:
        if self.present(name) is None:
            self.post(name, number, active=active)

    @rule(name=a_name, number=st.integers(1, 2))
    def post_over_an_inactive_user(self, name: str, number: int) -> None:
        known = self.present(name)
        if known is not None and not known.active:
            self.post(name, number, active=True)

    @rule(name=a_name)
    def another_source_knows_the_name(self, name: str) -> None:
        """Its identities match no rule, so that they only stand in the way."""
        twin = self.twins.get(name)
        if twin is None:
            twin_id = self.bench.join(name, source="hr", everywhere=False, userType="Guest")
            self.twins[name] = Known(twin_id, active=True)
        else:
            twin.active = not twin.active
            self.bench.say(twin.id, source="hr", active=twin.active)
