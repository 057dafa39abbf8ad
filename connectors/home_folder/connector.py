"""A person's home folder: closed, archived, removed, and given back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.home_folder import closing
from connectors.home_folder.archives import Archives
from connectors.home_folder.comparing import compared
from connectors.home_folder.config import HomeFolderConfig
from connectors.home_folder.errors import AskError, ChangedError, printable, translated
from connectors.home_folder.folders import Folder, by_id, forget, named, names_in, set_aside
from connectors.home_folder.packing import Packing
from connectors.home_folder.places import STATE, Root, opened, private
from connectors.home_folder.removing import Removing
from connectors.home_folder.survey import amount
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
    performs,
)
from scimbridge.sdk.finding import find_by

SLICE = 60.0
"""An attempt begins nothing more after this long, in seconds: its lease is renewed for minutes, not for hours."""

NEXT = timedelta(seconds=1)
"""After this long the next attempt goes on."""

PAGE = 500


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

    @classmethod
    def lacks(cls, config: HomeFolderConfig, actions: Collection[Action]) -> Iterator[tuple[str, str]]:
        """Say that a folder is removed only once it is archived."""
        del config
        if Action.DELETE in actions and Action.ARCHIVE not in actions:
            yield "connector", 'removes only what is archived, and no rule archives: write do = ["archive", "delete"]'

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

    def decisive(self, account: NativeState) -> Mapping[str, Any]:
        """Return what an approval is given for; here also, which archive the folder is in as it is now."""
        return {**account.decisive, "archive": list(account.attributes.get("archive", ()))}

    # -- actions

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Close the folder: it belongs to the bridge, and nobody may enter."""
        if account.is_as_wanted_by(Action.SUSPEND):
            return Done(changed=False)
        with self._changing(account) as (_, folder):
            closing.close(folder.fd)
        return Done(changed=True)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the folder its owner and its mode again, unless it was closed before the bridge came."""
        if account.is_as_wanted_by(Action.RESTORE) or account.original is None:
            return Done(changed=False)
        with self._changing(account) as (_, folder):
            closing.reopen(folder.fd, account.original)
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
                packing = Packing(archives, folder, self.context.permit, self._monotonic)
                progress = packing.advance(self._monotonic() + SLICE)
        except AskError as error:
            return NeedsPerson(str(error))
        if progress:
            return InProgress(handle=account.id, check_after=NEXT, progress=progress)
        return Done(changed=True)

    @performs(Action.DELETE, after=(Action.ARCHIVE,))
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Remove the folder, if an archive holds exactly what is in it, or it is empty."""
        try:
            return self._delete(account, confirm)
        except AskError as error:
            return NeedsPerson(str(error))
        except AccountNotFoundError:
            return Done(changed=False)

    def _delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        with self._changing(account) as (root, folder), self._archives() as archives:
            stem = archives.newest(account.id)
            if not folder.is_going:
                _require_archived(folder, archives, stem)
            confirm()
            if not folder.is_going:
                set_aside(root, folder)
            with by_id(root, account.id) as going:
                if not self._removed(going, archives, stem):
                    progress = "a part of the folder is removed"
                    return InProgress(handle=account.id, check_after=NEXT, progress=progress)
            forget(root, account.id)
        return Done(changed=True, after={"archive": stem or "", "was empty": stem is None})

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
        stem = self._archive_of(folder)
        return AccountState(
            id=folder.id,
            name=printable(folder.name),
            suspended=closing.is_closed(folder.status),
            attributes={
                "name": (printable(self._owner_of(folder.name)),),
                **closing.told(folder.status),
                **({"archive": (stem,)} if stem else {}),
            },
            archived=stem is not None,
        )

    def _archive_of(self, folder: Folder) -> str | None:
        """Return the name of the archive that holds exactly what is in a folder; or did, once its removal began."""
        with self._archives() as archives:
            stem = archives.newest(folder.id)
            if stem is None or folder.is_going:
                return stem
            try:
                compared(folder, archives.lines(stem))
            except (AskError, ChangedError):
                return None
            return stem

    def _summary(self, folder: Folder) -> AccountSummary:
        return AccountSummary(
            id=folder.id,
            name=printable(folder.name),
            attributes={"name": (printable(self._owner_of(folder.name)),)},
            suspended=closing.is_closed(folder.status),
            created_at=datetime.fromtimestamp(folder.made_at / 10**9, UTC),
        )


def _require_archived(folder: Folder, archives: Archives, stem: str | None) -> None:
    if stem is None:
        if os.listdir(folder.fd):
            raise AskError(
                "there is no archive of the folder: let the rule archive it first, or archive and remove it by hand, "
                "and say so with `scimbridge tasks done`"
            )
        return
    try:
        compared(folder, archives.lines(stem))
    except ChangedError as error:
        raise AskError(
            f"{error} ({stem}): see who still writes there; put back or take out what is new and retry the task, "
            "or archive and remove the folder by hand, and say so with `scimbridge tasks done`"
        ) from error
