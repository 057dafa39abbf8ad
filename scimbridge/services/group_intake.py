"""Taking in what a source says about a Group and its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scimbridge.domain.resource import MemberChange, MemberVerb, Received, StoredGroup
from scimbridge.services.intake import Change
from scimbridge.services.precondition import require_version
from scimbridge.store import groups, journal
from scimbridge.store.member_filters import selected_members
from scimbridge.store.writer import Writer, unit_of_work


class GroupIntake:
    """The write side of /Groups.

    Every method commits the Group, its members and the request's record in one transaction.

    Raises, in every method:
        DuplicateError: Another Group of the source has this displayName.
        NotFoundError: The source has no such Group.
        PreconditionError: ``if_version`` was given and is not the stored version.
        StoreBusyError, StoreUnavailableError: Nothing was stored.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._database = writer.database

    @unit_of_work
    def create_group(
        self, document: Mapping[str, Any], members: Sequence[str], received: Received, now: datetime
    ) -> StoredGroup:
        """Store a new Group with the Users and Groups of these ids as members.

        Raises:
            UnknownMemberError: The source has no resource of one of the ids.
        """
        with self._database.write() as tx:
            group = groups.insert_group(tx, received.source, document, now)
            added = groups.add_members(tx, received.source, group.id, set(members))
            applied = f"group created, {added} members"
            journal.record_request(tx, received, now, status=201, applied=applied, resource_id=group.id)
        return group

    @unit_of_work
    def change_group(
        self,
        group_id: str,
        change: Change,
        members: Sequence[MemberChange],
        received: Received,
        now: datetime,
        *,
        if_version: int | None = None,
    ) -> StoredGroup:
        """Apply a PUT or PATCH to a Group; the answer comes without its members.

        Raises:
            UnknownMemberError: A member to add is no resource of the source.
        """
        with self._database.write() as tx:
            before = groups.group_by_id(tx, received.source, group_id, lock=True)
            require_version(before.version, if_version)
            added, removed = 0, 0
            for member_change in members:
                came, left = _change_members(tx, before, member_change, now)
                added, removed = added + came, removed + left
            group = groups.update_group(
                tx, before, change(before.document), now, members_changed=bool(added or removed)
            )
            applied = f"{added} members added, {removed} removed"
            journal.record_request(tx, received, now, status=200, applied=applied)
        return group

    @unit_of_work
    def delete_group(self, group_id: str, received: Received, now: datetime, *, if_version: int | None = None) -> None:
        """Delete a Group and its memberships."""
        with self._database.write() as tx:
            before = groups.group_by_id(tx, received.source, group_id, lock=True)
            require_version(before.version, if_version)
            groups.mark_deleted(tx, group_id, now)
            journal.record_request(tx, received, now, status=204, applied="group deleted")


def _change_members(tx: Connection, group: StoredGroup, change: MemberChange, now: datetime) -> tuple[int, int]:
    """Apply one change of members. Returns how many came in and how many left."""
    match change.verb:
        case MemberVerb.ADD:
            return groups.add_members(tx, group.source, group.id, change.ids), 0
        case MemberVerb.REMOVE:
            found = change.ids if change.where is None else selected_members(tx, group.id, change.where)
            return 0, groups.remove_members(tx, group.id, found, now)
        case MemberVerb.REPLACE:
            present = groups.member_ids(tx, group.id)
            left = groups.remove_members(tx, group.id, present - change.ids, now)
            return groups.add_members(tx, group.source, group.id, change.ids - present), left
