"""What people decide."""

from __future__ import annotations

from functools import cached_property

from scimbridge.bridge.facts import Facts
from scimbridge.config import read_rules
from scimbridge.services.acting import Acting
from scimbridge.services.approving import Approving
from scimbridge.services.arming import Arming
from scimbridge.services.drafting import Drafting
from scimbridge.services.expediting import Expediting
from scimbridge.services.flooding import Flooding
from scimbridge.services.giving_back import GivingBack
from scimbridge.services.holding import Holding
from scimbridge.services.operating import Operating
from scimbridge.services.replaying import Replaying


class Decisions(Facts):
    """What people decide."""

    @cached_property
    def drafting(self) -> Drafting:
        """What admins do with versions of the rules."""
        return Drafting(
            self.database,
            lambda text: read_rules(text, self.settings),
            self.alarms,
            is_allowed=self.settings.operators.edit_rules,
            approvers=self.settings.operators.rules_approvers,
        )

    @cached_property
    def replaying(self) -> Replaying:
        """What the past would have been by a draft of the rules."""
        return Replaying(self.database, self.fleet, self.rulebook, self.settings.guard, self._rules_of)

    @cached_property
    def flooding(self) -> Flooding:
        """What operators decide about floods."""
        return Flooding(self.database, self.returning, self.courier.submit)

    @cached_property
    def holding(self) -> Holding:
        """Holds and run-time exclusions."""
        return Holding(self.database, self.fleet)

    @cached_property
    def operating(self) -> Operating:
        """What operators do."""
        return Operating(self.database, self.fleet, self.guarding, self.courier.submit)

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
    def acting(self) -> Acting:
        """Acts on many cases."""
        return Acting(self.database, self.operating, self.expediting, self.holding, self.giving_back)

    @cached_property
    def arming(self) -> Arming:
        """Lets observing targets act for a time."""
        return Arming(self.database, self.fleet)
