"""A person's home folder: closed, archived, removed, and given back."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta

from connectors.home_folder import doors
from connectors.home_folder.archives import Archives, begun_at
from connectors.home_folder.comparing import compared
from connectors.home_folder.errors import AskError, ChangedError, printable, translated
from connectors.home_folder.folders import Folder, by_id, coming, forget, put_back, set_aside
from connectors.home_folder.listing import REMOVAL, Listing
from connectors.home_folder.packing import Packing
from connectors.home_folder.places import STATE, Root, opened
from connectors.home_folder.removing import Removing
from connectors.home_folder.survey import SHOWN, amount
from connectors.home_folder.tape import Tape
from connectors.home_folder.unpacking import Unpacking
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountState,
    Action,
    Confirm,
    Done,
    InProgress,
    NativeState,
    NeedsPerson,
    Outcome,
    performs,
)
from scimbridge.sdk.outcome import name_taken

SLICE = 60.0
"""An attempt begins nothing more after this long, in seconds: its lease is renewed for minutes, not for hours."""

NEXT = timedelta(seconds=1)
"""After this long the next attempt goes on."""

KEPT_FOR = timedelta(days=365)
"""So long the bridge brings a removed folder back; whoever keeps the archives has to keep them as long."""

MOST_BROUGHT_BACK = 40 << 30
"""What can be unpacked within one attempt, in bytes."""


class HomeFolderConnector(Listing):
    """Home folders below one root."""

    kind = "home-folder"
    contract = 1

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action; where only a person can go on, that one is asked."""
        try:
            return super().perform(action, account, confirm)
        except AskError as error:
            return NeedsPerson(str(error))

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether a folder is already what an action would make it."""
        if action is Action.RESTORE and isinstance(account, AccountState) and doors.is_half_open(account):
            return False
        return super().is_as_wanted(action, account)

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Close the folder: it belongs to the bridge, and nobody may enter."""
        if account.is_as_wanted_by(Action.SUSPEND):
            return Done(changed=False)
        with self._changing(account) as (_, folder):
            doors.close(folder.fd)
        return Done(changed=True)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the folder its owner and its mode again, unless it was closed before the bridge came."""
        if self.is_as_wanted(Action.RESTORE, account) or account.original is None:
            return Done(changed=False)
        with self._changing(account) as (_, folder):
            doors.reopen(folder.fd, account.original)
        return Done(changed=True)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Archive the folder, and read the archive back; the folder stays until it is removed."""
        if account.archived:
            return Done(changed=False)
        with self._changing(account) as (_, folder), self._archives() as archives:
            if account.handle is None:
                confirm()
            progress = self._packed(folder, archives)
        if progress:
            return InProgress(handle=account.id, check_after=NEXT, progress=progress)
        return Done(changed=True)

    @performs(Action.DELETE, undo=Action.UNDELETE, window=KEPT_FOR, after=(Action.ARCHIVE,))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the folder once an archive holds exactly what is in it; it is made where there is none."""
        try:
            return self._delete(account, confirm)
        except AccountNotFoundError:
            return Done(changed=False)

    def _delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        with self._changing(account) as (root, folder), self._archives() as archives:
            stem = archives.newest(account.id)
            if stem is not None and not folder.is_going:
                _require_unchanged(folder, archives, stem)
            confirm()
            if stem is None:
                progress = self._packed(folder, archives)
                if progress or os.listdir(folder.fd):  # what took time is confirmed once more
                    return InProgress(
                        handle=account.id, check_after=NEXT, progress=progress or "the folder is archived"
                    )
                stem = archives.newest(account.id)
            if not folder.is_going:
                set_aside(root, folder)
            with by_id(root, account.id) as going:
                if not self._removed(going, archives, stem):
                    progress = "a part of the folder is removed"
                    return InProgress(handle=account.id, check_after=NEXT, progress=progress)
            forget(root, account.id)
        return Done(changed=True, after={"archive": begun_at(stem or "")})

    def _packed(self, folder: Folder, archives: Archives) -> str:
        """Archive a folder as far as time allows, and return how far that is; empty once it is done."""
        packing = Packing(archives, folder, self.context.permit, self._monotonic)
        return packing.advance(self._monotonic() + SLICE)

    def _removed(self, folder: Folder, archives: Archives, stem: str | None) -> bool:
        lines = archives.lines(stem) if stem else iter(())
        next(lines, None)  # the folder itself
        removing = Removing(folder, lines, self.context.permit, self._monotonic() + SLICE, self._monotonic)
        try:
            return removing.run()
        except ChangedError as error:
            raise AskError(
                f"{error}, so that it and what follows was not removed: look at what is left in "
                f"{self.config.root / STATE}, remove it by hand, and retry the task"
            ) from error

    @performs(Action.UNDELETE)
    def undelete(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Make a removed folder anew from its archive, closed, unless something has its name by now."""
        if not account.deleted:
            return Done(changed=False)
        if REMOVAL in account.attributes:
            return NeedsPerson(
                f"the removal of the folder has begun and not ended: move what is in {self.config.root / STATE} away, "
                "and retry the task; the archive has all of it"
            )
        self.context.permit(writes=True)
        with translated(account.name), opened(self.config.root) as root, self._archives() as archives:
            return self._undelete(account, root, archives)

    def _undelete(self, account: AccountState, root: Root, archives: Archives) -> Outcome:
        stem = archives.newest(account.id)
        if stem is None:
            raise AccountNotFoundError("there is no archive of such a folder any more")
        head = archives.head(stem)
        if head.name in os.listdir(root.fd):
            return name_taken(account.name)
        if head.size > MOST_BROUGHT_BACK:
            raise AskError(
                f"{amount(head.size)} take too long for one attempt: extract {printable(stem)}.tar.gz by hand"
            )
        with coming(root, account.id) as parent:
            lost = self._unpacked(archives, stem, parent)
            try:
                put_back(root, account.id, head.name, parent)
            except FileExistsError:
                return name_taken(account.name)
        return Done(changed=True, after={"archive": begun_at(stem)}, lost=tuple(lost[:SHOWN]))

    def _unpacked(self, archives: Archives, stem: str, parent: int) -> list[str]:
        head = archives.head(stem)
        unpacking = Unpacking(head.name, parent)
        with closing(unpacking), archives.data(stem) as data:
            for _ in Tape(data, unpacking).play(archives.records(stem)):
                self.context.permit(writes=True)
            unpacking.end()
        return unpacking.lost


def _require_unchanged(folder: Folder, archives: Archives, stem: str) -> None:
    try:
        compared(folder, archives.lines(stem))
    except ChangedError as error:
        raise AskError(
            f"{error} ({printable(stem)}): see who still writes there. To have it archived anew, move that archive and "
            "its manifest to another place; then retry the task"
        ) from error
