"""Taking in what a source says about a Group and its members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, groupby
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.ids import new_id
from scimbridge.domain.resource import MemberChange, MemberPlan, MemberVerb, Received, StoredGroup
from scimbridge.domain.source import Profiles
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import OwnMemberError
from scimbridge.services.assignment import Assignment
from scimbridge.services.intake import Change, Submit
from scimbridge.services.members import Moves
from scimbridge.services.planning import Verdict, joined
from scimbridge.services.precondition import require_version
from scimbridge.store import groups, journal, members
from scimbridge.store.allowance import Allowance
from scimbridge.store.member_filters import selected_members
from scimbridge.store.writer import Writer, unit_of_work


class GroupIntake:
    """The write side of /Groups.

    Every method commits the Group, its members, the facts that follow from them and the
    request's record in one transaction. It costs by the members that are named or change,
    not by the size of the group.

    Raises, in every method:
        DuplicateError: Another Group of the source has this displayName.
        NotFoundError: The source has no such Group.
        PreconditionError: ``if_version`` was given and is not the stored version.
        StoreBusyError, StoreUnavailableError: Nothing was stored.
    """

    def __init__(
        self, writer: Writer, assignment: Assignment, submit: Submit, profiles: Profiles | None = None
    ) -> None:
        self.writer = writer
        self._database = writer.database
        self._assignment = assignment
        self._submit = submit
        self._profiles = profiles or Profiles()

    @unit_of_work
    def create_group(
        self, document: Mapping[str, Any], member_ids: Iterable[str], received: Received, now: datetime
    ) -> StoredGroup:
        """Store a new Group with the Users and Groups of these ids as members.

        Raises:
            UnknownMemberError: The source has no resource of one of the ids.
        """
        with self._database.write() as tx:
            group = groups.insert_group(tx, received.source, document, now)
            # Nobody is in it: to add these is to replace all, which needs no sets but this one.
            plan = MemberPlan.of([MemberChange.of(MemberVerb.REPLACE, member_ids)])
            moves = self._moving(tx, group, now).apply(plan)
            request_id = new_id(now)
            verdict = self._assignment.weigh(tx, group, group, moves, now, request_id=request_id)
            applied = joined(Verdict(f"group created, {moves.came} members"), verdict).text
            journal.record_request(
                tx, received, now, status=201, applied=applied, request_id=request_id, resource_id=group.id
            )
            self._tell(verdict.wakeups)
        return group

    @unit_of_work
    def change_group(
        self,
        group_id: str,
        change: Change,
        member_changes: Sequence[MemberChange],
        received: Received,
        now: datetime,
        *,
        status: int = 200,
        if_version: int | None = None,
    ) -> StoredGroup:
        """Apply a PUT or PATCH to a Group; the answer comes without its members.

        Args:
            group_id: The Group.
            change: Makes the new document of the stored one.
            member_changes: What becomes of its members, in their order.
            received: The request.
            now: When (UTC).
            status: What it will be answered (HTTP), for its record.
            if_version: The only version that may be changed; any where absent.

        Raises:
            UnknownMemberError: A member to add is no resource of the source.
            OwnMemberError: It is the Group itself.
            TooManyException: To find the members that are selected takes more work than a request may ask for.
        """
        with self._database.write() as tx:
            groups.lock_groups(tx, chain([group_id], *(one.ids for one in member_changes)))
            before = groups.group_by_id(tx, received.source, group_id, lock=True)
            require_version(before.version, if_version)
            document = change(before.document)
            moving = self._moving(tx, before, now, document["displayName"])
            for plan in _plans(tx, group_id, member_changes):
                moving.apply(plan)
            moves = moving.moves
            group = groups.update_group(tx, before, document, now, members_changed=moves.changed)
            request_id = new_id(now)
            verdict = self._assignment.weigh(tx, before, group, moves, now, request_id=request_id)
            applied = joined(Verdict(f"{moves.came} members added, {moves.left} removed"), verdict).text
            journal.record_request(tx, received, now, status=status, applied=applied, request_id=request_id)
            self._tell(verdict.wakeups)
        return group

    @unit_of_work
    def delete_group(self, group_id: str, received: Received, now: datetime, *, if_version: int | None = None) -> None:
        """Delete a Group and its memberships."""
        with self._database.write() as tx:
            groups.lock_groups_of(tx, group_id)
            before = groups.group_by_id(tx, received.source, group_id, lock=True)
            require_version(before.version, if_version)
            verdict = self._assignment.group_deleted(tx, before, now)
            groups.mark_deleted(tx, group_id, now, memory=self._memory(before))
            journal.record_request(
                tx, received, now, status=204, applied=joined(Verdict("group deleted"), verdict).text
            )

    def _moving(self, tx: Connection, group: StoredGroup, now: datetime, new_name: str = "") -> _Moving:
        names = {group.document["displayName"], new_name}
        is_watched = any(map(self._assignment.watches, names))
        return _Moving(tx, group, now, is_watched=is_watched, memory=self._memory(group))

    def _memory(self, group: StoredGroup) -> timedelta:
        return self._profiles.of(group.source).membership_memory

    def _tell(self, wakeups: Sequence[WakeUp]) -> None:
        if wakeups:
            self._database.on_commit(partial(self._submit, wakeups))


class _Moving:
    """Applies changes of members to one group, and notes who came and who left."""

    def __init__(
        self, tx: Connection, group: StoredGroup, now: datetime, *, is_watched: bool, memory: timedelta
    ) -> None:
        self._tx = tx
        self._group = group
        self._now = now
        self._is_watched = is_watched
        self._memory = memory
        self.moves = Moves()

    def apply(self, plan: MemberPlan) -> Moves:
        """Apply one plan."""
        tx, group = self._tx, self._group
        # Who is in a group is known to exist: what costs is whom the plan changes.
        if plan.is_whole:
            present = members.present(tx, group.id)
        else:
            present = members.present_among(tx, group.id, plan.add | plan.remove)
        coming = plan.add - present.all if present else plan.add
        leaving = present.without(plan.add)
        if group.id in coming:
            raise OwnMemberError
        if self._is_watched:
            groups.lock_identities(tx, coming | leaving.all)
        unknown = plan.named - plan.add
        if unknown:
            members.require_existing(tx, group.source, unknown)
        members.remove_members(tx, group, leaving, self._now, memory=self._memory)
        came = members.add_members(tx, group.source, group.id, coming)
        self.moves.left += len(leaving)
        self.moves.came += len(came)
        if self._is_watched:
            self.moves.note(leaving, is_in=False)
            self.moves.note(came, is_in=True)
        return self.moves


def _plans(tx: Connection, group_id: str, changes: Sequence[MemberChange]) -> Iterator[MemberPlan]:
    """Yield what changes come to: those that name their members and follow each other are one.

    Whom a filter selects is looked up when its turn has come, after what was changed before.
    """
    allowance = Allowance(tx)
    for selects, group in groupby(changes, key=lambda change: change.where is not None):
        if not selects:
            yield MemberPlan.of(group)
            continue
        for change in group:
            assert change.where is not None  # noqa: S101 - the key of the group says so
            yield MemberPlan.of([MemberChange.of(change.verb, selected_members(tx, group_id, change.where, allowance))])
