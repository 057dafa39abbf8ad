"""The one place where the parts are wired together: what a part is made of stands in the room that it belongs to."""

from __future__ import annotations

from scimbridge.bridge.access import Access
from scimbridge.bridge.decisions import Decisions
from scimbridge.bridge.looks import Looks
from scimbridge.errors import StoreUnavailableError
from scimbridge.services.rekeying import Rekeying
from scimbridge.store import targets
from scimbridge.store.upgrade import is_current, upgrade


class Bridge(Decisions, Looks, Access):
    """Everything that a process of the bridge needs, made when it is first asked for.

    Nothing is connected by building one, so that a process may fork afterwards.

    Args:
        settings: A configuration without mistakes.
        queue_url: Where Redis is; needed where the settings say ``embedded``.
        clock: Tells the time; the store's clock where absent.
        lease: How long leases last.
    """

    def prepare_store(self, *, may_upgrade: bool) -> None:
        """Bring the schema up to date, or make sure that it is, and note the configured targets.

        Raises:
            StoreUnavailableError: The schema is older than this version, and may not be upgraded here.
        """
        if may_upgrade:
            upgrade(self.database)
        elif not is_current(self.database):
            raise StoreUnavailableError("the database has another version's schema: run `scimbridge db upgrade`")
        with self.database.write() as tx:
            targets.ensure_targets(tx, [target.name for target in self.fleet])
        self.following.follow()

    def prepare_rules(self) -> None:
        """Put the rules of the file in force where nobody has activated others; for processes that serve sources."""
        self.following.take_file(self.clock())
        self.following.follow()

    def prepare_names(self) -> None:
        """Have the store compare userNames as the settings say; for processes that write them.

        Raises:
            ConfigurationError: By the rule that a source has now, several of its Users have the same name.
        """
        Rekeying(self.database, self.settings.profiles).run()

    def close(self) -> None:
        """Give everything back that was made."""
        made = self.__dict__
        if "replaying" in made:
            self.replaying.close()
        if "writer" in made:
            self.writer.close()
        if "courier" in made:
            self.courier.close()
        if "watch" in made:
            self.watch.close()
        if "fleet" in made:
            self.fleet.close()
        if "quirks" in made:
            self.quirks.flush(self.clock())
        if "tokens" in made:
            self.tokens.close()
        if "database" in made:
            self.database.close()
