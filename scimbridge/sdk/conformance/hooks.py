"""What the suite asks of a connector's tests about their target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from scimbridge.domain.action import Action
from scimbridge.sdk.config import TargetConfig
from scimbridge.sdk.connector import Connector, Permit
from scimbridge.sdk.state import AccountRef, Person


class Hooks:
    """Ways to a target; a subclass fills them in.

    The eight without a default raise ``NotImplementedError``; those about groups, stamps and the like
    are asked only where a connector performs such an action. Those that say
    so go around the connector, by another client or the target's own tools;
    otherwise a connector that is wrong both ways would pass. Names are
    unique per test, so that one target serves all tests.
    """

    declares: ClassVar[Collection[Action] | None] = None
    """What the connector performs as ``connect`` sets it up. Where it is told, tests of other actions are not even
    collected, where they would be skipped one by one; a test holds it against the connector."""

    tried: ClassVar[Collection[Action] | None] = None
    """Those of them that the target of these tests has something for, where it is not all of them."""

    lists_accounts: ClassVar[bool] = True
    """Whether the connector lists accounts; a test holds it against the connector."""

    unreadable: ClassVar[frozenset[Action]] = frozenset()
    """Actions whose effect the target tells nobody: a second run sends them again, and leaves the account as it is."""

    by_hand: ClassVar[frozenset[Action]] = frozenset()
    """Actions, and their undo, that only a person can carry out at the target: the connector says how."""

    tells_changes: ClassVar[bool] = True
    """Whether a list of accounts leads to one of what has changed since; asked where the connector lists any."""

    def connect(self, permit: Permit) -> Connector[Any]:
        """Return a connector at the target, with right credentials and ``Context(target=…, permit=permit)``."""
        raise NotImplementedError

    def connect_wrongly(self, permit: Permit, secret: str) -> Connector[Any]:
        """Return a connector at the target whose token or password is ``secret``, which is wrong."""
        raise NotImplementedError

    def connect_nowhere(self, permit: Permit) -> Connector[Any]:
        """Return a connector at an address where nothing listens (a closed port on the loopback)."""
        raise NotImplementedError

    def create_account(self, name: str) -> str:
        r"""Make an account that can sign in, around the connector, and return its immutable id.

        ``person(name)`` must match it by the first ``match`` pair of ``connect``.
        The name may hold any characters, ``*()\"'`` and spaces among them.
        """
        raise NotImplementedError

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        """Make two accounts around the connector; return a person whom both match, and both ids."""
        raise NotImplementedError

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        """Return all that the target holds about an account, asked around the connector; ``None`` when it is gone.

        Compared with ``==`` before and after: leave out what changes by itself (time stamps, versions).
        """
        raise NotImplementedError

    def is_blocked(self, account_id: str) -> bool:
        """Whether the target itself refuses a sign-in, asked around the connector."""
        raise NotImplementedError

    def writes(self) -> int:
        """Return how many writing requests the target has received so far, from anybody, effective or not."""
        raise NotImplementedError

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        """Give an account what the declared actions take, around the connector.

        Two groups (with ``privileged`` one more, which gives power over others), two licenses, something that
        it owns, a living session, text where the stamp goes.
        """
        raise NotImplementedError

    def create_successor(self, name: str) -> AccountRef:
        """Make an account that can get mail and belongings, around the connector."""
        return AccountRef(self.create_account(name), name)

    def interfere(self, account_id: str, action: Action) -> None:
        """Change what an action has changed once more, to a third value, as another administrator would.

        Asked for actions whose undo leaves alone what somebody else has set since: suspend has no third value,
        and groups and licenses are given to it, and taken, one by one.
        """
        raise NotImplementedError

    def text_of(self, account_id: str) -> str:
        """Return the text that the stamp stands in, asked around the connector."""
        raise NotImplementedError

    def unset(self, connector: Connector[Any], action: Action) -> TargetConfig | None:
        """Return a configuration that leaves out what an action cannot do without, e.g. the container."""
        del connector, action
        return None

    def person(self, name: str) -> Person:
        """Return whom ``create_account(name)`` made the account for."""
        return Person({"userName": (name,)})
