"""What a connector may import. Everything in ``__all__`` is a promise."""

from scimbridge.domain.action import Action
from scimbridge.domain.capability import Abilities, Capability, without
from scimbridge.sdk.config import Matchable, Mode, TargetConfig
from scimbridge.sdk.connector import Confirm, Connector, Context, Permit, performs
from scimbridge.sdk.errors import (
    AccountNotFoundError,
    AmbiguousAccountError,
    ConnectorError,
    LeaseLostError,
    ObservingError,
    RejectedError,
    RetryableError,
    TargetUnusableError,
)
from scimbridge.sdk.expiry import Expiry
from scimbridge.sdk.group import GroupState, GroupSummary
from scimbridge.sdk.hook import HookAnswer, HookRequest, HookStage, HookTask
from scimbridge.sdk.listing import NEVER, AccountPage, AccountSummary, Coverage, End, Moment
from scimbridge.sdk.native import NativeState
from scimbridge.sdk.outcome import Done, InProgress, NeedsPerson, Outcome
from scimbridge.sdk.secret import Secret
from scimbridge.sdk.state import AccountRef, AccountState, Entitlement, Person

__all__ = [
    "NEVER",
    "Abilities",
    "AccountNotFoundError",
    "AccountPage",
    "AccountRef",
    "AccountState",
    "AccountSummary",
    "Action",
    "AmbiguousAccountError",
    "Capability",
    "Confirm",
    "Connector",
    "ConnectorError",
    "Context",
    "Coverage",
    "Done",
    "End",
    "Entitlement",
    "Expiry",
    "GroupState",
    "GroupSummary",
    "HookAnswer",
    "HookRequest",
    "HookStage",
    "HookTask",
    "InProgress",
    "LeaseLostError",
    "Matchable",
    "Mode",
    "Moment",
    "NativeState",
    "NeedsPerson",
    "ObservingError",
    "Outcome",
    "Permit",
    "Person",
    "RejectedError",
    "RetryableError",
    "Secret",
    "TargetConfig",
    "TargetUnusableError",
    "performs",
    "without",
]
