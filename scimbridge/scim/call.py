"""One request, as handlers see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scimbridge.domain.resource import Received, Written
from scimbridge.domain.source import DEFAULT_PROFILE, SourceProfile
from scimbridge.errors import PreconditionError
from scimbridge.scim.limits import Effort
from scimbridge.scim.reading import Reading, listed
from scimbridge.scim.redaction import without_secrets
from scimbridge.services.precondition import require_version

PLAUSIBLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
"""What an id or a URN of ours can look like; nothing else is looked for, logged or repeated."""

NO_VERSION = -1
"""A version that no resource has."""


@dataclass(slots=True, kw_only=True)
class Call:
    """A request whose source is known and whose body is parsed.

    Attributes:
        resource_id: The id in the address, or an empty string.
        conditions: The headers with preconditions, by their names in lower case; several of a name are one list.
        body: Empty where the method has none, and once it was let go.
        text: The same as it was sent.
        profile: How its source is read.
        reading: What shows of its writer while it is read.
        understood: What the request means; handlers say it before they act, and it is kept with the request.
        shared: What was spent by the operations of a bulk request with which this one is committed.
    """

    source: str
    method: str
    path: str
    resource_id: str
    query: Mapping[str, str]
    conditions: Mapping[str, str]
    body: Mapping[str, Any]
    now: datetime
    text: str = ""
    profile: SourceProfile = DEFAULT_PROFILE
    reading: Reading = field(default_factory=Reading)
    understood: str = "not understood"
    shared: Effort | None = None
    _kept: Any = None

    @property
    def received(self) -> Received:
        """The request as it is kept: without secrets."""
        return Received(
            source=self.source,
            method=self.method,
            path=self.path,
            body=without_secrets(self.body) if self.body else self._kept,
            understood=self.understood,
        )

    @property
    def is_shown(self) -> bool:
        """Whether the body of the answer is sent.

        A HEAD asks for none, and of its operations a bulk request tells only what became of them.
        """
        return self.shared is None and self.method != "HEAD"

    def let_go(self) -> None:
        """Forget the body, of which everything is understood. What is kept of it is its text, unless that has secrets.

        As objects, a hundred thousand members take six times the space of their text, and who stores them needs it.
        """
        kept = without_secrets(self.body)
        self._kept = Written(self.text) if kept is self.body and self.text else kept
        self.body = {}

    def new_effort(self) -> Effort:
        """Return what this request adds its effort to. One that shares no commit begins anew when it is tried again."""
        return Effort() if self.shared is None else self.shared

    def wanted_version(self, stored: Callable[[Call], int]) -> int | None:
        """Return the version that a write asks for by its preconditions, or ``None`` where any will do.

        Args:
            stored: Returns the version that there is; asked where the headers name several, or rule some out.

        Raises:
            PreconditionError: There is a version that they rule out.
            NotFoundError: There is none.
        """
        header, unwanted = self.conditions.get("if-match"), self.conditions.get("if-none-match")
        if unwanted is None and (header is None or "," not in header):
            return _asked_for(header)
        version = stored(self)
        _refuse_match(unwanted, version)
        return _asked_for(header, version)

    def is_unchanged(self, version: int) -> bool:
        """Whether a read asks by If-None-Match for another version than the one there is (RFC 7644 §3.14).

        Raises:
            PreconditionError: It asks by If-Match for another one (RFC 9110 §13.1.1).
        """
        require_version(version, _asked_for(self.conditions.get("if-match"), version))
        unwanted = self.conditions.get("if-none-match")
        return unwanted is not None and _matches(unwanted, version)

    def understand(self, meaning: str) -> None:
        """Say what the request means. What it names in vain is added.

        Raises:
            SCIMException: The source is strict, and something is not known.
        """
        ignored = self.reading.unknown_attributes
        self.understood = f"{meaning}; ignored: {listed(ignored)}" if ignored else meaning
        objection = self.reading.objection() if self.profile.strict else None
        if objection is not None:
            raise objection


def _asked_for(header: str | None, current: int | None = None) -> int | None:
    """Return the version that an If-Match header asks for, or ``None`` where any will do (RFC 7644 §3.14).

    Args:
        header: The header's value.
        current: The stored version, where it is known; decides among several.
    """
    if header is None or header.strip() == "*":
        return None
    versions = {version_of(tag) for tag in header.split(",")}
    if len(versions) == 1:
        return versions.pop()
    return current if current in versions else NO_VERSION


def _refuse_match(header: str | None, version: int) -> None:
    """Refuse a write by an If-None-Match header that names the stored version (RFC 9110 §13.1.2).

    Raises:
        PreconditionError: It does, or it is ``*``: there must be no such resource.
    """
    if header is not None and _matches(header, version):
        raise PreconditionError("the resource is there, in a version that If-None-Match rules out")


def _matches(header: str, version: int) -> bool:
    """Whether an If-None-Match header names a version."""
    return header.strip() == "*" or version in {version_of(tag) for tag in header.split(",")}


def etag(version: int) -> str:
    """Return the weak entity tag of a version."""
    return f'W/"v{version}"'


def version_of(tag: str) -> int:
    """Return the version of an entity tag, or ``NO_VERSION``."""
    text = tag.strip().removeprefix("W/").strip('"')
    return int(text[1:]) if text[:1] == "v" and text[1:].isdecimal() and len(text) < 12 else NO_VERSION
