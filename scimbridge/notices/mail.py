"""A notice as an e-mail: one message for each person, the same one whenever it has to be sent again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from scimbridge.notices.notice import Notice
from scimbridge.notices.rendering import Rendered, one_line

# What HTML takes for an e-mail address: stricter than RFC 5322, and what directories have. No quotes, no
# comments, no line breaks, so that an address is nothing but one.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?P<domain>[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)"
)
_LONGEST = 254
_NO_ID = re.compile(r"[^A-Za-z0-9_.-]")

# Base64 or quoted-printable where a text is not ASCII: some servers still take no 8 bits (RFC 6152).
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name that is shown beside it, which may be empty."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Return the mailbox that a text names.

        Raises:
            ValueError: It names none.
        """
        name, address = parseaddr(text)
        if text != one_line(text) or not is_address(address):
            raise ValueError('write an address like "scimbridge@example.com", or "Name <scimbridge@example.com>"')
        return cls(name, address)

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return str(self.header)

    @property
    def header(self) -> Address:
        """For a header."""
        return Address(display_name=self.name, addr_spec=self.address)


def is_address(text: str) -> bool:
    """Whether mail can be sent to this address."""
    return len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None


def compose(
    notice: Notice, rendered: Rendered, *, sender: Mailbox, reply_to: Mailbox | None, to: str, now: datetime
) -> EmailMessage:
    """Return a notice as a message.

    Its Message-ID comes from the notice's id: what has to be sent again after a crash is the same message to
    mail systems, and most show it once.

    Args:
        notice: What is told.
        rendered: How it reads.
        sender: From whom.
        reply_to: Who reads answers; the sender where absent.
        to: An address.
        now: When it is sent (UTC).

    Raises:
        ValueError: ``to`` is no address; the message does not repeat it.
    """
    if not is_address(to):
        raise ValueError("that is not an e-mail address that mail can be sent to")
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender.header
    message["To"] = Address(addr_spec=to)
    if reply_to is not None:
        message["Reply-To"] = reply_to.header
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{_NO_ID.sub('-', notice.id)}@{sender.domain}>"
    # Nobody's absence notice answers it (RFC 3834 §5; the second one is what Exchange asks for).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message
