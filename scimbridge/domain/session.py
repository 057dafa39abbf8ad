"""Sessions: somebody has signed in to the pages, from a browser, for a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scimbridge.domain.operator import Operator, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """How long sessions last.

    Attributes:
        length: From sign-in on, whatever happens.
        idle: Without a request.
    """

    length: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Where somebody signs in from, so that people recognize their sessions.

    Attributes:
        address: The client's address.
        browser: What it says it is.
    """

    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody is signed in.

    Attributes:
        id: For lists; it lets nobody in.
        operator: Who, with the role of this moment.
        ends_at: At the latest.
    """

    id: str
    operator: Operator
    way: Way
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A session that has just begun.

    Attributes:
        cookie: What the browser keeps; only its digest is stored.
    """

    cookie: str = field(repr=False)
    session: Session
