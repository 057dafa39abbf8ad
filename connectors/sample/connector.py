"""Everything that the bridge can do to an account, at a target that can do everything."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta

from connectors.sample.config import SampleConfig
from connectors.sample.listing import Listing
from connectors.sample.record import Edit, Record, System
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Done,
    Entitlement,
    InProgress,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    performs,
)
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.outcome import name_taken
from scimbridge.sdk.stamp import date_in, stamp_in, stamp_of, stamped, unstamped

ASK_AGAIN = timedelta(seconds=5)
"""How long the target needs for an archive, as it says."""

KEPT_FOR = timedelta(days=30)
"""How long the target keeps what is left of a deleted account, as it says; a file forgets nothing by itself."""


class SampleConnector(Listing):
    """A target in one file."""

    kind = "sample"
    contract = 1

    @classmethod
    def lacks(cls, config: SampleConfig, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Say that what moves needs to know where to."""
        if Action.MOVE in actions and not config.leavers_container:
            yield "leavers_container", 'is missing, and a rule moves accounts there; e.g. leavers_container = "leavers"'
        if Action.MOVE_GROUP in actions and not config.groups_container:
            yield "groups_container", 'is missing, and a rule moves groups there; e.g. groups_container = "old groups"'

    def check(self) -> str:
        """Open the file, and look for the containers that are moved to."""
        system = self._enter(writes=False)
        for key in ("leavers_container", "groups_container"):
            container = getattr(self.config, key)
            if container and not system.has_container(container):
                raise RejectedError(f"there is no container {container!r} ({key})")
        return system.describe()

    def find(self, person: Person) -> AccountRef | None:
        """Return the account by the first pair of ``match`` that finds any; marked ones are not the bridge's."""
        return find_by(self.config.match, person, self._search)

    def read(self, account_id: str) -> AccountState:
        """Return the account with all that can be told of it."""
        system = self._enter(writes=False)
        record = system.get(account_id)
        if record is None:
            raise AccountNotFoundError("the target has no such account")
        return self._state(system, record)

    def read_deleted(self, account_id: str) -> AccountState:
        """Return what is left of a deleted account."""
        system = self._enter(writes=False)
        record = system.deleted(account_id)
        if record is None:
            raise AccountNotFoundError("the target keeps no such account")
        return replace(self._state(system, record), deleted=True)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account is as an action would make it; here sessions and the container can be told, too."""
        match action:
            case Action.REVOKE_SESSIONS:
                return account.attributes.get("sessions") == ("0",)
            case Action.RESET_CREDENTIALS:
                return account.attributes.get("password") == ("reset",)
            case Action.MOVE:
                return account.container == self.config.leavers_container
            case Action.MOVE_GROUP:
                return account.container == self.config.groups_container
            case Action.REDIRECT_MAIL if isinstance(account, AccountState):
                return account.successor is not None and account.mail_to == account.successor.name
            case _:
                return account.is_as_wanted_by(action)

    # -- access

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Block sign-in."""
        return self._set(Action.SUSPEND, account, suspended=True)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Let sign-in work again."""
        return self._set(Action.RESTORE, account, suspended=False)

    @performs(Action.REVOKE_SESSIONS, after=(Action.SUSPEND,))
    def revoke_sessions(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """End all sessions; after the suspension, or new ones would begin."""
        return self._set(Action.REVOKE_SESSIONS, account, sessions=0)

    @performs(Action.RESET_CREDENTIALS)
    def reset_credentials(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Replace the password."""
        return self._set(Action.RESET_CREDENTIALS, account, password="reset")  # noqa: S106  # says whose it is

    # -- groups and licenses

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS)
    def remove_from_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of its groups, one call each."""
        for group in account.removable_groups:
            self._change(Action.REMOVE_FROM_GROUPS, account.id, _without(group))
        return _done(each.name for each in account.removable_groups)

    @performs(Action.ADD_TO_GROUPS)
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into the groups that are still there."""
        given: list[str] = []
        lost: list[str] = []
        for group in account.missing_groups:
            if self._enter(writes=True).entitlement(group.id) is None:
                lost.append(f"the group {group.name} is gone")
                continue
            self._change(Action.ADD_TO_GROUPS, account.id, _in_group(group))
            given.append(group.name)
        return _done(given, lost)

    @performs(Action.RELEASE_LICENSES, undo=Action.ASSIGN_LICENSES)
    def release_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the licenses back, one call each."""
        for each in account.removable_licenses:
            self._change(Action.RELEASE_LICENSES, account.id, _without(each))
        return _done(each.name for each in account.removable_licenses)

    @performs(Action.ASSIGN_LICENSES)
    def assign_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its licenses again, as far as there are seats."""
        given: list[str] = []
        lost: list[str] = []
        for each in account.missing_licenses:
            if self._enter(writes=True).free_seats(each.id) < 1:
                lost.append(f"no {each.name} license is free")
                continue
            self._change(Action.ASSIGN_LICENSES, account.id, _with_license(each))
            given.append(each.name)
        return _done(given, lost)

    # -- mail, belongings, directory

    @performs(Action.TRANSFER_OWNERSHIP)
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Hand everything to the successor, one call each."""
        if not account.owns:
            return Done(changed=False)
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        for thing in account.owns:
            system = self._enter(writes=True)
            confirm()
            if not system.transfer(account.id, account.successor.id, thing.id):
                self._make_sure_of(account)
                return NeedsPerson(f"the successor {account.successor.name} is gone; name another one")
        return Done(changed=True, after={"handed over": len(account.owns)})

    @performs(Action.REDIRECT_MAIL, undo=Action.RESTORE_MAIL)
    def redirect_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Send mail to the successor."""
        if account.successor is None:
            return NeedsPerson("name a successor (`successor` of the stage) who gets the mail")
        return self._set(Action.REDIRECT_MAIL, account, mail_to=account.successor.name)

    @performs(Action.RESTORE_MAIL)
    def restore_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Send mail where it went before."""
        before = account.original.mail_to if account.original else None
        return self._set(Action.RESTORE_MAIL, account, mail_to=before or "")

    @performs(Action.HIDE_FROM_DIRECTORY, undo=Action.SHOW_IN_DIRECTORY)
    def hide_from_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Leave the account out of address lists."""
        return self._set(Action.HIDE_FROM_DIRECTORY, account, hidden=True)

    @performs(Action.SHOW_IN_DIRECTORY)
    def show_in_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Show the account in address lists again."""
        return self._set(Action.SHOW_IN_DIRECTORY, account, hidden=False)

    # -- the account itself

    @performs(Action.STAMP, undo=Action.UNSTAMP)
    def stamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark behind the note."""
        if self.is_as_wanted(Action.STAMP, account):
            return Done(changed=False)
        mark = stamp_of(account.delete_at)
        self._change(Action.STAMP, account.id, lambda record: replace(record, note=stamped(record.note, mark)))
        return Done(changed=True, after={"stamp": mark})

    @performs(Action.UNSTAMP)
    def unstamp(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the mark off the note; the rest of it stays."""
        if self.is_as_wanted(Action.UNSTAMP, account):
            return Done(changed=False)
        self._change(Action.UNSTAMP, account.id, lambda record: replace(record, note=unstamped(record.note)))
        return Done(changed=True)

    @performs(Action.MOVE, undo=Action.MOVE_BACK)
    def move(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to ``leavers_container``."""
        if not self._enter(writes=False).has_container(self.config.leavers_container):
            raise RejectedError(f"there is no container {self.config.leavers_container!r} (leavers_container)")
        return self._set(Action.MOVE, account, container=self.config.leavers_container)

    @performs(Action.MOVE_BACK)
    def move_back(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Move the account to where it was, unless that is gone."""
        if self.is_as_wanted(Action.MOVE_BACK, account) or account.original is None:
            return Done(changed=False)
        before = account.original.container or ""
        if not self._enter(writes=True).has_container(before):
            return Done(changed=False, lost=(f"the container {before} is gone; the account is in {account.container}",))
        return self._set(Action.MOVE_BACK, account, container=before)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Archive what is in the account; the target takes its time, and is asked again."""
        if account.archived:
            return Done(changed=False)
        if account.handle is None:
            system = self._enter(writes=True)
            confirm()
            handle = system.archive(account.id)
        else:
            handle = account.handle
        if handle is not None and self._enter(writes=False).is_archiving(handle):
            return InProgress(handle=handle, check_after=ASK_AGAIN)
        self._make_sure_of(account)
        return Done(changed=True)

    @performs(Action.DISCONNECT)
    def disconnect(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Write the mark by which ``find`` passes the account over."""
        return self._set(Action.DISCONNECT, account, unmanaged=True)

    @performs(Action.DELETE, undo=Action.UNDELETE, window=KEPT_FOR)
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the account; what is left of it is kept for a time."""
        system = self._enter(writes=True)
        confirm()
        return Done(changed=system.remove(account.id))

    @performs(Action.UNDELETE)
    def undelete(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Bring the account back, suspended, unless somebody else has its name by now."""
        if not account.deleted:
            return Done(changed=False)
        if self._enter(writes=False).find("name", account.name):
            return name_taken(account.name)
        if not self._enter(writes=True).bring_back(account.id):
            raise AccountNotFoundError("the target keeps no such account")
        return Done(changed=True)

    @performs(Action.PURGE)
    def purge(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove what is left of a deleted account."""
        if not account.deleted:
            raise RejectedError("the account is not deleted")
        system = self._enter(writes=True)
        confirm()
        return Done(changed=system.purge(account.id))

    # -- calls

    def _search(self, attribute: str, value: str) -> Iterator[AccountRef]:
        for record in self._enter(writes=False).find(attribute, value):
            if not record.unmanaged:
                yield AccountRef(record.id, record.name)

    def _set(self, action: Action, account: AccountState, **values: object) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        self._change(action, account.id, lambda record: replace(record, **values))  # type: ignore[arg-type]  # its fields
        return Done(changed=True)

    def _make_sure_of(self, account: AccountState) -> None:
        if self._enter(writes=False).get(account.id) is None:
            raise AccountNotFoundError("the target has no such account")

    def _state(self, system: System, record: Record) -> AccountState:
        def known(ids: Collection[str]) -> tuple[Entitlement, ...]:
            return tuple(found for found in map(system.entitlement, ids) if found is not None)

        owns = known(record.owns)
        lonely = [each.name for each in owns if each.is_privileged and not system.has_other_owner(each.id, record.id)]
        return AccountState(
            id=record.id,
            name=record.name,
            suspended=record.suspended,
            attributes={
                **{name: (value,) for name in self.config.match.values() if (value := getattr(record, name))},
                "sessions": (str(record.sessions),),
                "password": (record.password,),
            },
            groups=known(record.groups),
            licenses=known(record.licenses),
            owns=owns,
            container=record.container,
            stamp=stamp_in(record.note),
            stamped_until=date_in(record.note),
            hidden=record.hidden,
            mail_to=record.mail_to,
            archived=record.archived,
            unmanaged=record.unmanaged,
            protected=f"the last owner of {', '.join(lonely)}" if lonely else "",
        )


def _done(given: Collection[str] | Iterator[str], lost: Collection[str] = ()) -> Done:
    names = list(given)
    return Done(changed=bool(names), after={"how many": len(names)}, lost=tuple(lost))


def _without(gone: Entitlement) -> Edit:
    """Return what takes a group or license from an account."""
    return lambda record: replace(
        record,
        groups=tuple(each for each in record.groups if each != gone.id),
        licenses=tuple(each for each in record.licenses if each != gone.id),
    )


def _in_group(group: Entitlement) -> Edit:
    return lambda record: replace(record, groups=(*record.groups, group.id))


def _with_license(given: Entitlement) -> Edit:
    return lambda record: replace(record, licenses=(*record.licenses, given.id))
