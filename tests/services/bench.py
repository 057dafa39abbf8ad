"""A bridge on the bench: the real services and store, targets in memory, a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, select

from connectors.sample import SampleConfig, SampleConnector
from connectors.sample.record import Changes, Edit, Record
from connectors.sample.rows import left_of
from scimbridge.domain.action import Action
from scimbridge.domain.capability import ANYTHING, Capability
from scimbridge.domain.case import Case, CaseState
from scimbridge.domain.exclusion import Exclusion
from scimbridge.domain.filter import IdentityFilter
from scimbridge.domain.guard import Guard
from scimbridge.domain.inquiry import Cause, Inquiry
from scimbridge.domain.outline import NOTICES
from scimbridge.domain.resource import MemberChange, MemberVerb, Received
from scimbridge.domain.rule import NO_TERMS, Restore, Rule, Ruleset, Stage, Terms
from scimbridge.domain.rulebook import Rulebook
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.source import Profiles, SourceProfile
from scimbridge.domain.task import Task, TaskState
from scimbridge.domain.trigger import Trigger
from scimbridge.domain.wakeup import WakeUp
from scimbridge.hooks.hook import Hook
from scimbridge.notices.channels import Channels
from scimbridge.sdk import ConnectorError, Context, Done, Entitlement, Mode, NeedsPerson
from scimbridge.services.acting import Acting
from scimbridge.services.alarming import Alarms
from scimbridge.services.approving import Approving
from scimbridge.services.arming import Arming
from scimbridge.services.assignment import Assignment
from scimbridge.services.catching_up import CatchingUp
from scimbridge.services.census import Census
from scimbridge.services.claiming import Claim, Claiming
from scimbridge.services.deadlines import Deadlines
from scimbridge.services.delivering import Delivering
from scimbridge.services.eligibility import Eligibility
from scimbridge.services.ending import Ending
from scimbridge.services.execution import Execution
from scimbridge.services.expediting import Expediting
from scimbridge.services.fleet import NOTICES_TARGET, Fleet, Target
from scimbridge.services.flooding import Flooding
from scimbridge.services.forgetting import Forgetting
from scimbridge.services.giving_back import GivingBack
from scimbridge.services.grants import Grants, Standing
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.guarding import Guarding
from scimbridge.services.halt import Halt
from scimbridge.services.hold_dates import HoldDates
from scimbridge.services.holding import Holding
from scimbridge.services.hooking import Hooking
from scimbridge.services.inquiring import Inquiring
from scimbridge.services.intake import Intake
from scimbridge.services.leases import Leases
from scimbridge.services.moving import Moving
from scimbridge.services.operating import Operating
from scimbridge.services.overview import Overview
from scimbridge.services.pausing import Pausing
from scimbridge.services.permit import TargetPermit
from scimbridge.services.planning import Planner
from scimbridge.services.recording import Recording
from scimbridge.services.requesting import Requesting
from scimbridge.services.retiring import Retiring
from scimbridge.services.returning import Returning
from scimbridge.services.stale_accounts import StaleAccounts
from scimbridge.services.successors import Successors
from scimbridge.services.sweeping import Sweeping
from scimbridge.services.telling import Telling
from scimbridge.services.timing import ANY_TIME, Timing
from scimbridge.store import accounts, cases, inquiries, journal, schema, targets, tasks, tokens
from scimbridge.store.database import Database
from scimbridge.store.writer import Writer
from tests.clock import FakeClock
from tests.services.memory_groups import MemoryGroups

SOURCE = "idp"
FEW_ACTIONS = (Action.SUSPEND, Action.RESTORE, Action.DELETE)
"""Targets that know no groups, so that nothing comes before a deletion."""


class MemoryTarget(MemoryGroups):
    """A target system: accounts by id, as a sample target keeps them, and a log of what was really changed.

    Attributes:
        offers: Groups, licenses and things that can be owned, by id; ``add`` makes those that it names.
        seats: How many accounts can have a license; as many as like where absent.
        archive_answers: How often the target says that it still works on an archive.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.bin: dict[str, dict[str, Any]] = {}
        self.offers: dict[str, Entitlement] = {}
        self.seats: dict[str, int] = {}
        self.forms: dict[str, dict[str, Any]] = {}
        self.containers = {"people", "leavers", "groups", "old groups"}
        self.archive_answers = 0
        self.writes: list[tuple[str, str]] = []
        self.fails: list[Exception] = []
        self.is_lying = False
        self.before_write: Callable[[], None] = lambda: None
        self.before_read: Callable[[], None] = lambda: None
        self.after_find: Callable[[], None] = lambda: None
        self.after_write: Callable[[], None] = lambda: None
        self._archiving: dict[str, tuple[str, int]] = {}

    def add(
        self,
        name: str,
        *,
        suspended: bool = False,
        groups: Sequence[str] = (),
        licenses: Sequence[str] = (),
        owns: Sequence[str] = (),
        **values: Any,
    ) -> str:
        """Make an account; what it is in, has and owns is named, and made where it is not there yet."""
        native_id = f"native-{name}"
        self.accounts[native_id] = {
            "name": name,
            "suspended": suspended,
            "container": "people",
            "sessions": 1,
            "groups": [self.offer(each) for each in groups],
            "licenses": [self.offer(each) for each in licenses],
            "owns": [self.offer(each) for each in owns],
            **values,
        }
        return native_id

    def offer(self, name: str, *, is_privileged: bool = False, seats: int | None = None) -> str:
        """Make a group, a license or a thing that can be owned, unless it is there, and return its id."""
        offer_id = f"id-{name}"
        self.offers.setdefault(offer_id, Entitlement(offer_id, name, is_privileged))
        if seats is not None:
            self.seats[offer_id] = seats
        return offer_id

    def account(self, name: str) -> dict[str, Any]:
        """Return what there is of an account, to look at or to change as an administrator would."""
        return self.accounts[f"native-{name}"]

    def names(self, name: str, kind: str) -> list[str]:
        """Return the names of the groups, licenses or things that an account has."""
        return sorted(self.offers[each].name for each in self.account(name)[kind] if each in self.offers)

    def is_suspended(self, name: str) -> bool:
        return bool(self.accounts[f"native-{name}"]["suspended"])

    def write(self, what: str, native_id: str, change: Callable[[dict[str, Any]], object]) -> None:
        self.before_write()
        if not self.is_lying:
            change(self.accounts)
            self.writes.append((what, native_id))
        self.after_write()

    def fail_if_told(self) -> None:
        if self.fails:
            raise self.fails.pop(0)

    # -- what the connector calls (connectors.sample.record.System)

    def find(self, attribute: str, value: str) -> Sequence[Record]:
        self.fail_if_told()
        records = [self._record(native_id) for native_id in self.accounts]
        found = [record for record in records if record is not None and getattr(record, attribute) == value]
        self.after_find()
        return found

    def get(self, account_id: str) -> Record | None:
        self.before_read()
        self.fail_if_told()
        return self._record(account_id)

    def listed(self, after: str, count: int) -> Sequence[Record]:
        self.fail_if_told()
        records = [self._record(native_id) for native_id in sorted(self.accounts) if native_id > after]
        return [record for record in records[:count] if record is not None]

    def position(self) -> str:
        return ""

    def changed_since(self, position: str, count: int) -> Changes | None:
        return None

    def change(self, what: str, account_id: str, edit: Edit) -> bool:
        self.fail_if_told()
        if account_id not in self.accounts:
            return False
        self.write(what, account_id, lambda _: self._store(account_id, edit))
        return True

    def transfer(self, account_id: str, successor_id: str, thing: str) -> bool:
        self.fail_if_told()
        if not {account_id, successor_id} <= self.accounts.keys():
            return False

        def hand_over(accounts: dict[str, Any]) -> None:
            accounts[account_id]["owns"].remove(thing)
            accounts[successor_id]["owns"].append(thing)

        self.write("transfer_ownership", account_id, hand_over)
        return True

    def remove(self, account_id: str) -> bool:
        if account_id not in self.accounts:
            return False
        self.write("delete", account_id, lambda accounts: self.bin.update({account_id: accounts.pop(account_id)}))
        return True

    def deleted(self, account_id: str) -> Record | None:
        self.fail_if_told()
        found = self.bin.get(account_id)
        return left_of(Record.from_json({"id": account_id, **found})) if found is not None else None

    def bring_back(self, account_id: str) -> bool:
        record = self.deleted(account_id)
        if record is not None:
            left = {account_id: record.to_json()}
            self.write("undelete", account_id, lambda accounts: (accounts.update(left), self.bin.pop(account_id)))
        return record is not None

    def purge(self, account_id: str) -> bool:
        if account_id in self.bin:
            self.write("purge", account_id, lambda _: self.bin.pop(account_id))
            return True
        return False

    def archive(self, account_id: str) -> str | None:
        self.fail_if_told()
        if account_id not in self.accounts:
            return None
        if not self.archive_answers:
            self.write("archive", account_id, lambda accounts: accounts[account_id].update(archived=True))
            return None
        handle = f"archive-{len(self._archiving)}"
        self.write(
            "archive", account_id, lambda _: self._archiving.update({handle: (account_id, self.archive_answers)})
        )
        return handle

    def is_archiving(self, handle: str) -> bool:
        self.fail_if_told()
        account_id, answers = self._archiving.get(handle, ("", 0))
        if answers > 0:
            self._archiving[handle] = (account_id, answers - 1)
            return True
        if account_id in self.accounts:
            self.accounts[account_id]["archived"] = True
        return False

    def entitlement(self, entitlement_id: str) -> Entitlement | None:
        return self.offers.get(entitlement_id)

    def has_other_owner(self, thing_id: str, account_id: str) -> bool:
        others = (account for native_id, account in self.accounts.items() if native_id != account_id)
        return any(thing_id in account["owns"] and not account["suspended"] for account in others)

    def free_seats(self, license_id: str) -> int:
        taken = sum(license_id in account["licenses"] for account in self.accounts.values())
        return self.seats.get(license_id, taken + 1) - taken if license_id in self.offers else 0

    def has_container(self, name: str) -> bool:
        return name in self.containers

    def describe(self) -> str:
        return "in memory"

    def _record(self, native_id: str) -> Record | None:
        found = self.accounts.get(native_id)
        return Record.from_json({"id": native_id, **found}) if found is not None else None

    def _store(self, native_id: str, edit: Edit) -> None:
        record = self._record(native_id)
        assert record is not None
        self.accounts[native_id] = edit(record).to_json()


class MemoryConnector(SampleConnector):
    """The sample connector over accounts in memory."""

    kind = "memory"


def a_stage(after: str | timedelta = timedelta(), *actions: Action, terms: Terms = NO_TERMS) -> Stage:
    from scimbridge.domain.duration import parse_duration

    span = parse_duration(after) if isinstance(after, str) else after
    return Stage(after=span, actions=actions or (Action.SUSPEND,), terms=terms)


def a_rule(*stages: Stage, name: str = "leavers", match: str | None = None, **settings: Any) -> Rule:
    return Rule(
        name=name,
        when=settings.pop("when", frozenset(Trigger)),
        stages=stages or (a_stage(),),
        match=IdentityFilter(match) if match else None,
        **{"restore": Restore.AUTO, **settings},
    )


def an_exclusion(match: str, reason: str = "spared") -> Exclusion:
    return Exclusion(match=IdentityFilter(match), reason=reason)


@dataclass
class Bench:
    """Everything a test needs; ``work`` and ``sweep`` are what the processes would do.

    Attributes:
        actions: What the targets can do; everything unless a test says less.
        capabilities: What their connector declares.
        unusable: Why the connectors of some cannot be used.
    """

    database: Database
    clock: FakeClock
    rules: Ruleset = field(default_factory=lambda: Ruleset((a_rule(),)))
    systems: Mapping[str, MemoryTarget] = field(default_factory=lambda: {"crm": MemoryTarget()})
    modes: Mapping[str, Mode] = field(default_factory=dict)
    rate_limit: str | None = None
    concurrency: int = 10
    granted_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profiles: Mapping[str, SourceProfile] = field(default_factory=dict)
    guard: Guard = field(default_factory=Guard)
    timing: Timing = ANY_TIME
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    actions: Collection[Action] = tuple(MemoryConnector.capabilities)
    capabilities: Mapping[Action, Capability] = field(default_factory=lambda: MemoryConnector.capabilities)
    channels: Channels | None = None
    freezes: Sequence[Freeze] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    stale_after: str | None = None

    def __post_init__(self) -> None:
        self.timing = replace(self.timing, freezes=(*self.timing.freezes, *self.freezes))
        self.wakeups: list[WakeUp] = []
        self.alarms: list[tuple[str, str]] = []
        self.slept: list[float] = []
        self.monotonic = 1000.0
        self.leases = Leases(self.database, lambda: self.monotonic)
        self.configs = {
            name: SampleConfig.model_validate(
                {
                    "connector": "memory",
                    "file": "in memory",
                    "leavers_container": "leavers",
                    "groups_container": "old groups",
                    "mode": self.modes.get(name, Mode.ENFORCE),
                    "concurrency": self.concurrency,
                    "rate_limit": self.rate_limit,
                    "granted_by": list(self.granted_by.get(name, ())),
                    "stale_after": self.stale_after,
                }
            )
            for name in self.systems
        }
        able = {action: can for action, can in self.capabilities.items() if action in self.actions}
        known = {
            name: Target.of(
                name, config, ANYTHING if name in self.unusable else able, unusable=self.unusable.get(name, "")
            )
            for name, config in self.configs.items()
        }
        if self.channels is not None:
            known[NOTICES] = NOTICES_TARGET
        self.fleet = Fleet(known, self._build)
        grants = Grants({name: config.granted_by for name, config in self.configs.items()})
        profiles = Profiles(self.profiles)
        self.rulebook = Rulebook(self.rules)
        standing = Standing(grants, profiles)
        eligibility = Eligibility(self.rulebook, standing, self.timing)
        noted = Alarms(self.channels)
        guarding = Guarding(self.database, self.guard, {target.name: target.mode for target in self.fleet}, noted)
        self.claiming = Claiming(self.database, self.fleet, eligibility, guarding, "bench")
        self.deadlines = Deadlines(self.database, noted, self.timing)
        self.tell = self._telling(profiles)
        self.halt = Halt()
        self.planner = planner = Planner(
            self.rulebook, self.fleet.capabilities, guarding, self.timing, self.fleet.unusable
        )
        returning = Returning(self.rulebook, planner, grants)
        self.giving_back = GivingBack(self.database, returning, self.wakeups.extend)
        self.flooding = Flooding(self.database, returning, self.wakeups.extend)
        self.census = Census(self.database, self.guard)
        self.stale_accounts = StaleAccounts(
            self.database, self.fleet, self.rulebook, planner, returning, standing, self.wakeups.extend
        )
        self.recording = Recording(
            self.database,
            lambda target, reason: self.alarms.append((target, reason)),
            noted,
            self.stale_accounts.called_off,
        )
        self.execution = Execution(
            self.database,
            self.fleet,
            self.claiming,
            self.recording,
            self.leases,
            self.clock,
            self.tell,
            Successors(self.database, profiles),
            self.halt,
        )
        self.ending = Ending(self.database, planner, returning, profiles)
        moving = Moving(self.rulebook, planner, returning, grants)
        assignment = Assignment(grants, planner, returning, moving)
        self.writer = Writer(self.database)
        self.intake = Intake(self.writer, planner, returning, self.ending, moving, self.wakeups.extend, profiles)
        self.group_intake = GroupIntake(self.writer, assignment, self.wakeups.extend, profiles)
        self.catching_up = CatchingUp(self.database, returning, moving, self.wakeups.extend)
        self.inquiring = Inquiring(self.database, assignment, self.wakeups.extend)
        self.arming = Arming(self.database, self.fleet)
        self.requesting = Requesting(
            self.database, planner, self.rulebook, self.fleet.capabilities, profiles, self.wakeups.extend
        )
        self.retiring = Retiring(
            self.database, self.fleet, planner, self.rulebook, self.fleet.capabilities, self.wakeups.extend
        )
        self.pausing = Pausing(
            self.database, self.fleet, noted, lambda target, reason: self.alarms.append((target, reason))
        )
        self.hooking = Hooking(self.database, self.hooks)
        self.sweeping = Sweeping(
            self.database,
            self.fleet,
            (HoldDates(self.database), self.ending, self.requesting),
            self.wakeups.extend,
            lambda _target: frozenset(),
            self.timing,
        )
        self.forgetting = Forgetting(self.database)
        self.holding = Holding(self.database, self.fleet)
        self.expediting = Expediting(self.database)
        self.approving = Approving(self.database, self.fleet, self.rulebook, self.wakeups.extend)
        self.operating = Operating(self.database, self.fleet, guarding, self.wakeups.extend)
        self.acting = Acting(self.database, self.operating, self.expediting, self.holding, self.giving_back)
        self.overview = Overview(self.database, self.fleet)
        with self.database.write() as tx:
            tokens.ensure_source(tx, SOURCE, self.clock())
            targets.ensure_targets(tx, [target.name for target in self.fleet])

    def _telling(self, profiles: Profiles) -> Callable[[Claim], Done | NeedsPerson] | None:
        if self.channels is None:
            return None
        parts = (self.database, self.fleet, self.claiming, self.channels, profiles, self.freezes, self.clock)
        return Telling(*parts).tell

    def _build(self, name: str) -> MemoryConnector:
        permit = TargetPermit(self.fleet[name], self.database, self.leases, self.clock, self.slept.append)
        context = Context(target=name, permit=permit, throttled=permit.throttled)
        return MemoryConnector(self.configs[name], context, self.systems[name])

    # -- what a source says

    def received(self, method: str = "PATCH", source: str = SOURCE, user_id: str = "") -> Received:
        path = f"/Users/{user_id}" if user_id else "/Users"
        return Received(source=source, method=method, path=path, body={}, understood="test")

    def join(self, name: str = "ada", *, source: str = SOURCE, everywhere: bool = True, **attributes: Any) -> str:
        """Somebody is created in the source, with an account at every target. Returns the SCIM id."""
        for system in self.systems.values() if everywhere else ():
            system.add(name)
        with self.database.write() as tx:
            tokens.ensure_source(tx, source, self.clock())
        document = {"userName": name, "active": True, "externalId": f"ext-{name}", **attributes}
        user, _ = self.intake.create_user(document, self.received("POST", source), self.clock())
        return user.identity.id

    def say(self, user_id: str, *, source: str = SOURCE, **changes: Any) -> None:
        """The source changes attributes of a User."""
        self.intake.change_user(
            user_id, lambda document: {**document, **changes}, self.received("PATCH", source, user_id), self.clock()
        )

    def leave(self, user_id: str, *, source: str = SOURCE) -> None:
        self.say(user_id, source=source, active=False)

    def come_back(self, user_id: str, *, source: str = SOURCE) -> None:
        self.say(user_id, source=source, active=True)

    def delete(self, user_id: str, *, source: str = SOURCE) -> None:
        self.intake.delete_user(user_id, self.received("DELETE", source, user_id), self.clock())

    def group(self, name: str, *members: str, source: str = SOURCE) -> str:
        """The source creates a group. Returns its id."""
        document = {"displayName": name}
        return self.group_intake.create_group(document, members, self.received("POST", source), self.clock()).id

    def change_group(
        self,
        group_id: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        replace: Sequence[str] | None = None,
        name: str | None = None,
        source: str = SOURCE,
    ) -> None:
        """The source changes a group, in one request."""
        changes = [MemberChange.of(MemberVerb.REPLACE, replace)] if replace is not None else []
        changes += [MemberChange.of(MemberVerb.REMOVE, remove)] if remove else []
        changes += [MemberChange.adding(add)] if add else []
        self.group_intake.change_group(
            group_id,
            lambda document: {**document, "displayName": name or document["displayName"]},
            changes,
            self.received("PATCH", source),
            self.clock(),
        )

    def delete_group(self, group_id: str) -> None:
        self.group_intake.delete_group(group_id, self.received("DELETE"), self.clock())

    # -- what the processes do

    def work(self) -> bool:
        """Work off all messages. Returns whether there were any."""
        if not self.wakeups:
            return False
        while self.wakeups:
            self.execution.work(self.wakeups.pop(0).account_id)
        return True

    def deliver(self) -> int:
        """Send the alarms that are due."""
        assert self.channels is not None
        return Delivering(self.database, self.channels, self.clock).run()

    def sweep(self) -> None:
        self.arming.end(self.clock())
        self.sweeping.run(self.clock())
        while self.catching_up.run(self.clock()):
            pass

    def run(self, span: str | timedelta | None = None) -> None:
        """Let time pass, sweep, and work until nothing is left to do."""
        if span is not None:
            self.clock.advance(span)
        self.sweep()
        while self.work():
            self.sweep()

    # -- what came of it

    def cases(self, user_id: str) -> list[Case]:
        with self.database.read() as tx:
            found = tx.execute(
                select(schema.cases.c.id)
                .where(schema.cases.c.identity_id == user_id)
                .order_by(schema.cases.c.opened_at, schema.cases.c.id)
            )
            return [cases.case_by_id(tx, case_id) for case_id in found.scalars().all()]

    def case(self, user_id: str) -> Case:
        (found,) = self.cases(user_id)
        return found

    def open_case(self, user_id: str) -> Case:
        (found,) = (case for case in self.cases(user_id) if case.state is CaseState.OPEN)
        return found

    def tasks(self, case: Case | str) -> list[Task]:
        with self.database.read() as tx:
            return tasks.tasks_of_case(tx, case if isinstance(case, str) else case.id)

    def states(self, case: Case) -> dict[str, TaskState]:
        return {f"{task.action}@{task.target}": task.state for task in self.tasks(case)}

    def events(self, case: Case) -> list[str]:
        with self.database.read() as tx:
            return [row["event"] for row in journal.entries_of_case(tx, case.id)]

    def account(self, user_id: str, target: str = "crm") -> accounts.Account:
        with self.database.read() as tx:
            (found,) = (one for one in accounts.accounts_of(tx, [user_id]) if one.target == target)
            return found

    def ask_about(self, group: str, name: str, cause: Cause) -> Inquiry:
        """Open an inquiry about who is in a group, which granted ``crm`` under this name."""
        with self.database.write() as tx:
            inquiry = inquiries.open_inquiry(
                tx,
                inquiries.About(groups=[group]),
                source=SOURCE,
                cause=cause,
                group_id=group,
                display_name=name,
                targets=("crm",),
                now=self.clock(),
            )
        assert inquiry is not None
        return inquiry

    def inquiries(self) -> list[Inquiry]:
        with self.database.read() as tx:
            return inquiries.standing(tx)

    def facts(self, user_id: str) -> list[str]:
        """What was made of each fact about somebody, the oldest first; ``case opened`` where the case keeps it."""
        facts, cases = schema.facts, schema.cases
        rows = select(facts.c.at, facts.c.verdict).where(facts.c.identity_id == user_id)
        openings = select(cases.c.trigger_at, literal("case opened")).where(
            cases.c.identity_id == user_id, cases.c.fact_trigger.is_not(None)
        )
        with self.database.read() as tx:
            return [verdict for _, verdict in sorted([*tx.execute(rows), *tx.execute(openings)])]

    def fail(self, *errors: ConnectorError, target: str = "crm") -> None:
        """The next calls to a target fail like this, one after the other."""
        self.systems[target].fails.extend(errors)

    def at(self, span: str) -> datetime:
        from scimbridge.domain.duration import parse_duration

        return self.clock.now + parse_duration(span)
