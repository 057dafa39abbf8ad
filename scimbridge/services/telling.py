"""Telling: what the bridge itself does for ``notify``, under the lease of an attempt like any other action."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scimbridge import telemetry
from scimbridge.domain.case import Case
from scimbridge.domain.identity import Identity, target_of
from scimbridge.domain.schedule import Freeze
from scimbridge.domain.source import Profiles
from scimbridge.notices import commands
from scimbridge.notices.channels import Channels
from scimbridge.notices.links import case_link
from scimbridge.notices.notice import Kind, Leaver, Notice
from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError
from scimbridge.sdk.outcome import Done, NeedsPerson
from scimbridge.services.claiming import Claim, Claiming
from scimbridge.services.eligibility import Consequence, Obstacle, ObstacleError
from scimbridge.services.fleet import Fleet
from scimbridge.services.outlook import Outlook, look_ahead
from scimbridge.services.recipients import Recipient, Recipients
from scimbridge.store import cases, erasure, journal, notices, stages
from scimbridge.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What is told, to whom, and who was told by an earlier attempt."""

    case: Case
    outlook: Outlook
    recipients: Sequence[Recipient]
    told_before: frozenset[str]


@dataclass(slots=True)
class _Tally:
    """How it went, by the labels of recipients."""

    told: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    errors: list[tuple[str, ConnectorError]] = field(default_factory=list)

    def left_out(self) -> list[str]:
        """Return who was not told, each with the reason."""
        return [*self.missing, *(f"{label}: {error}" for label, error in self.errors)]


class Telling:
    """Tells people of a leaver: once, unless a process dies between sending and noting it."""

    def __init__(
        self,
        database: Database,
        fleet: Fleet,
        claiming: Claiming,
        channels: Channels,
        profiles: Profiles,
        freezes: Collection[Freeze],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._fleet = fleet
        self._claiming = claiming
        self._channels = channels
        self._profiles = profiles
        self._freezes = freezes
        self._clock = clock
        self._recipients = Recipients(profiles, channels.owner)

    def tell(self, claim: Claim) -> Done | NeedsPerson:
        """Tell everybody whom the task's stage names and who was not told yet.

        Raises:
            ObstacleError: There is nothing to tell, or something stands in the way since.
                RetryableError: Somebody could not be told yet.
            RejectedError: Nobody could be told, and trying again would not help.
            TargetUnusableError: The mail server or the webhook takes nothing from us.
        """
        message = self._message(claim)
        _refuse_empty(message.outlook)
        tally = _Tally()
        addresses: set[str] = set()
        for number, recipient in enumerate(message.recipients, start=1):
            self._tell_one(claim, message, recipient, f"{claim.task.id}.{number}", addresses, tally)
        return _conclude(message.outlook, tally)

    def _message(self, claim: Claim) -> _Message:
        with self._database.read() as tx:
            named = stages.terms_of_task(tx, claim.task).notify
            found = [self._recipients.find(tx, each, n, claim.identity) for n, each in enumerate(named, start=1)]
            keys = [f"{claim.task.id}.{number}" for number in range(1, len(named) + 1)]
            return _Message(
                case=cases.case_by_id(tx, claim.task.case_id),
                outlook=look_ahead(tx, claim.task.case_id, self._fleet, self._freezes, self._clock()),
                recipients=found,
                told_before=notices.sent_among(tx, Kind.LEAVER, keys),
            )

    def _tell_one(
        self,
        claim: Claim,
        message: _Message,
        recipient: Recipient,
        key: str,
        addresses: set[str],
        tally: _Tally,
    ) -> None:
        if recipient.problem:
            tally.missing.append(f"{recipient.label} {recipient.problem}")
            return
        address = (recipient.address or "").lower()
        if key in message.told_before or (address and address in addresses):
            addresses.add(address)
            tally.told.append(recipient.label)
            return
        # Right before it leaves: a hold may have been placed, the person may be back, the lease may be lost.
        self._claiming.confirm(claim, self._clock())
        try:
            self._send(_notice(claim.identity, message, key, self._profiles, self._channels.public_url), recipient)
        except ConnectorError as error:
            tally.errors.append((recipient.label, error))
            return
        self._note(claim, recipient, key)
        addresses.add(address)
        tally.told.append(recipient.label)

    def _send(self, notice: Notice, recipient: Recipient) -> None:
        if recipient.is_webhook:
            self._channels.post(notice, now=self._clock())
        elif recipient.address is not None:
            self._channels.send(notice, to=recipient.address, now=self._clock())

    def _note(self, claim: Claim, recipient: Recipient, key: str) -> None:
        now = self._clock()
        with self._database.write() as tx:
            cases.lock_identity(tx, claim.task.identity_id)
            # Whoever sent for longer than the lease may find that the person was erased meanwhile.
            is_kept = recipient.address and not erasure.was_owned_by_erased(tx, claim.account.id)
            notices.note_sent(tx, Kind.LEAVER, key, {"to": recipient.label}, now)
            journal.record(
                tx,
                "notice sent",
                now,
                reason=f"to {recipient.label}",
                task=claim.task,
                details={"to": recipient.label},
                personal={"address": recipient.address} if is_kept else None,
            )
        telemetry.NOTICES.labels(Kind.LEAVER, "sent").inc()


def _refuse_empty(outlook: Outlook) -> None:
    if outlook.steps or outlook.has_happened:
        return
    nothing = "nothing happens in this case any more, so there is nothing to tell"
    reason = "observe mode: every target of the case is only observed" if outlook.is_observed else nothing
    raise ObstacleError(Obstacle(Consequence.SKIP, reason))


def _conclude(outlook: Outlook, tally: _Tally) -> Done | NeedsPerson:
    """Return what became of the task, when everybody was tried."""
    _raise_worst(tally)
    left_out = "; ".join(tally.left_out())
    if tally.told:
        said = f"told {', '.join(tally.told)}" + (f"; not told: {left_out}" if left_out else "")
        return Done(changed=True, after={"said": said})
    if tally.errors:
        raise RejectedError(f"nobody was told: {left_out}")
    if outlook.point_of_no_return is not None:
        # Somebody was to hear of it before it is too late.
        return NeedsPerson(f"nobody can be told: {left_out}; put that right in the source")
    raise ObstacleError(Obstacle(Consequence.SKIP, f"nobody can be told: {left_out}"))


def _raise_worst(tally: _Tally) -> None:
    """Raise what asks for another attempt, if something does."""
    for kind in (TargetUnusableError, RetryableError):
        for label, error in tally.errors:
            if isinstance(error, kind):
                message = f"{label}: {error}"
                if isinstance(error, RetryableError):
                    raise RetryableError(message, retry_after=error.retry_after) from error
                raise kind(message) from error


def _notice(identity: Identity, message: _Message, key: str, profiles: Profiles, public_url: str) -> Notice:
    case = message.case
    content = Leaver(
        person=_name_of(identity),
        user_name=identity.user_name,
        source=target_of(case.source),
        trigger=case.trigger.value if case.trigger is not None else case.kind.value,
        case_id=case.id,
        steps=message.outlook.steps,
        point_of_no_return=message.outlook.point_of_no_return,
        hold_command=commands.hold_case(case.id),
        cancel_command=commands.cancel_case(case.id),
        link=case_link(public_url, case.id),
        is_group=case.is_about_group,
    )
    return Notice(id=key, at=case.trigger_at, content=content, zone=profiles.of(case.source).timezone)


def _name_of(identity: Identity) -> str:
    """Return what people call somebody."""
    name = identity.document.get("name")
    formatted = name.get("formatted") if isinstance(name, dict) else None
    found = (identity.document.get("displayName"), formatted)
    return next((text for text in found if isinstance(text, str) and text.strip()), identity.user_name)
