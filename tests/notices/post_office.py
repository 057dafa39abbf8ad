"""A real mail server for tests: it keeps what it takes, and answers as it is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.servers import quiet_port

USER, PASSWORD = "bridge", "let-me-in"


@dataclass
class PostOffice:
    """What came in, and what the next answers are.

    Attributes:
        port: Where it listens.
        envelopes: What it took.
        sender_answer: To MAIL FROM; the usual one where empty.
        recipient_answers: To RCPT TO, by address.
        data_answer: To the message itself.
        after_data: Called when a message was taken, before the answer.
    """

    port: int
    envelopes: list[Envelope] = field(default_factory=list)
    sender_answer: str = ""
    recipient_answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = ""
    after_data: Callable[[], object] = lambda: None
    logins: list[str] = field(default_factory=list)

    @property
    def messages(self) -> list[EmailMessage]:
        """What it took, read as a mail program does."""
        return [self.read(envelope) for envelope in self.envelopes]

    @staticmethod
    def read(envelope: Envelope) -> EmailMessage:
        """Return the message in an envelope."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """Answer MAIL FROM."""
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        """Answer RCPT TO."""
        if address in self.recipient_answers:
            return self.recipient_answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take a message."""
        if self.data_answer:
            return self.data_answer
        self.envelopes.append(envelope)
        self.after_data()
        return "250 OK"

    def log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Take the one login there is."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def post_office(
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: bool = False,
    host: str = "127.0.0.1",
) -> Iterator[PostOffice]:
    """Run a mail server on a free port of the loopback.

    Args:
        tls: Its certificate, if it speaks TLS from the start.
        starttls: Its certificate, if it offers STARTTLS and insists on it.
        login: Whether it takes one.
        host: Where it listens.
    """
    office = PostOffice(quiet_port())
    controller = Controller(
        office,
        hostname=host,
        port=office.port,
        server_hostname="localhost",  # it would ask DNS for its name
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_require_tls=not login,
        authenticator=office.log_in if login else None,
    )
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
