"""A person's home folder: closed, archived, removed, and given back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.home_folder import doors
from connectors.home_folder.archives import Archives
from connectors.home_folder.comparing import compared
from connectors.home_folder.config import HomeFolderConfig
from connectors.home_folder.errors import AskError, ChangedError, printable, translated
from connectors.home_folder.folders import Folder, by_id, coming, forget, named, names_in, put_back, set_aside
from connectors.home_folder.packing import Packing
from connectors.home_folder.places import STATE, Root, opened, private
from connectors.home_folder.removing import Removing
from connectors.home_folder.survey import SHOWN, amount
from connectors.home_folder.tape import Tape
from connectors.home_folder.unpacking import Unpacking
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountPage,
    AccountRef,
    AccountState,
    AccountSummary,
    Action,
    Confirm,
    Connector,
    Context,
    Coverage,
    Done,
    End,
    InProgress,
    NativeState,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
    performs,
)
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.outcome import name_taken

SLICE = 60.0
"""An attempt begins nothing more after this long, in seconds: its lease is renewed for minutes, not for hours."""

NEXT = timedelta(seconds=1)
"""After this long the next attempt goes on."""

KEPT_FOR = timedelta(days=365)
"""So long the bridge brings a removed folder back; whoever keeps the archives has to keep them as long."""

MOST_BROUGHT_BACK = 40 << 30
"""What can be unpacked within one attempt, in bytes."""

_HALF = "removal"
"""The attribute of a folder whose removal has begun."""

PAGE = 500
"""Folders that are listed at once."""


class HomeFolderConnector(Connector[HomeFolderConfig]):
    """Home folders below one root.

    Args:
        config: Where they are.
        context: What the engine hands over.
        monotonic: A clock, in seconds.
    """

    kind = "home-folder"
    config_type = HomeFolderConfig

    def __init__(
        self, config: HomeFolderConfig, context: Context, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(config, context)
        self._monotonic = monotonic

    def check(self) -> str:
        """Open the root and the folder of the archives."""
        with self._entered() as root, self._archives() as archives:
            names = names_in(root)
            count = sum(1 for _ in self._folders(root, names))
            folders = "folder" if count == 1 else "folders"
            free = amount(archives.free)
            return (
                f"{count} home {folders} in {self.config.root}, of {len(names)} names there; {free} free for archives"
            )

    def find(self, person: Person) -> AccountRef | None:
        """Return the folder that has the person's name, in any case of letters."""
        with self._entered() as root:
            names = names_in(root)
            return find_by(self.config.match, person, lambda _, value: self._named(root, names, value))

    def read(self, account_id: str) -> AccountState:
        """Return the folder as it is; where there is an archive, all that is in it is held against that."""
        with self._entered() as root, by_id(root, account_id) as folder:
            return self._state(folder)

    def read_deleted(self, account_id: str) -> AccountState:
        """Return a folder that was removed, as its archive has it."""
        self.context.permit(writes=False)
        with translated(str(self.config.archives)), self._archives() as archives:
            stem = archives.newest(account_id)
            if stem is None:
                raise AccountNotFoundError("there is no archive of such a folder")
            name = archives.head(stem).name
            return AccountState(
                id=account_id,
                name=printable(name),
                suspended=True,
                attributes={"name": (printable(self._owner_of(name)),), "archive": (stem,)},
                archived=True,
                deleted=True,
            )

    def read_for(self, action: Action, native_id: str) -> NativeState:
        """Return a folder; one whose removal has begun has been deleted for whoever wants it back."""
        state = super().read_for(action, native_id)
        if action.is_of_deleted and _HALF in state.attributes:
            return replace(state, deleted=True)
        return state

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield all folders; a file system does not tell what has changed since."""
        del since
        with self._entered() as root:
            names = names_in(root)
            for start in range(0, len(names), PAGE):
                self.context.permit(writes=False)
                page = tuple(map(self._summary, self._folders(root, names[start : start + PAGE])))
                yield AccountPage(accounts=page)
            yield AccountPage(end=End(coverage=Coverage.WHOLE))

    # -- actions

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
        if account.is_as_wanted_by(Action.RESTORE) or account.original is None:
            return Done(changed=False)
        with self._changing(account) as (_, folder):
            doors.reopen(folder.fd, account.original)
        return Done(changed=True)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Archive the folder, and read the archive back; the folder stays until it is removed."""
        if account.archived:
            return Done(changed=False)
        try:
            with self._changing(account) as (_, folder), self._archives() as archives:
                if account.handle is None:
                    confirm()
                progress = self._packed(folder, archives)
        except AskError as error:
            return NeedsPerson(str(error))
        if progress:
            return InProgress(handle=account.id, check_after=NEXT, progress=progress)
        return Done(changed=True)

    @performs(Action.DELETE, undo=Action.UNDELETE, window=KEPT_FOR, after=(Action.ARCHIVE,))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the folder once an archive holds exactly what is in it; it is made where there is none."""
        try:
            return self._delete(account, confirm)
        except AskError as error:
            return NeedsPerson(str(error))
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
        return Done(changed=True, after={"archive": stem or ""})

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
        if _HALF in account.attributes:
            return NeedsPerson(
                f"the removal of the folder has begun and not ended: move what is in {self.config.root / STATE} away, "
                "and retry the task; the archive has all of it"
            )
        self.context.permit(writes=True)
        try:
            with translated(account.name), opened(self.config.root) as root, self._archives() as archives:
                return self._undelete(account, root, archives)
        except AskError as error:
            return NeedsPerson(str(error))

    def _undelete(self, account: AccountState, root: Root, archives: Archives) -> Outcome:
        stem = archives.newest(account.id)
        if stem is None:
            raise AccountNotFoundError("there is no archive of such a folder any more")
        head = archives.head(stem)
        if head.name in os.listdir(root.fd):
            return name_taken(account.name)
        if head.size > MOST_BROUGHT_BACK:
            raise AskError(f"{amount(head.size)} take too long for one attempt: extract {stem}.tar.gz by hand")
        with coming(root, account.id) as parent:
            lost = self._unpacked(archives, stem, parent)
            try:
                put_back(root, account.id, head.name, parent)
            except FileExistsError:
                return name_taken(account.name)
        return Done(changed=True, after={"archive": stem}, lost=tuple(lost[:SHOWN]))

    def _unpacked(self, archives: Archives, stem: str, parent: int) -> list[str]:
        head = archives.head(stem)
        unpacking = Unpacking(head.name, parent)
        with closing(unpacking), archives.data(stem) as data:
            for _ in Tape(head, data, unpacking).play(archives.records(stem)):
                self.context.permit(writes=True)
            unpacking.end()
        return unpacking.lost

    # -- ways to the folders

    @contextmanager
    def _entered(self) -> Iterator[Root]:
        self.context.permit(writes=False)
        with translated(str(self.config.root)), opened(self.config.root) as root:
            yield root

    @contextmanager
    def _changing(self, account: AccountState) -> Iterator[tuple[Root, Folder]]:
        self.context.permit(writes=True)
        with translated(account.name), opened(self.config.root) as root, by_id(root, account.id) as folder:
            yield root, folder

    @contextmanager
    def _archives(self) -> Iterator[Archives]:
        with private(self.config.archives) as fd:
            yield Archives(fd, self.config.max_size, self.config.spare)

    @staticmethod
    def _folders(root: Root, names: Sequence[str]) -> Iterator[Folder]:
        """Yield those that are folders, and no mounts of their own."""
        for name in names:
            with suppress(FileNotFoundError, NotADirectoryError, RejectedError), named(root, name) as folder:
                yield folder

    def _named(self, root: Root, names: Sequence[str], value: str) -> Iterator[AccountRef]:
        for name in names:
            if self._owner_of(name).casefold() == value.casefold():
                with suppress(FileNotFoundError, NotADirectoryError), named(root, name) as folder:
                    yield AccountRef(folder.id, printable(name))

    def _owner_of(self, name: str) -> str:
        """Return what a person is called who has a folder of this name."""
        return f"{name}{self.config.suffix}"

    # -- what is told of them

    def _state(self, folder: Folder) -> AccountState:
        stem, is_archived = self._archive_of(folder)
        return AccountState(
            id=folder.id,
            name=printable(folder.name),
            suspended=doors.is_closed(folder.status),
            attributes={
                "name": (printable(self._owner_of(folder.name)),),
                **doors.told(folder.status),
                **({"archive": (stem,)} if stem else {}),
                **({_HALF: ("begun",)} if folder.is_going else {}),
            },
            archived=is_archived,
        )

    def _archive_of(self, folder: Folder) -> tuple[str | None, bool | None]:
        """Return the archive of exactly what is in a folder, or was before its removal, and whether there is one.

        Where archives cannot be reached nobody can tell, and a folder is closed all the same.
        """
        with ExitStack() as opened_:
            try:
                archives = opened_.enter_context(self._archives())
            except (RetryableError, TargetUnusableError):
                return None, None
            stem = archives.newest(folder.id)
            if stem is None or folder.is_going:
                return stem, stem is not None
            try:
                compared(folder, archives.lines(stem))
            except (AskError, ChangedError):
                return None, False
            return stem, True

    def _summary(self, folder: Folder) -> AccountSummary:
        return AccountSummary(
            id=folder.id,
            name=printable(folder.name),
            attributes={"name": (printable(self._owner_of(folder.name)),)},
            suspended=doors.is_closed(folder.status),
            created_at=datetime.fromtimestamp(folder.made_at / 10**9, UTC),
        )


def _require_unchanged(folder: Folder, archives: Archives, stem: str) -> None:
    try:
        compared(folder, archives.lines(stem))
    except ChangedError as error:
        raise AskError(
            f"{error} ({stem}): see who still writes there. To have it archived anew, move that archive and its "
            "manifest to another place; then retry the task"
        ) from error
