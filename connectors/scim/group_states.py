"""Groups of a SCIM service as such: found, read and listed, for those who give them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scim2_models import ScimFilter

from connectors.scim.client import ScimClient
from connectors.scim.config import ScimConfig
from connectors.scim.document import Document, text_in, time_in, value_of, values_at
from connectors.scim.errors import RefusedError
from connectors.scim.paging import MAX_PAGES, through
from scimbridge.sdk import AccountNotFoundError, AccountRef, AmbiguousAccountError, GroupState, GroupSummary
from scimbridge.sdk.stamp import date_in, stamp_in

_MOST_PAGES = 1000
"""How far a list of all groups goes."""


class GroupStates:
    """Reads groups (RFC 7643 section 4.2). Safe to use from several threads.

    Args:
        config: Which of them give power, and where a mark stands.
        client: Asks the service.
    """

    def __init__(self, config: ScimConfig, client: ScimClient) -> None:
        self._config = config
        self._client = client
        self._shows_members = False

    def find(self, name: str) -> AccountRef | None:
        """Return the group of this id or name, in any case of letters.

        Raises:
            AmbiguousAccountError: Several are called so.
        """
        try:
            return _ref_of(self._client.get_group(name))
        except (AccountNotFoundError, RefusedError):  # some refuse what does not look like an id
            found = {each.id: each for each in map(_ref_of, self._called(name))}
        if len(found) > 1:
            raise AmbiguousAccountError(f"several groups are called {name!r}", tuple(found.values()))
        return next(iter(found.values()), None)

    def read(self, group_id: str) -> GroupState:
        """Return a group with all of its members; ``None`` for them where nobody is shown in any group."""
        document = self._client.get_group(group_id)
        text = text_in(document, self._config.group_stamp_attribute)
        is_marked = self._config.group_stamp_attribute is not None
        ref = _ref_of(document)
        return GroupState(
            id=ref.id,
            name=ref.name,
            members=self._members_of(document),
            protected=self._protection_of(ref.name),
            stamp=stamp_in(text) if is_marked else None,
            stamped_until=date_in(text),
        )

    def all(self) -> Iterator[GroupSummary]:
        """Yield all groups."""
        marked_in = self._config.group_stamp_attribute
        named = ("members", "meta", *((marked_in,) if marked_in else ()))
        for document in self._through("listing groups", more=named, most=_MOST_PAGES):
            ref = _ref_of(document)
            members = value_of(document, "members")
            yield GroupSummary(
                id=ref.id,
                name=ref.name,
                size=len(members) if isinstance(members, list) else None,
                changed_at=time_in(document, "lastModified"),
                stamp=stamp_in(text_in(document, marked_in)),
                protected=self._protection_of(ref.name),
            )

    def _called(self, name: str) -> Iterator[Document]:
        """Yield the groups of a name, whatever the service makes of the filter."""
        if not name.strip():
            return
        asked = f"displayName eq {ScimFilter.quote(name)}"
        try:
            found = list(self._through("searching for a group", asked))
        except RefusedError:
            found = []
        # Some compare names by the letter, and some know no filters.
        everybody = self._through("looking through groups", most=_MOST_PAGES)
        yield from list(_of_name(found, name)) or _of_name(everybody, name)

    def _through(
        self, words: str, asked: str | None = None, *, more: tuple[str, ...] = (), most: int = MAX_PAGES
    ) -> Iterator[Document]:
        return through(
            lambda place: self._client.list_groups(asked, place=place, more=more),
            words,
            beginning=self._client.beginning,
            most=most,
            is_search=asked is not None,
        )

    def _members_of(self, document: Document) -> tuple[AccountRef, ...] | None:
        found = value_of(document, "members")
        members = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        refs = tuple(
            AccountRef(str(value_of(each, "value")), str(value_of(each, "display") or value_of(each, "value")))
            for each in members
            if value_of(each, "value")
        )
        # An empty list is believed once anybody is shown anywhere: some never show members.
        self._shows_members = self._shows_members or bool(refs) or self._somebody_is_shown()
        return refs if self._shows_members else None

    def _somebody_is_shown(self) -> bool:
        return any(values_at(each, "members.value") for each in self._client.list_groups(more=("members",)).resources)

    def _protection_of(self, name: str) -> str:
        return "it gives power over others" if name in self._config.privileged_groups else ""


def _ref_of(document: Document) -> AccountRef:
    group_id = str(value_of(document, "id") or "")
    return AccountRef(group_id, str(value_of(document, "displayName") or group_id))


def _of_name(groups: Iterable[Document], name: str) -> Iterator[Document]:
    return (each for each in groups if str(value_of(each, "displayName")).lower() == name.lower())
