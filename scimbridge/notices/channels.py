"""The ways out: a mail server, a webhook, or both, as one installation has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scimbridge.notices.mail import Mailbox, compose
from scimbridge.notices.notice import Notice
from scimbridge.notices.rendering import Templates
from scimbridge.notices.smtp import SmtpServer
from scimbridge.notices.webhook import Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRoute:
    """How mail goes out.

    Attributes:
        server: Who takes it.
        sender: From whom.
        reply_to: Who reads answers.
    """

    server: SmtpServer
    sender: Mailbox
    reply_to: Mailbox | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How people are told.

    Attributes:
        public_url: Where the dashboard is, without a slash at its end.
        mail: The mail route, if there is one.
        webhook: The webhook, if there is one.
        templates: How notices read.
        operators: The addresses that get alarms.
        owner: The attribute that names the owner of an account that is nobody's own.
    """

    public_url: str
    mail: MailRoute | None = None
    webhook: Webhook | None = None
    templates: Templates = field(default_factory=Templates)
    operators: tuple[str, ...] = ()
    owner: str | None = None

    def send(self, notice: Notice, *, to: str, now: datetime) -> None:
        """Send a notice to an address.

        Raises:
            RetryableError: It may work later.
            RejectedError: The mail server refuses this recipient or this message for good.
            TargetUnusableError: The mail server takes nothing from us.
            ValueError: ``to`` is no address.
        """
        assert self.mail is not None  # noqa: S101  # the configuration was checked: who is told by mail has a server
        rendered = self.templates.render(notice)
        sender = self.mail.sender
        message = compose(notice, rendered, sender=sender, reply_to=self.mail.reply_to, to=to, now=now)
        self.mail.server.send(message, sender=sender.address, to=to)

    def post(self, notice: Notice, *, now: datetime) -> None:
        """Post a notice to the webhook.

        Raises:
            RetryableError: It may work later.
            RejectedError: The webhook refuses this notice for good.
            TargetUnusableError: It is gone, or takes nothing from us.
        """
        assert self.webhook is not None  # noqa: S101  # as above
        self.webhook.send(notice, self.templates.render(notice), now=now)

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """Return what can be asked of each way out, by the name of its setting; nobody is told anything."""
        found: dict[str, Callable[[], str]] = {}
        if self.mail is not None:
            found["notify.smtp"] = self.mail.server.check
        if self.webhook is not None:
            found["notify.webhook"] = self.webhook.check
        return found
