"""How a connector gets to its folders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.home_folder.archives import Archives
from connectors.home_folder.config import HomeFolderConfig
from connectors.home_folder.errors import translated
from connectors.home_folder.folders import Folder, by_id
from connectors.home_folder.places import Root, opened, private
from scimbridge.sdk import AccountState, Connector, Context


class Ways(Connector[HomeFolderConfig]):
    """A connector with a root behind it.

    Args:
        config: Where it is.
        context: What the engine hands over.
        monotonic: A clock, in seconds.
    """

    config_type = HomeFolderConfig

    def __init__(
        self, config: HomeFolderConfig, context: Context, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(config, context)
        self._monotonic = monotonic

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
