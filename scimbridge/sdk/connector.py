"""The contract between the engine and a connector.

A connector makes a target *be* so. Run twice, the second run changes nothing and
says so. One instance serves a whole worker process and is called from several
threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Capability
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.errors import AccountNotFoundError, RejectedError, RetryableError
from scimbridge.sdk.expiry import Expiry
from scimbridge.sdk.group import GroupState, GroupSummary
from scimbridge.sdk.listing import AccountPage, AccountSummary
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Outcome, checked
from scimbridge.sdk.state import AccountRef, AccountState, Person

Confirm = Callable[[], None]
"""Called right before a request that cannot be taken back.

It re-reads holds and the lease, and raises when the request must not be sent.
"""

ConfigT = TypeVar("ConfigT", bound=TargetConfig)
Perform = Callable[[Any, Any, Confirm], Outcome]
PerformT = TypeVar("PerformT", bound=Perform)


class Permit(Protocol):
    """Asked before every call to the target, by the protocol clients (``sdk.http``, a connector's own client)."""

    def __call__(self, *, writes: bool) -> None:
        """Wait for the rate limit's next slot, and raise where the call must not be made.

        Raises:
            ObservingError: The call would write, and the target is in observe mode.
            LeaseLostError: The call would write, and the attempt's lease has run out.
            RetryableError: The rate limit's next free slot is too far off.
        """


Throttled = Callable[[timedelta | None], None]
"""To be told that the target asks for fewer calls, and for how long it wants none, if it says so.

All processes that share the target then call it less often for a while.
"""


def _nobody(_retry_after: timedelta | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the engine hands to a connector beside its configuration.

    Attributes:
        target: The name of the target, as configured.
        permit: To be called before every remote call.
        planned: What the rules plan at this target; ``None`` where that is not told.
        throttled: To be called when the target refuses a call because there are too many; ``sdk.http`` does.
    """

    target: str
    permit: Permit
    planned: frozenset[Action] | None = None
    throttled: Throttled = _nobody


def performs(
    action: Action,
    *,
    undo: Action | None = None,
    window: timedelta | None = None,
    needs: tuple[str, ...] = (),
    after: tuple[Action, ...] = (),
    before: tuple[Action, ...] = (),
) -> Callable[[PerformT], PerformT]:
    """Declare that a method of a connector performs an action. Capabilities are written nowhere else.

    The method gets the account (or group) as it was read, and ``confirm``; it compares, writes only what is not yet
    as wanted, and returns an outcome.

    Args:
        action: What it performs.
        undo: The action that takes it back, which the connector performs, too.
        window: For how long the target keeps what this removes, so that ``undo`` can bring it back.
        needs: Permissions that the target must have granted, as its vendor calls them.
        after: Actions that must come before it where both are planned.
        before: Actions that must come after it where both are planned.
    """

    def declare(method: PerformT) -> PerformT:
        capability = Capability(
            action=action,
            undo=undo,
            window=window,
            needs=needs,
            after=after,
            before=before,
            method=method.__name__,
        )
        method.__performs__ = capability  # type: ignore[attr-defined]  # read back by __init_subclass__
        return method

    return declare


def limited(can: Mapping[Action, Capability], actions: Collection[str]) -> Mapping[Action, Capability]:
    """Return what is left of capabilities where only some actions are configured; an undo that is not is none."""
    left = {action: each for action, each in can.items() if action.value in actions}
    return {action: each if each.undo in left else replace(each, undo=None) for action, each in left.items()}


class Connector(ABC, Generic[ConfigT]):
    """The code for one kind of target.

    Subclasses set ``kind``, ``contract`` and ``config_type``, implement ``check``, ``find`` and
    ``read``, and mark their actions with ``@performs``. They raise the errors of
    ``scimbridge.sdk.errors`` and nothing else on purpose.

    Attributes:
        kind: What ``connector`` says in the configuration; the name of the entry point.
        contract: The version of this contract that it was written for; see ``scimbridge.sdk.contract``.
        config_type: What reads the target's table of the configuration.
        capabilities: What ``@performs`` has declared, by action.
        config: The target's table, as ``config_type`` has read it.
        context: What the engine hands over.
        log: A logger that names the target; log ids, and never what is private.
    """

    kind: ClassVar[str]
    contract: ClassVar[int]
    config_type: ClassVar[type[TargetConfig]]
    capabilities: Mapping[Action, Capability] = {}
    """Of the class, all that it declares; of a connector, what its configuration leaves of that."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = [getattr(getattr(cls, name), "__performs__", None) for name in dir(cls) if not name.startswith("__")]
        cls.capabilities = {capability.action: capability for capability in declared if capability is not None}

    def __init__(self, config: ConfigT, context: Context) -> None:
        self.config = config
        self.context = context
        self.capabilities = self.able(config)
        self.log = structlog.get_logger("scimbridge.connector").bind(target=context.target)

    @classmethod
    def able(cls, config: ConfigT) -> Mapping[Action, Capability]:  # noqa: ARG003
        """Return what can be done with a configuration; all that is declared, unless it is overridden."""
        return cls.capabilities

    @property
    def used(self) -> Mapping[Action, Capability]:
        """What the rules use of the capabilities, the way back and what has to come before among it; else all."""
        planned = self.context.planned
        if planned is None:
            return self.capabilities
        wanted = planned | {need for action in planned for need in action.facts.needs}
        undone = {can.undo for action, can in self.capabilities.items() if action in wanted and can.undo}
        return {action: can for action, can in self.capabilities.items() if action in wanted | undone}

    @classmethod
    def lacks(cls, config: ConfigT, actions: Collection[Action]) -> Iterator[tuple[str, str]]:  # noqa: ARG003
        """Yield what a configuration has to say before these actions can be done: the key, and a sentence.

        Asked by ``scimbridge config check`` for the actions that rules plan at the target, e.g. for the
        container that ``move`` moves to.
        """
        yield from ()

    @abstractmethod
    def check(self) -> str:
        """Reach the target with the configured credentials, and return one sentence about what was found.

        Raises:
            RetryableError: It cannot be reached right now.
            TargetUnusableError: The credentials or the address are wrong.
        """

    def missing_permissions(self) -> Iterator[str]:
        """Yield what the rules have a use for and nobody has granted, each with what it is for; changes nothing.

        Asked by ``scimbridge targets check`` after a ``check`` that found nothing amiss; see ``used``.
        """
        yield from ()

    def expiries(self) -> Iterator[Expiry]:
        """Yield what the target's credentials hang on and when it ends, as far as that can be told; changes nothing.

        Asked by ``scimbridge targets check`` after a ``check`` that found nothing amiss. An error says that the rest
        cannot be told, and fails no check.
        """
        yield from ()

    @abstractmethod
    def find(self, person: Person) -> AccountRef | None:
        """Return the person's account by the configured ``match``, or ``None`` when there is none.

        Raises:
            AmbiguousAccountError: More than one account matches. Never guess.
        """

    @abstractmethod
    def read(self, account_id: str) -> AccountState:
        """Return the account as it is now; changes nothing.

        Raises:
            AccountNotFoundError: The target has no account of this id.
        """

    def read_deleted(self, account_id: str) -> AccountState:
        """Return an account that was deleted and that the target still keeps; changes nothing.

        For connectors that can ``undelete`` or ``purge``. It is ``deleted`` and ``suspended``, and in no groups and
        without licenses; what else the target does not tell of such an account is ``None``.

        Raises:
            AccountNotFoundError: The target keeps none of this id.
        """
        raise RejectedError(f"the connector {self.kind} knows nothing of deleted accounts, so not of {account_id!r}")

    def list_accounts(self, since: str | None = None) -> Iterator[AccountPage]:
        """Yield the accounts of the target, page by page; changes nothing.

        The last page alone has an ``end``. Accounts that do not match the configuration (another container, the
        wrong kind) are not the bridge's, and not listed; those that carry the mark of ``disconnect`` are.

        Args:
            since: The cursor of an earlier list: then only what has changed since, where the target can tell. One
                that means nothing (any more), or was made for another server or configuration, leads to a whole
                list, and ``end`` says so.

        Raises:
            RejectedError: There is no list to be had, or the target gives out only a part of it.
            RetryableError: It broke off, or the target does not answer; to be begun anew from the same cursor.
        """
        raise RejectedError(f"the connector {self.kind} does not list accounts, so nothing since {since}")

    def summarize(self, account_id: str) -> AccountSummary | None:  # noqa: ARG002
        """Return an account as ``list_accounts`` would list it now; changes nothing.

        Asked before anything is taken from an account because nobody uses it: whether somebody has signed in since
        has to be told. What costs further calls, like licenses, may be left out.

        Returns:
            ``None`` where only the list of all accounts tells of sign-ins: a person is asked then.

        Raises:
            AccountNotFoundError: The target has no account of this id.
        """
        return None

    def list_groups(self) -> Iterator[GroupSummary]:
        """Yield the groups of the target, for who looks for those that nobody needs; changes nothing.

        It and the two below are for connectors that perform actions of groups.
        """
        raise RejectedError(f"the connector {self.kind} knows nothing of groups")

    def find_group(self, name: str) -> AccountRef | None:
        """Return the group of this immutable id or name, in any case of letters; ``None`` when there is none.

        Raises:
            AmbiguousAccountError: More than one group has this name. Never guess.
        """
        raise RejectedError(f"the connector {self.kind} knows nothing of groups, so not of {name!r}")

    def read_group(self, group_id: str) -> GroupState:
        """Return the group as it is now, with all of its members; changes nothing.

        Raises:
            AccountNotFoundError: The target has no group of this id. An account is none.
        """
        raise RejectedError(f"the connector {self.kind} knows nothing of groups, so not of {group_id!r}")

    def read_for(self, action: Action, native_id: str) -> NativeState:
        """Return what an action is about as it is now: an account, or a group.

        What is done to deleted accounts is told of one that is not deleted, too, or not any more: it looks there first.

        Raises:
            AccountNotFoundError: The target has none of this id.
        """
        if action.is_of_groups:
            return self.read_group(native_id)
        try:
            return self.read(native_id)
        except AccountNotFoundError:
            if action.is_of_deleted:
                return self.read_deleted(native_id)
            raise

    def read_first(self, action: Action, native_id: str) -> NativeState:
        """Return what an action is about, with all that undo works from; asked while no snapshot of it is kept.

        Override it where some of that costs more than each later look should.

        Raises:
            AccountNotFoundError: The target has none of this id.
        """
        return self.read_for(action, native_id)

    def is_as_wanted(self, action: Action, account: NativeState) -> bool | None:
        """Whether the account or group is already what an action would make it; ``None`` where ``read`` cannot tell.

        The engine asks before it lets the action run, and again of what it read back. Override it for what
        the configuration decides, like the container that ``move`` moves to.
        """
        return account.is_as_wanted_by(action)

    def allowed_in(self, container: str) -> Collection[Action] | None:  # noqa: ARG002
        """Return what may be done to the accounts of a container; ``None`` where only a person can tell.

        Asked of where an account was before the bridge moved it. Override it where the configuration has rules by
        container.
        """
        return frozenset(Action)

    def decisive(self, account: NativeState) -> Mapping[str, Any]:
        """Return what an approval is given for, as plain JSON: when one of it changes, the approval lapses."""
        return account.decisive

    def perform(self, action: Action, account: NativeState, confirm: Confirm) -> Outcome:
        """Do one action, by the method that declared it.

        Raises:
            AccountNotFoundError: The account or group is gone, and reading it says so, too.
            RetryableError: Reading it says otherwise: what the target did not find is a group, a role, somebody else.
        """
        method: Callable[[NativeState, Confirm], Outcome] = getattr(self, self.capabilities[action].method)
        try:
            return checked(method(account, confirm))
        except AccountNotFoundError as error:
            if not self.is_there(action, account.id):
                raise
            raise RetryableError(f"{error}, but it is there when it is read; something else is missing") from error

    def is_there(self, action: Action, native_id: str) -> bool:
        """Whether what an action is about can be read; asked where the target says that it is gone."""
        try:
            self.read_for(action, native_id)
        except AccountNotFoundError:
            return False
        return True

    def close(self) -> None:
        """Give back connections. Called once, at the end of the worker process."""
        return
