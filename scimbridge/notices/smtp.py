"""Handing a message to a mail server. Addresses, and what servers say about them, stay out of errors."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from scimbridge.sdk.addresses import ForbiddenAddressError, resolve
from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError

TIMEOUT = 15.0
"""Seconds for each step: connecting, and each piece of an answer."""

TOTAL = 60.0
"""Seconds for everything after the greeting."""

_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class Security(StrEnum):
    """How a connection is kept private, as the address's scheme."""

    NONE = "smtp"
    TLS = "smtps"
    STARTTLS = "smtp+starttls"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where a mail server is."""

    security: Security
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> SmtpAddress:
        """Return the address that a text names.

        Raises:
            ValueError: It names none; the message says what one looks like.
        """
        wanted = 'write "smtp://HOST:25", "smtp+starttls://HOST:587" or "smtps://HOST:465"'
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise ValueError(wanted) from error
        if parts.username is not None or parts.password is not None:
            raise ValueError("has a login in it; write it as user and password beside it")
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(wanted)
        return cls(Security(parts.scheme), parts.hostname, port or _PORTS[parts.scheme])

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.security is not Security.NONE or self.host in _LOOPBACK

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.security}://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server that takes our messages. Each call makes a connection of its own.

    Attributes:
        address: Where it is.
        user: The login, where it wants one.
        password: Belongs to ``user``.
        ca_file: Certificates to trust instead of the public ones.
        timeout: Seconds for each step.
        total: Seconds for everything after the greeting; a server may send a letter now and then for hours.
    """

    address: SmtpAddress
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    timeout: float = TIMEOUT
    total: float = TOTAL

    def send(self, message: EmailMessage, *, sender: str, to: str) -> None:
        """Hand over a message for one person.

        Raises:
            RetryableError: The server cannot be reached, or takes it later.
            RejectedError: It refuses this recipient or this message for good.
            TargetUnusableError: It takes nothing from us: a wrong login, certificate, sender or address.
        """
        with self._session() as smtp:
            try:
                smtp.sendmail(sender, [to], message.as_bytes())
            except smtplib.SMTPRecipientsRefused as error:
                code, said = next(iter(error.recipients.values()))
                raise _by_code(code, said, "the recipient", RejectedError) from None
            except smtplib.SMTPSenderRefused as error:
                raise _by_code(error.smtp_code, error.smtp_error, "our sender address", TargetUnusableError) from None
            except smtplib.SMTPDataError as error:
                raise _by_code(error.smtp_code, error.smtp_error, "the message", RejectedError) from None

    def check(self) -> str:
        """Return what there is, without sending anything: connection, login and an answer.

        Raises:
            RetryableError: The server cannot be reached now.
            TargetUnusableError: It would take nothing from us.
        """
        with self._session() as smtp:
            code, said = smtp.noop()
            if code != 250:
                raise _by_code(code, said, "NOOP", TargetUnusableError)
        login = "logged in" if self.user is not None else "without a login"
        return f"{self.address} answers, {login}"

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Connect, secure and log in; translate whatever goes wrong until the end."""
        with _translating():
            smtp = self._connect()
            timer = threading.Timer(self.total, _hang_up, (smtp,))
            timer.daemon = True
            timer.start()
            try:
                self._greet(smtp)
                yield smtp
            finally:
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()  # the message is theirs by then, or lost anyway
                timer.cancel()
                smtp.close()

    def _connect(self) -> smtplib.SMTP:
        address, name = self.address, _own_name()
        if address.security is Security.TLS:
            return _TlsConversation(
                address.host, address.port, local_hostname=name, timeout=self.timeout, context=self._trust()
            )
        return _Conversation(address.host, address.port, local_hostname=name, timeout=self.timeout)

    def _greet(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self.address.security is Security.STARTTLS:
            # Raises where the server does not offer it: we never go on without.
            smtp.starttls(context=self._trust())
            smtp.ehlo_or_helo_if_needed()
        if self.user is not None:
            smtp.login(self.user, self.password or "")

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))


class _Conversation(smtplib.SMTP):
    """One that leads to no address where clouds keep the credentials of their machines."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect to the first address of the host that answers, looked up once; certificates are for its name."""
        *others, last = resolve(host, port, allow_link_local=False)
        for address in others:
            with suppress(OSError):
                return self._get_socket_of(address, port, timeout)
        return self._get_socket_of(last, port, timeout)

    def _get_socket_of(self, address: str, port: int, timeout: float) -> socket.socket:
        found: socket.socket = super()._get_socket(address, port, timeout)  # type: ignore[misc]  # not in its stubs
        return found


class _TlsConversation(_Conversation, smtplib.SMTP_SSL):
    """The same with TLS from the start."""


def _hang_up(smtp: smtplib.SMTP) -> None:
    """End a connection under the thread that waits for it, which then takes it for broken."""
    with suppress(OSError):
        if smtp.sock is not None:
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)  # TLS's own would pull the rug from under a read


def _own_name() -> str:
    """Return what we call ourselves. The library would ask DNS, and wait for it."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPException as error:
        raise _by_protocol(error) from None
    except OSError as error:
        raise _by_network(error) from None
    except ForbiddenAddressError as error:
        raise TargetUnusableError(f"the mail server's address cannot be right: {error}") from None


def _by_protocol(error: smtplib.SMTPException) -> ConnectorError:
    match error:
        case smtplib.SMTPAuthenticationError():
            return _by_code(error.smtp_code, error.smtp_error, "the login", TargetUnusableError)
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return _by_code(error.smtp_code, error.smtp_error, "us", TargetUnusableError)
        case smtplib.SMTPResponseException():
            return _by_code(error.smtp_code, error.smtp_error, "a command", TargetUnusableError)
        case smtplib.SMTPServerDisconnected():
            # The library says so, too, where an answer does not come in time.
            return RetryableError("the mail server hung up, or did not answer in time")
        case _:
            # What it does not offer: STARTTLS, a login, a way to log in that both know.
            return TargetUnusableError(f"the mail server and we do not understand each other: {error}")


def _by_network(error: OSError) -> ConnectorError:
    match error:
        case ssl.SSLCertVerificationError():
            return TargetUnusableError(f"the mail server's certificate is not trusted: {error.verify_message}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return RetryableError("the mail server hung up")
        case ssl.SSLError():
            hint = "does this port speak TLS from the start?"
            return TargetUnusableError(f"no TLS with the mail server ({error.reason}); {hint}")
        case TimeoutError():
            return RetryableError("the mail server does not answer in time")
        case _:
            return RetryableError(f"the mail server cannot be reached ({error.strerror or type(error).__name__})")


def _by_code(code: int, said: bytes | str, what: str, refused: type[ConnectorError]) -> ConnectorError:
    """Return what an answer means (RFC 5321 §4.2.1): 4xx is "later", 5xx is ``refused``.

    What the server writes beside its codes may hold addresses, and is left out.
    """
    found = _ENHANCED.match(said.encode() if isinstance(said, str) else said)
    answer = f"{code} {found[0].decode()}" if found else f"{code}"
    if 400 <= code < 500:
        return RetryableError(f"the mail server takes {what} later ({answer})")
    if code >= 500:
        return refused(f"the mail server refuses {what} ({answer})")
    return RetryableError(f"the mail server hung up ({answer})")
