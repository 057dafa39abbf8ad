"""Cursors: where the next page begins, as text that means nothing to a client (RFC 9865 §2)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scim2_models import ExpiredCursorException, InvalidCursorException

from scimbridge.store.listing import Question
from scimbridge.store.ordering import Position

TIMEOUT = timedelta(hours=24)
"""How long a cursor can be used. It holds nothing of ours; this only bounds how old the total that it carries gets."""

MAX_COUNT = 1000
"""Resources on a page, however many are asked for."""

_VERSION = 1
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page begins, and what its list was.

    Attributes:
        count: Resources on a page.
        total: How many resources there were when the first page was read.
        backwards: The page ends at the position instead.
    """

    position: Position
    count: int
    total: int
    backwards: bool
    issued_at: datetime

    def text(self, question: Question) -> str:
        """Return the cursor as text of unreserved characters (RFC 9865 §2), bound to a question."""
        key = self.position.key
        parts = [
            _VERSION,
            _digest(question),
            int(self.issued_at.timestamp()),
            self.count,
            self.total,
            self.backwards,
            self.position.id,
            {"at": key.astimezone(UTC).isoformat()} if isinstance(key, datetime) else key,
        ]
        packed = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def of(cls, text: str, question: Question, now: datetime) -> Cursor:
        """Return the cursor that a text is.

        Raises:
            InvalidCursorException: It is none of ours, or one of another source, filter or order.
            ExpiredCursorException: It is older than ``TIMEOUT``.
        """
        try:
            found = cls._read(text, _digest(question))
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise InvalidCursorException from error
        if now - found.issued_at > TIMEOUT:
            raise ExpiredCursorException
        return found

    @classmethod
    def _read(cls, text: str, digest: str) -> Cursor:
        if len(text) > _LONGEST:
            raise ValueError("too long")
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, of, issued, count, total, backwards, resource_id, key = json.loads(packed)
        is_ours = version == _VERSION and of == digest and isinstance(backwards, bool)
        if not is_ours or not all(isinstance(number, int) for number in (issued, count, total)):
            raise ValueError("not ours")
        if not 0 < count <= MAX_COUNT:
            raise ValueError("not a size of ours")
        return cls(
            position=Position(_key(key), _plain(resource_id)),
            count=count,
            total=total,
            backwards=backwards,
            issued_at=datetime.fromtimestamp(issued, UTC),
        )


def _digest(question: Question) -> str:
    sort = question.sort
    asked = [
        question.source,
        [kind.value for kind in question.kinds],
        question.filter,
        sort and [sort.by.lower(), sort.descending],
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]


def _key(value: Any) -> str | float | bool | datetime | None:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["at"])
    if value is None or isinstance(value, bool):
        return value
    return float(value) if isinstance(value, float | int) else _plain(value)


def _plain(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a string that the database accepts")
    value.encode()  # half of a surrogate pair cannot be
    return value
