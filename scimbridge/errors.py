"""What can go wrong, grouped by what the caller does next.

::

    BridgeError
    ├── ConfigurationError     the operator must change something
    │   └── UnusableConnectorError  the target that names it waits; others work
    ├── RuleError              a rule said no; never retried
    │   ├── InvalidTransitionError
    │   ├── NotFoundError
    │   ├── DuplicateError
    │   ├── UnknownMemberError
    │   ├── PreconditionError
    │   ├── TooManyTokensError
    │   ├── InvalidKeyError
    │   ├── ArmingError
    │   ├── StillObservesError
    │   ├── RestoreRefusedError
    │   ├── RulesRefusedError
    │   ├── SignInRefusedError
    │   ├── WeakPasswordError
    │   ├── OperatorRefusedError
    │   ├── KeyInUseError
    │   ├── KeyTakenError
    │   └── CaseClosedError
    ├── StoreError             the database
    │   ├── ConcurrentUpdateError   reload and decide again
    │   ├── StoreBusyError          try again in a moment
    │   └── StoreUnavailableError   disk full, read-only, unreachable
    ├── TornError              writes that are undone only together: do them again, each by itself
    ├── QueueError             Redis; work goes on without it
    ├── ListenError            the address is not to be had: free it, or choose another
    ├── CoreError              the process may not run on the core that it is to be kept on
    ├── ProviderUnavailableError   the identity provider of the operators; a password still lets in
    ├── KeysUnavailableError   an issuer's keys cannot be had now; nobody can tell whether a token is good
    └── ConnectorError         see scimbridge.sdk.errors
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta


class BridgeError(Exception):
    """Anything the bridge raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration.

    Attributes:
        path: Where it is, as the file spells it, e.g. ``targets.directory.url``.
        message: What is wrong and what to write instead.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigurationError(BridgeError):
    """The configuration has mistakes; all of them are listed."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class UnusableConnectorError(ConfigurationError):
    """A connector is installed and cannot be used; the target that names it waits, and all others work."""


class RuleError(BridgeError):
    """A rule of the bridge said no. Trying again gives the same answer."""


class InvalidTransitionError(RuleError):
    """The task is not in a state in which this can happen."""

    def __init__(self, event: str, state: str) -> None:
        self.event = event
        self.state = state
        super().__init__(f"a {state} task cannot {event.replace('_', ' ')}")


class ArmingError(RuleError):
    """The target cannot be let act for that time; the message says why."""


class StillObservesError(RuleError):
    """The target is only observed, so that nothing can be done there."""

    def __init__(self, target: str) -> None:
        self.target = target
        super().__init__(f"{target} observes still; arm it first")


class RestoreRefusedError(RuleError):
    """Nothing is given back, for the reason that it says."""


class ErasureRefusedError(RuleError):
    """Somebody's personal values are not erased; the message says why, and what to do."""


class RulesRefusedError(RuleError):
    """A version of the rules cannot be changed or put in force; the message says why, and what to do."""


class NotFoundError(RuleError):
    """There is no such thing; the message names what was looked for."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"no {kind} {key!r}" if key else f"no such {kind}")


class SeveralNamedError(RuleError):
    """Several people have or had this userName; the message names their ids."""

    def __init__(self, user_name: str, found: Sequence[str]) -> None:
        self.user_name = user_name
        self.found = found
        super().__init__(
            f"{len(found)} people have or had the userName {user_name!r}; name one by its id: {', '.join(found)}"
        )


class DuplicateError(RuleError):
    """Another resource of the source already has this value."""

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        super().__init__(f"another resource already has this {attribute}")


class UnknownMemberError(RuleError):
    """A group names a member that its source does not have."""

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        super().__init__(f"no User or Group {member_id!r} to be a member")


class OwnMemberError(RuleError):
    """A group would be a member of itself."""

    def __init__(self) -> None:
        super().__init__("a Group cannot be a member of itself")


class PreconditionError(RuleError):
    """The resource has another version than the caller asked for, or one that the caller ruled out."""

    def __init__(self, why: str = "the resource has changed since the version you read; read it again") -> None:
        super().__init__(why)


class TooManyTokensError(RuleError):
    """The source has as many live tokens as it may have: one in use, and one to replace it."""

    def __init__(self, source: str, limit: int) -> None:
        self.source = source
        super().__init__(f"{source} has {limit} live tokens already; revoke the one that is not used anymore")


class InvalidKeyError(RuleError):
    """Keys cannot be used; the message says why, and never repeats them."""


class NoSealKeyError(InvalidKeyError):
    """A key is none that checks seals; the message says why."""


class CaseClosedError(RuleError):
    """The case has ended; nothing more happens in it."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        super().__init__(f"case {case_id} has ended")


class LegalHoldError(RuleError):
    """A legal hold is lifted by its id and with a reason only."""

    def __init__(self, hold_id: str) -> None:
        self.hold_id = hold_id
        super().__init__(f"hold {hold_id} is a legal one: give a reason why it may be lifted")


class ApprovalRefusedError(RuleError):
    """A stage cannot be approved, or not by this operator; the message says why, and what to do."""


class SignInRefusedError(RuleError):
    """Somebody is not let in; the message is for them, and says no more than they may know.

    Attributes:
        wait: How long trying again is of no use; ``None`` where that does not help.
    """

    def __init__(self, message: str, wait: timedelta | None = None) -> None:
        self.wait = wait
        super().__init__(message)


class WeakPasswordError(RuleError):
    """A password cannot be chosen; the message says what to take instead."""


class OperatorRefusedError(RuleError):
    """Something cannot be done to an operator; the message says why, and what to do."""


class FloodClosedError(RuleError):
    """Somebody has decided otherwise about the flood already."""

    def __init__(self, flood_id: str, decision: str, by: str) -> None:
        self.flood_id = flood_id
        super().__init__(f"flood {flood_id} was {decision} by {by} already")


class FloodGrownError(RuleError):
    """A flood has more cases than whoever lets it go on has seen; they look at it again."""

    def __init__(self, flood_id: str, cases: int, seen: int) -> None:
        self.flood_id = flood_id
        super().__init__(f"flood {flood_id} has {cases} cases by now, and not {seen}; look at it again")


class KeyInUseError(RuleError):
    """The same request is being worked on; ask again in a moment."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("the request of this Idempotency-Key is being worked on; ask again in a moment")


class KeyTakenError(RuleError):
    """The key was used for another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("this Idempotency-Key was used for another request in the last 24 hours; choose another one")


class StoreError(BridgeError):
    """The database could not do what was asked."""


class ConcurrentUpdateError(StoreError):
    """Somebody else changed this first. Reload and decide again."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind = kind
        self.key = key
        super().__init__(f"{kind} {key} was changed by somebody else")


class StoreBusyError(StoreError):
    """The database is locked by another process for too long. Try again in a moment."""


class StoreUnavailableError(StoreError):
    """The database cannot be read or written: disk full, read-only, unreachable."""


class TornError(BridgeError):
    """One of several writes has failed that are undone only together; do them again, each by itself."""


class QueueError(BridgeError):
    """Redis cannot be reached. Nothing is lost; the sweeper submits again."""


class ListenError(BridgeError):
    """The web process cannot have the address at which it is to listen."""

    def __init__(self, address: object, reason: str) -> None:
        super().__init__(
            f"cannot listen on {address} ({reason}): write another address at [server] listen, "
            "or end the program that has this one"
        )


class CoreError(BridgeError):
    """The web process may not run on the core that it is to be kept on."""

    def __init__(self, core: int, usable: Iterable[int]) -> None:
        others = ", ".join(map(str, sorted(usable)))
        choice = f"write one of {others}, or leave it out" if others else "this system cannot do that; leave it out"
        super().__init__(f"cannot keep the web process on core {core} at [server] core: {choice}")


class KeysUnavailableError(BridgeError):
    """The keys of a trusted issuer cannot be read now, so that nobody can tell whether its tokens are good."""


class ProviderUnavailableError(BridgeError):
    """The identity provider of the operators cannot be used now; the message says why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The identity provider cannot be used now: {why}.")
