"""What people look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from scimbridge.bridge.work import Work
from scimbridge.config import Settings
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.live import Live
from scimbridge.queue.redis import QUICK
from scimbridge.queue.watching import Watch
from scimbridge.services.board import Board
from scimbridge.services.browsing import Browsing
from scimbridge.services.charting import Charting
from scimbridge.services.dossier import Dossiers
from scimbridge.services.exporting import Exporting
from scimbridge.services.findings import Findings
from scimbridge.services.gauging import Gauging
from scimbridge.services.group_status import GroupStatuses
from scimbridge.services.leaver_report import LeaverReport
from scimbridge.services.overview import Overview
from scimbridge.services.preflight import Preflight
from scimbridge.services.queues import Queues
from scimbridge.services.records import Records
from scimbridge.services.rehearsal import Rehearsing
from scimbridge.services.searching import Searching
from scimbridge.services.stale_groups import StaleGroups
from scimbridge.services.story import Stories


class Looks(Work):
    """What people look at."""

    @cached_property
    def live(self) -> Live:
        """What happens, for whoever listens to this process."""
        return Live(self.overview.history_after, self.overview.newest_entry)

    @cached_property
    def browsing(self) -> Browsing:
        """What operators look through."""
        return Browsing(self.database)

    @cached_property
    def board(self) -> Board:
        """Where everybody stands who leaves."""
        return Board(self.database)

    @cached_property
    def searching(self) -> Searching:
        """Finds by what one has in hand."""
        return Searching(self.database, [target.name for target in self.fleet if target.name != NOTICES])

    @property
    def dossiers(self) -> Dossiers:
        """What is known of a person."""
        return Dossiers(self.database, self.rulebook.rules)

    @cached_property
    def records(self) -> Records:
        """What happened, and what sources sent."""
        return Records(self.database)

    @cached_property
    def overview(self) -> Overview:
        """What operators look at."""
        return Overview(self.database, self.fleet)

    @cached_property
    def stories(self) -> Stories:
        """What there is to tell about a case."""
        return Stories(self.database, self.fleet, self.timing)

    @cached_property
    def queues(self) -> Queues:
        """What goes on at the queues."""
        return Queues(self.database, self.fleet, self.watch.look)

    @cached_property
    def watch(self) -> Watch:
        """Looks at Redis."""
        return Watch(self._redis(QUICK))

    @cached_property
    def preflight(self) -> Preflight:
        """Asks targets whether they can be used."""
        return Preflight(self.database, self.fleet, self.settings.notices)

    @property
    def rehearsing(self) -> Rehearsing:
        """What would happen by the rules in force."""
        return self._rehearsing(self.rulebook.rules, self.settings)

    def rehearsing_by(self, settings: Settings) -> Rehearsing:
        """Return what would happen by other rules, guard limits and freezes, at our targets."""
        return self._rehearsing(settings.ruleset, settings)

    def rehearsing_with(self, rules: Sequence[Rule]) -> Rehearsing:
        """Return what would happen by other rules, beside our own exclusions, guard limits and freezes."""
        return self._rehearsing(Ruleset(rules, self.rulebook.rules.exclusions), self.settings)

    def _rehearsing(self, rules: Ruleset, settings: Settings) -> Rehearsing:
        return Rehearsing(self.database, self.fleet, rules, settings.guard, settings.freezes)

    @cached_property
    def gauging(self) -> Gauging:
        """How much room the guard's limits have."""
        return Gauging(self.database, self.settings.guard)

    @cached_property
    def charting(self) -> Charting:
        """What charts show."""
        return Charting(self.database, self.settings.deadlines)

    @cached_property
    def leaver_report(self) -> LeaverReport:
        """Who left in a time."""
        return LeaverReport(self.database)

    @cached_property
    def exporting(self) -> Exporting:
        """Notes who takes lists."""
        return Exporting(self.database)

    @cached_property
    def findings(self) -> Findings:
        """What reconciliation has found."""
        return Findings(self.database, self.reconciliation_runs)

    @cached_property
    def stale_groups(self) -> StaleGroups:
        """Which groups at targets nobody seems to need."""
        return StaleGroups(self.database, self.fleet)

    @cached_property
    def group_statuses(self) -> GroupStatuses:
        """Where the groups stand that are being given up."""
        return GroupStatuses(self.database, self.fleet)
