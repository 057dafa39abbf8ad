"""What sources say about Groups, some of which grant a target, and what operators answer to inquiries.

A User who is taken out of the last group that grants a target loses it: that is a fact.
A group that is emptied, renamed or deleted, and a group taken out of another, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import rule

from scimbridge.domain.inquiry import Cause, Inquiry
from scimbridge.domain.outline import UNASSIGNED_GRACE
from scimbridge.services import assignment
from tests.services.machine.luck import LuckRules
from tests.services.machine.model import GRANTED_BY, GROUP_NAMES, Known, KnownGroup, a_name, a_truth, some_names

CRM_USERS = GRANTED_BY["crm"][0]
a_group = st.sampled_from(GROUP_NAMES)


class GroupRules(LuckRules):
    meanwhile = (*LuckRules.meanwhile, "leave_group", "join_group")
    during = (*LuckRules.during, "leave_group", "join_group")

    @rule(group=a_group, names=some_names)
    def create_group(self, group: str, names: set[str]) -> None:
        if self.groups.named(group) is None:
            ids = self._ids(names)
            known = KnownGroup(self.bench.group(group, *ids), group)
            self.groups.all.append(known)
            self._changed(known, come=ids)

    @rule(group=a_group, name=a_name)
    def join_group(self, group: str, name: str) -> None:
        known = self.groups.named(group)
        if known is None:
            self.create_group(group, {name})
        else:
            ids = self._ids({name})
            self.bench.change_group(known.id, add=ids)
            self._changed(known, come=ids)

    @rule(group=a_group, name=a_name)
    def leave_group(self, group: str, name: str) -> None:
        known = self.groups.named(group)
        if known is not None:
            ids = self._ids({name})
            self.bench.change_group(known.id, remove=ids)
            self._changed(known, leave=ids)

    @rule(group=a_group, names=some_names)
    def list_members(self, group: str, names: set[str]) -> None:
        """The source sends the whole list; an empty one says nothing of anybody."""
        known = self.groups.named(group)
        if known is not None:
            ids = self._ids(names)
            self.bench.change_group(known.id, replace=ids)
            self._changed(known, leave=known.members - set(ids), come=ids)

    @rule(group=a_group, names=some_names)
    def list_members_by_the_hundred(self, group: str, names: set[str]) -> None:
        """So many come back that only a sweeper sees to them."""
        with patch.object(assignment, "MOST_BACK_AT_ONCE", 0):
            self.list_members(group, names)

    @rule(group=a_group, name=a_name)
    def leave_and_come_in_one_request(self, group: str, name: str) -> None:
        known = self.groups.named(group)
        if known is not None:
            ids = self._ids({name})
            self.bench.change_group(known.id, remove=ids, add=ids)
            self._changed(known, come=ids)

    @rule(name=a_name, group=a_group)
    def be_unassigned(self, name: str, group: str) -> None:
        """The usual way: in a group with others, then out of it, and a while passes."""
        others = {"ada", "bob"} - {name}
        self.create_group(group, {name, *others})
        for each in (name, *others):
            self.join_group(group, each)
        self.leave_group(group, name)
        self.advance(self.grace)

    @rule(inner=a_group, outer=a_group, is_in=a_truth)
    def nest(self, inner: str, outer: str, is_in: bool) -> None:
        member, group = self.groups.named(inner), self.groups.named(outer)
        if member is None or group is None or member is group:
            return
        if is_in:
            self.bench.change_group(group.id, add=[member.id])
            self._changed(group, come=[member.id])
        else:
            self.bench.change_group(group.id, remove=[member.id])
            self._changed(group, leave=[member.id])

    @rule(group=a_group, new_name=a_group)
    def rename_group(self, group: str, new_name: str) -> None:
        known = self.groups.named(group)
        if known is not None and self.groups.named(new_name) is None:
            self.bench.change_group(known.id, name=new_name)
            known.name = new_name
            self._spare_who_is_granted()

    @rule(group=a_group)
    def delete_group(self, group: str) -> None:
        known = self.groups.named(group)
        if known is not None:
            self.bench.delete_group(known.id)
            self.groups.take_out(known, set(known.members), self.clock.now)
            self.groups.take_out_everywhere(known.id, self.clock.now)
            self.groups.all.remove(known)

    @rule(number=st.integers(0, 3), confirmed=a_truth)
    def answer_an_inquiry(self, number: int, confirmed: bool) -> None:
        standing = self.bench.inquiries()
        if not standing:
            return
        inquiry = standing[number % len(standing)]
        if not confirmed:
            self.bench.inquiring.dismiss(inquiry.id, reason="moved", by="ops", now=self.clock())
            return
        self.bench.inquiring.confirm(inquiry.id, by="ops", now=self.clock())
        for name, known in self._asked_about(inquiry):
            self._lost(name, known, inquiry.targets)

    def steps(self, name: str) -> dict[str, Callable[[], object]]:
        return {
            **super().steps(name),
            "join_group": lambda: self.join_group(CRM_USERS, name),
            "leave_group": lambda: self.leave_group(CRM_USERS, name),
        }

    def cause_a_write(self, name: str, *, other_way: bool) -> None:
        known = self.present(name)
        if not other_way:
            super().cause_a_write(name, other_way=False)
        elif known is not None and "crm" in known.lost:
            self.join_group(CRM_USERS, name)
            self.drain()
        else:
            self.be_unassigned(name, CRM_USERS)
            self.advance(UNASSIGNED_GRACE)
            self.drain()

    def _changed(self, group: KnownGroup, *, leave: Iterable[str] = (), come: Iterable[str] = ()) -> None:
        """Note who came and who left, and what follows from it."""
        coming = set(come)
        left = group.members & set(leave) - coming
        came = coming - group.members
        self.groups.take_out(group, left, self.clock.now)
        group.members |= came
        for name, known in self._everybody():
            if known.id in left and group.members:
                self._lost(name, known, group.grants)
            if known.id in came:
                for target in group.grants:
                    known.lost.pop(target, None)
        self._spare_who_is_granted()

    def _lost(self, name: str, known: Known, targets: Iterable[str]) -> None:
        if known.deleted or name in self.exclusions:
            return
        for target in set(targets) - self.groups.granted(known.id):
            # What was lost already keeps its date.
            known.lost[target] = min(known.lost.get(target, self.clock.now), self.clock.now)
            known.was_lost.add(target)

    def _spare_who_is_granted(self) -> None:
        """A task that starts now finds that its target is granted again, and is canceled for good."""
        for _, known in self._everybody():
            known.spared = known.spared or bool(known.lost.keys() & self.groups.granted(known.id))

    def _asked_about(self, inquiry: Inquiry) -> list[tuple[str, Known]]:
        if inquiry.cause in (Cause.RENAMED, Cause.SUBGROUP):
            group = next((group for group in self.groups.all if group.id == inquiry.group_id), None)
            ids = self.groups.people_of(group) if group is not None else set()
        else:
            moment = inquiry.opened_at
            left = self.groups.left.items()
            ids = {user_id for (user_id, name), at in left if name == inquiry.display_name and at == moment}
        return [(name, known) for name, known in self._everybody() if known.id in ids]

    def _ids(self, names: Iterable[str]) -> list[str]:
        present = (self.present(name) for name in sorted(names))
        return [known.id for known in present if known is not None]

    def _everybody(self) -> list[tuple[str, Known]]:
        return [(name, known) for name, everyone in self.people.items() for known in everyone]
