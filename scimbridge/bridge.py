"""The one place where the parts are wired together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import structlog
from redis import Redis

from scimbridge import registry
from scimbridge.config import Settings, read_rules, rules_text
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.rule import Rule, Ruleset
from scimbridge.domain.rulebook import Rulebook
from scimbridge.errors import ConfigurationError, StoreUnavailableError
from scimbridge.live import Live
from scimbridge.queue.courier import Courier
from scimbridge.queue.crew import Crew
from scimbridge.queue.redis import QUICK, connect
from scimbridge.queue.watching import Watch
from scimbridge.sdk.connector import Connector, Context
from scimbridge.sdk.errors import TargetUnusableError
from scimbridge.services.acting import Acting
from scimbridge.services.alarming import Alarms, Delivering
from scimbridge.services.approving import Approving
from scimbridge.services.arming import Arming
from scimbridge.services.assignment import Assignment
from scimbridge.services.board import Board
from scimbridge.services.browsing import Browsing
from scimbridge.services.census import Census
from scimbridge.services.charting import Charting
from scimbridge.services.claiming import Claiming
from scimbridge.services.clients import Clients
from scimbridge.services.deadlines import Deadlines
from scimbridge.services.dossier import Dossiers
from scimbridge.services.drafting import Drafting
from scimbridge.services.eligibility import Eligibility
from scimbridge.services.ending import Ending
from scimbridge.services.erasing import Erasing
from scimbridge.services.execution import Execution
from scimbridge.services.expediting import Expediting
from scimbridge.services.exporting import Exporting
from scimbridge.services.findings import Findings
from scimbridge.services.fleet import NOTICES_TARGET, Fleet, Target
from scimbridge.services.flooding import Flooding
from scimbridge.services.following import FileRules, Following
from scimbridge.services.forgetting import Forgetting
from scimbridge.services.gauging import Gauging
from scimbridge.services.giving_back import GivingBack
from scimbridge.services.grants import Grants, Standing
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.group_status import GroupStatuses
from scimbridge.services.guarding import Guarding
from scimbridge.services.holding import Holding
from scimbridge.services.hooking import Hooking
from scimbridge.services.identifying import Identifying
from scimbridge.services.inquiring import Inquiring
from scimbridge.services.intake import Intake
from scimbridge.services.inventory import Inventory
from scimbridge.services.leases import TERMS, Leases, Terms
from scimbridge.services.leaver_report import LeaverReport
from scimbridge.services.lookup import Lookup
from scimbridge.services.moving import Moving
from scimbridge.services.operating import Operating
from scimbridge.services.operator_tokens import OperatorTokens
from scimbridge.services.operators import Operators
from scimbridge.services.overview import Overview
from scimbridge.services.pausing import Pausing
from scimbridge.services.permit import TargetPermit
from scimbridge.services.planning import Planner
from scimbridge.services.preflight import Preflight
from scimbridge.services.queues import Queues
from scimbridge.services.quirks import Quirks
from scimbridge.services.recent import RecentGrants
from scimbridge.services.reconciliation_runs import ReconciliationRuns
from scimbridge.services.reconciliation_work import ReconciliationWork
from scimbridge.services.reconciling import Reconciling
from scimbridge.services.recording import Recording
from scimbridge.services.records import Records
from scimbridge.services.rehearsal import Rehearsing
from scimbridge.services.rekeying import Rekeying
from scimbridge.services.repeating import Repeating
from scimbridge.services.replaying import Replaying
from scimbridge.services.requesting import Requesting
from scimbridge.services.retaining import Retaining
from scimbridge.services.retiring import Retiring
from scimbridge.services.returning import Returning
from scimbridge.services.searching import Searching
from scimbridge.services.sessions import Sessions
from scimbridge.services.sources import Sources
from scimbridge.services.stale_groups import StaleGroups
from scimbridge.services.story import Stories
from scimbridge.services.successors import Successors
from scimbridge.services.sweeping import Sweeping
from scimbridge.services.tallying import Tallying
from scimbridge.services.telling import Telling
from scimbridge.services.timing import Timing
from scimbridge.services.tokens import Tokens
from scimbridge.store import targets
from scimbridge.store.clock import StoreClock
from scimbridge.store.database import Database
from scimbridge.store.upgrade import is_current, upgrade
from scimbridge.store.writer import Writer

if TYPE_CHECKING:
    from scimbridge.services.granting import Granting
    from scimbridge.services.issuers import Issuers
    from scimbridge.services.own_access import OwnAccess
    from scimbridge.services.passwords import Passwords
    from scimbridge.services.sealing import Sealing
    from scimbridge.services.sign_on import SignOn
    from scimbridge.services.signing_in import SigningIn


class Bridge:
    """Everything that a process of the bridge needs, made when it is first asked for.

    Nothing is connected by building one, so that a process may fork afterwards.

    Args:
        settings: A configuration without mistakes.
        queue_url: Where Redis is; needed where the settings say ``embedded``.
        clock: Tells the time; the store's clock where absent.
        lease: How long leases last.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        queue_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
        lease: Terms = TERMS,
    ) -> None:
        self.settings = settings
        self.queue_url = queue_url or settings.queue_url
        self._lease = lease
        self._given_clock = clock

    @cached_property
    def database(self) -> Database:
        """The store."""
        return Database(self.settings.store_url)

    @cached_property
    def writer(self) -> Writer:
        """Writes what sources send."""
        return Writer(self.database)

    @cached_property
    def store_clock(self) -> StoreClock:
        """The store's clock."""
        return StoreClock(self.database)

    @property
    def clock(self) -> Callable[[], datetime]:
        """The clock that everything goes by."""
        return self._given_clock or self.store_clock

    @cached_property
    def fleet(self) -> Fleet:
        """The targets."""
        unusable = {name: problem.message for name, problem in self.settings.unusable.items()}
        found = {
            name: Target.of(name, config, self.settings.capabilities[name], unusable=unusable.get(name, ""))
            for name, config in self.settings.targets.items()
        }
        if self.settings.notices is not None:
            found[NOTICES] = NOTICES_TARGET
        return Fleet(found, self._build_connector)

    @cached_property
    def leases(self) -> Leases:
        """The live attempts of this process."""
        return Leases(self.database, terms=self._lease)

    @cached_property
    def courier(self) -> Courier:
        """Tells the queue about work."""
        return Courier(self._redis(QUICK))

    @cached_property
    def timing(self) -> Timing:
        """When work is let go."""
        return Timing(freezes=self.settings.freezes, deadlines=self.settings.deadlines)

    @cached_property
    def rulebook(self) -> Rulebook:
        """The rules in force: those of the file until ``following`` knows better."""
        return Rulebook(self.settings.ruleset)

    @cached_property
    def following(self) -> Following:
        """Keeps the rulebook to the version in force."""
        return Following(self.database, self.rulebook, self.file_rules, self._rules_of, self._rules_changed)

    @cached_property
    def drafting(self) -> Drafting:
        """What admins do with versions of the rules."""
        return Drafting(
            self.database,
            lambda text: read_rules(text, self.settings),
            is_allowed=self.settings.operators.edit_rules,
        )

    @cached_property
    def replaying(self) -> Replaying:
        """What the past would have been by a draft of the rules."""
        return Replaying(self.database, self.fleet, self.rulebook, self.settings.guard, self._rules_of)

    @cached_property
    def planner(self) -> Planner:
        """Turns facts into cases."""
        fleet = self.fleet
        return Planner(self.rulebook, fleet.capabilities, self.guarding, self.timing, fleet.unusable)

    @cached_property
    def guarding(self) -> Guarding:
        """Counts whoever is planned for, and holds floods."""
        modes = {target.name: target.mode for target in self.fleet}
        return Guarding(self.database, self.settings.guard, modes, self.alarms)

    @cached_property
    def flooding(self) -> Flooding:
        """What operators decide about floods."""
        return Flooding(self.database, self.returning, self.courier.submit)

    @cached_property
    def gauging(self) -> Gauging:
        """How much room the guard's limits have."""
        return Gauging(self.database, self.settings.guard)

    @cached_property
    def exporting(self) -> Exporting:
        """Notes who takes lists."""
        return Exporting(self.database)

    @cached_property
    def tallying(self) -> Tallying:
        """Counts what has happened, by day."""
        return Tallying(self.database)

    @cached_property
    def leaver_report(self) -> LeaverReport:
        """Who left in a time."""
        return LeaverReport(self.database)

    @cached_property
    def charting(self) -> Charting:
        """What charts show."""
        return Charting(self.database, self.settings.deadlines)

    @cached_property
    def census(self) -> Census:
        """How many identities are active, for the guard's percentages."""
        return Census(self.database, self.settings.guard)

    @cached_property
    def intake(self) -> Intake:
        """The write side of SCIM's users."""
        return Intake(
            self.writer,
            self.planner,
            self.returning,
            self.ending,
            self.moving,
            self.courier.submit,
            self.settings.profiles,
        )

    @cached_property
    def grants(self) -> Grants:
        """Which targets groups grant."""
        return Grants({name: config.granted_by for name, config in self.settings.targets.items()})

    @cached_property
    def returning(self) -> Returning:
        """Undoes cases."""
        return Returning(self.rulebook, self.planner, self.grants)

    @cached_property
    def ending(self) -> Ending:
        """Knows when the time of identities ends."""
        return Ending(self.database, self.planner, self.returning, self.settings.profiles)

    @cached_property
    def requesting(self) -> Requesting:
        """Who is asked to leave."""
        return Requesting(
            self.database,
            self.planner,
            self.rulebook,
            self.fleet.capabilities,
            self.settings.profiles,
            self.courier.submit,
        )

    @cached_property
    def retiring(self) -> Retiring:
        """Which groups at targets are given up."""
        return Retiring(
            self.database,
            self.fleet,
            self.planner,
            self.rulebook,
            self.fleet.capabilities,
            self.courier.submit,
        )

    @cached_property
    def stale_groups(self) -> StaleGroups:
        """Which groups at targets nobody seems to need."""
        return StaleGroups(self.database, self.fleet)

    @cached_property
    def inventory(self) -> Inventory:
        """Which accounts there are at targets."""
        return Inventory(self.fleet)

    @cached_property
    def reconciling(self) -> Reconciling:
        """What targets really have, against what is known of them."""
        return Reconciling(self.database, self.fleet)

    @cached_property
    def reconciliation_runs(self) -> ReconciliationRuns:
        """Who asks for runs of reconciliation."""
        return ReconciliationRuns(self.database, self.fleet, self.courier.submit, self.courier.queued)

    @cached_property
    def reconciliation_work(self) -> ReconciliationWork:
        """Who works on runs of reconciliation."""
        return ReconciliationWork(self.database, self.fleet, self.inventory, self.reconciling, self.clock)

    @cached_property
    def findings(self) -> Findings:
        """What reconciliation has found."""
        return Findings(self.database, self.reconciliation_runs)

    @cached_property
    def group_statuses(self) -> GroupStatuses:
        """Where the groups stand that are being given up."""
        return GroupStatuses(self.database, self.fleet)

    @cached_property
    def operators(self) -> Operators:
        """Who may use the API."""
        return Operators(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        """Who is signed in to the pages."""
        return Sessions(self.database, self.settings.operators.terms)

    # Hashing passwords is a library of its own, too, and the first hash takes a moment.

    @cached_property
    def passwords(self) -> Passwords:
        """Hashes passwords."""
        from scimbridge.services.passwords import Passwords

        return Passwords()

    @cached_property
    def signing_in(self) -> SigningIn:
        """Lets operators in to the pages."""
        from scimbridge.services.signing_in import SigningIn

        return SigningIn(self.database, self.sessions, self.passwords)

    @cached_property
    def sign_on(self) -> SignOn | None:
        """Signs operators in by an identity provider, where there is one."""
        from scimbridge.services.sign_on import SignOn

        provider = self.settings.operators.provider
        callback = f"{self.settings.server.public_url}/sign-in/oidc/callback"
        return None if provider is None else SignOn(provider, callback)

    @cached_property
    def own_access(self) -> OwnAccess:
        """What operators change about their own signing in."""
        from scimbridge.services.own_access import OwnAccess

        return OwnAccess(self.database, self.passwords)

    @cached_property
    def operator_tokens(self) -> OperatorTokens:
        """What operators' programs show."""
        return OperatorTokens(self.database)

    @cached_property
    def repeating(self) -> Repeating:
        """What the API has answered."""
        return Repeating(self.database)

    @cached_property
    def live(self) -> Live:
        """What happens, for whoever listens to this process."""
        return Live(self.overview.history_after, self.overview.newest_entry)

    @cached_property
    def browsing(self) -> Browsing:
        """What operators look through."""
        return Browsing(self.database)

    @cached_property
    def hooking(self) -> Hooking:
        """Asks the hooks of rules."""
        return Hooking(self.database, self.settings.hooks)

    @cached_property
    def assignment(self) -> Assignment:
        """What a change of a group means for targets."""
        return Assignment(self.grants, self.planner, self.returning, self.moving)

    @cached_property
    def moving(self) -> Moving:
        """Which changes are facts."""
        return Moving(self.rulebook, self.planner, self.returning, self.grants)

    @cached_property
    def inquiring(self) -> Inquiring:
        """What operators are asked about groups."""
        return Inquiring(self.database, self.assignment, self.courier.submit)

    @cached_property
    def group_intake(self) -> GroupIntake:
        """The write side of SCIM's groups."""
        return GroupIntake(self.writer, self.assignment, self.courier.submit, self.settings.profiles)

    @cached_property
    def lookup(self) -> Lookup:
        """The read side of SCIM."""
        return Lookup(self.database, self.settings.profiles)

    @cached_property
    def recent_grants(self) -> RecentGrants:
        """The credentials that this process has just seen."""
        return RecentGrants()

    @cached_property
    def quirks(self) -> Quirks:
        """What sources write in ways of their own."""
        return Quirks(self.database)

    @cached_property
    def sources(self) -> Sources:
        """What operators see of the sources."""
        return Sources(self.database, list(self.settings.sources))

    @cached_property
    def tokens(self) -> Tokens:
        """How sources show who they are."""
        return Tokens(self.database, self.recent_grants)

    @cached_property
    def clients(self) -> Clients:
        """The OAuth clients of sources."""
        return Clients(self.database, self.recent_grants)

    # Signatures are a library of their own: who serves no requests need not load it.

    @cached_property
    def granting(self) -> Granting:
        """The token endpoint's work."""
        from scimbridge.services.granting import Granting

        issuer = self.settings.server.public_url
        return Granting(self.database, (f"{issuer}/oauth/token", issuer))

    @cached_property
    def issuers(self) -> Issuers:
        """The issuers that sources' JWTs come from."""
        from scimbridge.services.issuers import Issuers

        access = self.settings.access
        return Issuers({source: each.issuer for source, each in access.items() if each.issuer is not None})

    @cached_property
    def identifying(self) -> Identifying:
        """Which source a request is of."""
        return Identifying(self.tokens, self.granting, self.issuers, self.settings.access, self.clock)

    @cached_property
    def holding(self) -> Holding:
        """Holds and run-time exclusions."""
        return Holding(self.database, self.fleet)

    @cached_property
    def operating(self) -> Operating:
        """What operators do."""
        return Operating(self.database, self.fleet, self.guarding, self.courier.submit)

    @cached_property
    def stories(self) -> Stories:
        """What there is to tell about a case."""
        return Stories(self.database, self.fleet, self.timing)

    @cached_property
    def acting(self) -> Acting:
        """Acts on many cases."""
        return Acting(self.database, self.operating, self.expediting, self.holding, self.giving_back)

    @cached_property
    def arming(self) -> Arming:
        """Lets observing targets act for a time."""
        return Arming(self.database, self.fleet)

    @cached_property
    def expediting(self) -> Expediting:
        """What skips its grace."""
        return Expediting(self.database)

    @cached_property
    def approving(self) -> Approving:
        """What operators say yes to."""
        return Approving(self.database, self.fleet, self.rulebook, self.courier.submit)

    @cached_property
    def giving_back(self) -> GivingBack:
        """Access that operators give back."""
        return GivingBack(self.database, self.returning, self.courier.submit)

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

    def _rehearsing(self, rules: Ruleset, settings: Settings) -> Rehearsing:
        return Rehearsing(self.database, self.fleet, rules, settings.guard, settings.freezes)

    @cached_property
    def execution(self) -> Execution:
        """What a worker does."""
        worker = f"{socket.gethostname()}-{os.getpid()}"
        eligibility = Eligibility(self.rulebook, Standing(self.grants, self.settings.profiles), self.timing)
        claiming = Claiming(self.database, self.fleet, eligibility, self.guarding, worker, self._lease)
        recording = Recording(self.database, _alarm, self.alarms)
        tell = self._telling(claiming).tell if self.settings.notices is not None else None
        successors = Successors(self.database, self.settings.profiles)
        return Execution(self.database, self.fleet, claiming, recording, self.leases, self.clock, tell, successors)

    @cached_property
    def alarms(self) -> Alarms:
        """What operators have to know."""
        return Alarms(self.settings.notices)

    @cached_property
    def deadlines(self) -> Deadlines:
        """What is late."""
        return Deadlines(self.database, self.alarms, self.timing)

    @cached_property
    def pausing(self) -> Pausing:
        """Pauses what cannot be used."""
        return Pausing(self.database, self.fleet, self.alarms, _alarm)

    def deliver(self) -> int:
        """Send the alarms that are due. Returns how many were sent."""
        if self.settings.notices is None:
            return 0
        return Delivering(self.database, self.settings.notices, self.clock).run()

    @cached_property
    def sweeping(self) -> Sweeping:
        """What happens by the clock."""
        return Sweeping(
            self.database,
            self.fleet,
            (self.ending, self.requesting),
            self.courier.submit,
            self.courier.queued,
            self.timing,
        )

    @cached_property
    def forgetting(self) -> Forgetting:
        """What is deleted once nobody asks for it any more."""
        return Forgetting(self.database)

    @cached_property
    def erasing(self) -> Erasing:
        """Erases whom their source has deleted."""
        return Erasing(self.database)

    @cached_property
    def retaining(self) -> Retaining:
        """What is kept no longer."""
        return Retaining(self.database, self.settings.retention, self.erasing)

    @cached_property
    def sealing(self) -> Sealing:
        """What seals the history.

        Raises:
            InvalidKeyError: The key's file cannot be used.
        """
        from scimbridge.services.seal_key import SealKey
        from scimbridge.services.sealing import Sealing

        return Sealing(self.database, SealKey.of_file(self.settings.seal_key))

    @cached_property
    def crew(self) -> Crew:
        """The threads of a worker process."""
        return Crew(
            self._redis,
            {target.name: target.concurrency for target in self.fleet},
            self.execution.work,
            self.courier.submit,
            lambda target, limit: self.sweeping.runnable(target, self.clock(), limit),
            self.reconciliation_work.work,
        )

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

    def _redis(self, timeout: float) -> Redis:
        return connect(self.queue_url, timeout=timeout)

    @cached_property
    def file_rules(self) -> FileRules:
        """What the configuration says."""
        settings = self.settings
        text, digest = rules_text(settings)
        return FileRules(
            rules=settings.ruleset,
            text=text,
            digest=digest,
            name=f"{settings.path or 'the environment'} on {socket.gethostname()}",
            is_only_authority=not settings.operators.edit_rules,
        )

    def _rules_of(self, text: str) -> Sequence[Rule]:
        found = read_rules(text, self.settings)
        if found.problems:
            raise ConfigurationError([placed.problem for placed in found.problems])
        return found.rules

    def _rules_changed(self, former: Ruleset, new: Ruleset) -> None:
        for target in self.fleet:
            if former.actions_at(target.name) != new.actions_at(target.name):
                self.fleet.renew(target.name)

    def _telling(self, claiming: Claiming) -> Telling:
        channels = self.settings.notices
        assert channels is not None  # noqa: S101  # whoever asks has looked
        return Telling(
            self.database, self.fleet, claiming, channels, self.settings.profiles, self.settings.freezes, self.clock
        )

    def _build_connector(self, name: str) -> Connector[Any]:
        if name not in self.settings.targets:
            raise TargetUnusableError(f"{name} is no target: nobody has an account there")
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock)
        planned = self.rulebook.rules.actions_at(name)
        context = Context(target=name, permit=permit, planned=planned, throttled=permit.throttled)
        return registry.build(name, self.settings.targets[name], context)


def _alarm(target: str, reason: str) -> None:
    structlog.get_logger("scimbridge.alarm").error(
        "target paused: mend it, then run `scimbridge targets resume`",
        action="target.paused",
        target=target,
        reason=reason,
    )
