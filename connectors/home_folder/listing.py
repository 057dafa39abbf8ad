"""What is told of home folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime

from connectors.home_folder import doors
from connectors.home_folder.comparing import compared
from connectors.home_folder.errors import AskError, ChangedError, printable, translated
from connectors.home_folder.folders import Folder, by_id, named, names_in
from connectors.home_folder.places import Root
from connectors.home_folder.survey import amount
from connectors.home_folder.ways import Ways
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountPage,
    AccountRef,
    AccountState,
    AccountSummary,
    Action,
    Coverage,
    End,
    NativeState,
    Person,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.finding import find_by

REMOVAL = "removal"
"""The attribute of a folder whose removal has begun."""

PAGE = 500
"""Folders that are listed at once."""


class Listing(Ways):
    """Finds folders, reads and lists them."""

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
                attributes={"name": (printable(self._owner_of(name)),), "archive": (printable(stem),)},
                archived=True,
                deleted=True,
            )

    def read_for(self, action: Action, native_id: str) -> NativeState:
        """Return a folder; one whose removal has begun has been deleted for whoever wants it back."""
        state = super().read_for(action, native_id)
        if action.is_of_deleted and REMOVAL in state.attributes:
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

    def _state(self, folder: Folder) -> AccountState:
        stem, is_archived = self._archive_of(folder)
        return AccountState(
            id=folder.id,
            name=printable(folder.name),
            suspended=doors.is_closed(folder.status),
            attributes={
                "name": (printable(self._owner_of(folder.name)),),
                **doors.told(folder.status),
                **({"archive": (printable(stem),)} if stem else {}),
                **({REMOVAL: ("begun",)} if folder.is_going else {}),
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
