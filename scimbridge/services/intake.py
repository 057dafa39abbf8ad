"""Taking in what a source says about a User: the resource, the fact and the plan in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from scimbridge.domain.identity import Identity
from scimbridge.domain.ids import new_id
from scimbridge.domain.resource import MemberKind, Received, StoredUser
from scimbridge.domain.source import NameCase, OverInactive, Profiles
from scimbridge.domain.trigger import Fact, Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.errors import DuplicateError, StoreError
from scimbridge.services.ending import Ending
from scimbridge.services.grants import ACTIVE_AGAIN
from scimbridge.services.moving import Moving
from scimbridge.services.planning import Planner, Verdict, joined
from scimbridge.services.precondition import require_version
from scimbridge.services.returning import Returning, former_of, is_same_person
from scimbridge.services.taking_over import spare_former_owners
from scimbridge.store import accounts, cases, dated, groups, identities, journal, members
from scimbridge.store.surroundings import around
from scimbridge.store.writer import Writer, unit_of_work

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Turns the stored document into the wanted one; called inside the write transaction.

It gets the SCIM document without ``id``, ``meta``, ``groups``, ``members`` and ``password``
and returns one like it. Whatever it raises undoes the whole request.
"""

Submit = Callable[[Sequence[WakeUp]], None]
"""Tells the queue about work, after the commit. Never raises and never waits."""


class Intake:
    """The write side of /Users.

    Every method commits the resource, its facts, its case and the request's record
    in one transaction, and returns after the commit.

    Raises, in every method:
        DuplicateError: Another User of the source has this userName.
        NotFoundError: The source has no such User.
        PreconditionError: ``if_version`` was given and is not the stored version.
        StoreBusyError, StoreUnavailableError: Nothing was stored.
    """

    def __init__(
        self,
        writer: Writer,
        planner: Planner,
        returning: Returning,
        ending: Ending,
        moving: Moving,
        submit: Submit,
        profiles: Profiles | None = None,
    ) -> None:
        self.writer = writer
        self._database = writer.database
        self._planner = planner
        self._returning = returning
        self._ending = ending
        self._moving = moving
        self._submit = submit
        self._profiles = profiles or Profiles()

    @unit_of_work
    def create_user(
        self,
        document: Mapping[str, Any],
        received: Received,
        now: datetime,
        *,
        over_inactive: OverInactive = OverInactive.REACTIVATE,
    ) -> tuple[StoredUser, bool]:
        """Store a new User, or revive an inactive one of the same userName, or else of the same externalId.

        Args:
            document: The User.
            received: The request.
            now: When (UTC).
            over_inactive: Whether that inactive User is revived, or in the way.

        Returns:
            The User, and whether it is new. (False: an inactive one was reactivated and keeps its id.)
        """
        with self._database.write() as tx:
            before, same, is_shared = self._already_there(tx, document, received.source)
            if before is not None and (before.identity.active or over_inactive is OverInactive.CONFLICT):
                raise DuplicateError(same)
            if before is not None:
                user, verdict = self._revive(tx, before, document, now)
                if user.identity.external_id != before.identity.external_id:
                    verdict = joined(verdict, spare_former_owners(tx, user.identity, now))
            else:
                user, verdict = self._insert(tx, document, received.source, now)
                if is_shared:
                    verdict = joined(verdict, spare_former_owners(tx, user.identity, now))
            journal.record_request(
                tx,
                received,
                now,
                status=201 if before is None else 200,
                applied=verdict.text,
                resource_id=user.identity.id,
            )
        self._tell(verdict)
        return user, before is None

    @unit_of_work
    def change_user(
        self, user_id: str, change: Change, received: Received, now: datetime, *, if_version: int | None = None
    ) -> StoredUser:
        """Apply a PUT or PATCH to a User. A change that changes nothing keeps version and ``lastModified``."""
        with self._database.write() as tx:
            before = identities.user_by_id(tx, received.source, user_id, lock=True)
            require_version(before.version, if_version)
            user = identities.update_user(
                tx,
                before,
                change(before.identity.document),
                now,
                name_case=self._name_case(received.source),
            )
            request_id = new_id(now)
            verdict = self._react(tx, before.identity, user, request_id, now)
            if user.identity.external_id != before.identity.external_id:
                verdict = joined(verdict, spare_former_owners(tx, user.identity, now))
            journal.record_request(tx, received, now, status=200, applied=verdict.text, request_id=request_id)
        self._tell(verdict)
        return user

    @unit_of_work
    def delete_user(self, user_id: str, received: Received, now: datetime, *, if_version: int | None = None) -> None:
        """Delete a User: gone for SCIM at once, with a fact for the rules."""
        with self._database.write() as tx:
            groups.lock_groups_of(tx, user_id)
            before = identities.user_by_id(tx, received.source, user_id, lock=True)
            require_version(before.version, if_version)
            memory = self._profiles.of(received.source).membership_memory
            members.remove_from_all_groups(tx, user_id, MemberKind.USER, now, memory=memory)
            identities.mark_deleted(tx, user_id, now)
            request_id = new_id(now)
            fact = _fact(Trigger.DELETED, before.identity, now, request_id)
            verdict = self._planner.take(tx, fact, before.identity)
            journal.record_request(tx, received, now, status=204, applied=verdict.text, request_id=request_id)
        self._tell(verdict)

    @unit_of_work
    def together(self, work: Callable[[], None]) -> None:
        """Do several writes in one transaction, each of which undoes itself alone where it fails.

        Within another one it is a part of that one, and leaves no trace if the work raises.
        """
        with self._database.write():
            work()

    @unit_of_work
    def in_one_piece(self, work: Callable[[], None]) -> None:
        """Do several writes in one transaction, none of which is undone alone: faster than ``together``.

        Raises:
            TornError: One of them has failed; nothing of any of them is left.
        """
        with self._database.in_one_piece():
            work()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call something once what the present unit of work has written is committed; it must not raise."""
        self._database.on_commit(callback)

    def refuse(self, received: Received, status: int, reason: str, now: datetime) -> None:
        """Record a write that was answered with an error; never raises."""
        try:
            self._record_refusal(received, status, reason, now)
        except StoreError as error:
            log = structlog.get_logger("scimbridge.intake")
            log.warning("refused request not recorded", action="refuse", status=status, reason=str(error))

    @unit_of_work
    def _record_refusal(self, received: Received, status: int, reason: str, now: datetime) -> None:
        with self._database.write() as tx:
            journal.record_request(tx, received, now, status=status, applied=f"refused: {reason}")

    def _name_case(self, source: str) -> NameCase:
        return self._profiles.of(source).user_name_case

    def _tell(self, verdict: Verdict) -> None:
        if verdict.wakeups:
            self._database.on_commit(partial(self._submit, verdict.wakeups))

    def _insert(
        self, tx: Connection, document: Mapping[str, Any], source: str, now: datetime
    ) -> tuple[StoredUser, Verdict]:
        user = identities.insert_user(tx, source, document, now, name_case=self._name_case(source))
        accounts.insert_accounts(tx, user.identity.id, self._planner.target_names, now, link_due_at=now)
        self._ending.note(tx, None, user.identity, now)
        if not user.identity.active:
            return user, Verdict("created")
        # Around somebody new there is nothing, but for those who were deleted and could be the same.
        former = self._namesakes(tx, user.identity)
        verdict = self._welcome(tx, user.identity, now, former=former) if former else Verdict("")
        return user, _prefixed("created", verdict)

    def _already_there(
        self, tx: Connection, document: Mapping[str, Any], source: str
    ) -> tuple[StoredUser | None, str, bool]:
        """Return of whom a new User would be a second record, the attribute that says so, and whether anybody has that.

        Who comes back may have another name by now. What was planned for them would fall on the one who came.
        """
        named = identities.user_by_name(tx, source, document["userName"], name_case=self._name_case(source))
        external_id = document.get("externalId")
        if named is not None or not external_id:
            return named, "userName", False
        owners = identities.by_external_id(tx, source, external_id)
        is_back = len(owners) == 1 and not owners[0].identity.active
        return owners[0] if is_back else None, "externalId", bool(owners)

    def _revive(
        self, tx: Connection, before: StoredUser, document: Mapping[str, Any], now: datetime
    ) -> tuple[StoredUser, Verdict]:
        """Take a POST over an inactive identity for what it is: somebody came back."""
        user = identities.update_user(tx, before, document, now, name_case=self._name_case(before.identity.source))
        if not identities.is_matched_alike(before.identity, user.identity):
            accounts.look_up_again(tx, user.identity.id, now)
        if not user.identity.active:
            return user, Verdict("still inactive")
        same = is_same_person(before.identity, user.identity)
        self._ending.note(tx, before.identity, user.identity, now)
        verdict = _prefixed("reactivated in place", self._welcome(tx, user.identity, now, same_person=same))
        if same:
            verdict = joined(verdict, self._moving.user_changed(tx, before.identity, user.identity, now))
        return user, verdict

    def _welcome(
        self,
        tx: Connection,
        identity: Identity,
        now: datetime,
        *,
        same_person: bool = True,
        former: Sequence[Identity] | None = None,
    ) -> Verdict:
        """Take in somebody who is active now.

        Who was never active before may be one who was deleted. Who was found to be one may have left again
        before they had everything back.
        """
        own = around(tx, identity.id, now)
        if own.has_date:
            _call_off_dated(tx, identity, now)
        last = own.last_leave
        if former is None:
            # Who was deactivated was active, and welcome, before. Others may be asked to leave before they ever came.
            was_here = last is not None and last.trigger is Trigger.DEACTIVATED
            former = former_of(tx, own, identity, now) if was_here else self._namesakes(tx, identity)
        return self._returning.take(
            tx,
            identity,
            now,
            former=[each.id for each in former],
            same_person=same_person and all(is_same_person(each, identity) for each in former),
            own=own,
        )

    def _namesakes(self, tx: Connection, identity: Identity) -> Sequence[Identity]:
        """Return the deleted identities that one who is active could be, locked."""
        found = identities.gone_namesakes(tx, identity.source, identity.user_name, identity.external_id)
        for former in found:
            cases.lock_identity(tx, former.id)
        return found

    def _react(self, tx: Connection, before: Identity, user: StoredUser, request_id: str, now: datetime) -> Verdict:
        after = user.identity
        ended = self._ending.note(tx, before, after, now)
        if not identities.is_matched_alike(before, after):
            accounts.look_up_again(tx, after.id, now)
        if before.active and not after.active:
            verdict = self._planner.take(tx, _fact(Trigger.DEACTIVATED, after, now, request_id), after)
        elif after.active and not before.active:
            same = before.external_id == after.external_id
            verdict = _prefixed("reactivated", self._welcome(tx, after, now, same_person=same))
        else:
            verdict = _prefixed("unchanged" if after is before else "changed", ended)
        moved = self._moving.user_changed(tx, before, after, now, request_id)
        return joined(verdict, moved) if moved.text else verdict


def _call_off_dated(tx: Connection, identity: Identity, now: datetime) -> None:
    """End a request that waits for its date: it was about who has left since, and may be somebody else."""
    waiting = dated.dated_of(tx, identity.id)
    if waiting is None or not dated.end(tx, waiting["id"], ACTIVE_AGAIN, now):
        return
    details = {"request": waiting["id"]}
    journal.record(
        tx,
        "request called off",
        now,
        reason=ACTIVE_AGAIN,
        actor=identity.source,
        identity_id=identity.id,
        details=details,
    )


def _fact(trigger: Trigger, identity: Identity, now: datetime, request_id: str) -> Fact:
    return Fact(trigger=trigger, identity_id=identity.id, source=identity.source, at=now, request_id=request_id)


def _prefixed(text: str, verdict: Verdict) -> Verdict:
    return Verdict(f"{text}; {verdict.text}" if verdict.text else text, verdict.wakeups)
