"""What a service says of itself: what it can do, which resources it has, and which attributes they have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from connectors.scim.client import ScimClient
from connectors.scim.document import CORE_USER, Document, value_of
from scimbridge.sdk import RejectedError, TargetUnusableError

_AN_HOUR = 3600.0
"""How long an answer is believed, in seconds: applications learn, mostly at night."""

_GROUP = "Group"
T = TypeVar("T")
_FOR_READING = frozenset({"readonly", "immutable"})


@dataclass(frozen=True, slots=True)
class _Attributes:
    """The attributes of users.

    Attributes:
        names: In lower case; empty where they are not told.
        texts: Those that hold one text that can be changed, as they are spelled.
        fixed: Those that nobody can change, in lower case.
        spare: Those of them that need not be sent, in lower case.
    """

    names: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()
    spare: frozenset[str] = frozenset()


class Description:
    """A service's description (RFC 7643 sections 5 to 7), each part asked for when it matters, and kept for an hour.

    Of what is not told, everything is taken for possible. Safe to use from several threads.

    Args:
        client: Asks the service.
        monotonic: Seconds, for the age of answers.
    """

    def __init__(self, client: ScimClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def patches(self) -> bool:
        """Whether resources are changed by PATCH. Where nothing is said, it is tried: a refusal changes nothing."""
        return _is(self._config(), "patch") is not False

    def filters(self) -> bool:
        """Whether the service says that it filters."""
        return _is(self._config(), "filter") is True

    def versions(self) -> bool:
        """Whether the service says that it minds versions (If-Match)."""
        return _is(self._config(), "etag") is True

    def bulk(self) -> int:
        """Return how many operations one bulk request may have; 0 where the service says of none, or does not tell."""
        try:
            config = self._config()
        except (RejectedError, TargetUnusableError):
            return 0
        told = value_of(config, "bulk")
        most = value_of(told, "maxOperations") if isinstance(told, Mapping) else None
        return most if _is(config, "bulk") is True and isinstance(most, int) and most > 0 else 0

    def has_groups(self) -> bool:
        """Whether the service has groups, or does not say what it has."""
        kinds = self._part("ResourceTypes", lambda: self._client.describe("ResourceTypes"))
        return not kinds or any(_GROUP in (value_of(each, "name"), value_of(each, "id")) for each in kinds)

    def refusal_of(self, name: str) -> str:
        """Return why an attribute of users cannot be written, as part of a sentence; empty where it can be tried."""
        told = self._of_users()
        if not told.names or name.lower() in {each.lower() for each in told.texts}:
            return ""
        kind = "lets nobody change" if name.lower() in told.fixed else "has no text"
        return f"the application {kind} {name!r}; it has {', '.join(told.texts) or 'none'}"

    def spare(self) -> frozenset[str]:
        """Return the attributes of users that are not sent: they can only be read (RFC 7643 section 7), in lower case.

        What has to be there is sent even so; by the standard it is ignored.
        """
        return self._of_users().spare

    def forget(self) -> None:
        """Ask again next time: the service has refused what it was said to do."""
        with self._asking:
            self._kept.clear()

    def _config(self) -> Document:
        return self._part("ServiceProviderConfig", lambda: self._client.service_provider_config() or {})

    def _of_users(self) -> _Attributes:
        return self._part("Schemas", lambda: _attributes(self._client.describe("Schemas")))

    def _part(self, what: str, ask: Callable[[], T]) -> T:
        with self._asking:
            asked_at, told = self._kept.get(what, (float("-inf"), None))
            if self._monotonic() - asked_at < _AN_HOUR:
                return cast("T", told)
            found = ask()
            self._kept[what] = (self._monotonic(), found)
            return found


def _attributes(schemas: tuple[Document, ...]) -> _Attributes:
    core = next((each for each in schemas if str(value_of(each, "id")).lower() == CORE_USER.lower()), None)
    listed = value_of(core, "attributes") if core is not None else None
    told = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return _Attributes(
        names=frozenset(_named(each).lower() for each in told),
        texts=tuple(_named(each) for each in told if _is_a_text(each)),
        fixed=frozenset(_named(each).lower() for each in told if _mutability(each) in _FOR_READING),
        spare=frozenset(_named(each).lower() for each in told if _is_spare(each)),
    )


def _named(attribute: Document) -> str:
    return str(value_of(attribute, "name") or "")


def _mutability(attribute: Document) -> str:
    return str(value_of(attribute, "mutability")).lower()


def _is_spare(attribute: Document) -> bool:
    return _mutability(attribute) == "readonly" and value_of(attribute, "required") is not True


def _is_a_text(attribute: Document) -> bool:
    kind = str(value_of(attribute, "type") or "string").lower()
    is_one = value_of(attribute, "multiValued") is not True
    return kind == "string" and is_one and _mutability(attribute) not in _FOR_READING


def _is(config: Document, feature: str) -> bool | None:
    """Return whether a feature is announced; ``None`` where nothing is said about it."""
    told = value_of(config, feature)
    supported = str(value_of(told, "supported")).lower() if isinstance(told, Mapping) else ""
    return {"true": True, "false": False}.get(supported)
