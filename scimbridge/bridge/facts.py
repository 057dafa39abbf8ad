"""What comes in, and what it leads to: facts, cases, and the way back."""

from __future__ import annotations

from functools import cached_property

from scimbridge.bridge.parts import Parts
from scimbridge.services.assignment import Assignment
from scimbridge.services.catching_up import CatchingUp
from scimbridge.services.ending import Ending
from scimbridge.services.grants import Standing
from scimbridge.services.group_intake import GroupIntake
from scimbridge.services.guarding import Guarding
from scimbridge.services.hooking import Hooking
from scimbridge.services.inquiring import Inquiring
from scimbridge.services.intake import Intake
from scimbridge.services.lookup import Lookup
from scimbridge.services.moving import Moving
from scimbridge.services.planning import Planner
from scimbridge.services.quirks import Quirks
from scimbridge.services.requesting import Requesting
from scimbridge.services.retiring import Retiring
from scimbridge.services.returning import Returning
from scimbridge.services.stale_accounts import StaleAccounts


class Facts(Parts):
    """What comes in, and what it leads to: facts, cases, and the way back."""

    @cached_property
    def guarding(self) -> Guarding:
        """Counts whoever is planned for, and holds floods."""
        modes = {target.name: target.mode for target in self.fleet}
        return Guarding(self.database, self.settings.guard, modes, self.alarms)

    @cached_property
    def planner(self) -> Planner:
        """Turns facts into cases."""
        fleet = self.fleet
        return Planner(self.rulebook, fleet.capabilities, self.guarding, self.timing, fleet.unusable)

    @cached_property
    def returning(self) -> Returning:
        """Undoes cases."""
        return Returning(self.rulebook, self.planner, self.grants)

    @cached_property
    def ending(self) -> Ending:
        """Knows when the time of identities ends."""
        return Ending(self.database, self.planner, self.returning, self.settings.profiles)

    @cached_property
    def moving(self) -> Moving:
        """Which changes are facts."""
        return Moving(self.rulebook, self.planner, self.returning, self.grants)

    @cached_property
    def assignment(self) -> Assignment:
        """What a change of a group means for targets."""
        return Assignment(self.grants, self.planner, self.returning, self.moving)

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
    def group_intake(self) -> GroupIntake:
        """The write side of SCIM's groups."""
        return GroupIntake(self.writer, self.assignment, self.courier.submit, self.settings.profiles)

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
    def standing(self) -> Standing:
        """Whether reasons still hold."""
        return Standing(self.grants, self.settings.profiles)

    @cached_property
    def stale_accounts(self) -> StaleAccounts:
        """Which accounts nobody uses."""
        return StaleAccounts(
            self.database,
            self.fleet,
            self.rulebook,
            self.planner,
            self.returning,
            self.standing,
            self.courier.submit,
        )

    @cached_property
    def hooking(self) -> Hooking:
        """Asks the hooks of rules."""
        return Hooking(self.database, self.settings.hooks)

    @cached_property
    def inquiring(self) -> Inquiring:
        """What operators are asked about groups."""
        return Inquiring(self.database, self.assignment, self.courier.submit)

    @cached_property
    def catching_up(self) -> CatchingUp:
        """Sees to people who came back together with many others."""
        return CatchingUp(self.database, self.returning, self.moving, self.courier.submit)

    @cached_property
    def lookup(self) -> Lookup:
        """The read side of SCIM."""
        return Lookup(self.database, self.settings.profiles)

    @cached_property
    def quirks(self) -> Quirks:
        """What sources write in ways of their own."""
        return Quirks(self.database)
