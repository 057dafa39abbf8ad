"""Finding a person's account by the pairs of ``match``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from scimbridge.sdk.config import Matchable
from scimbridge.sdk.errors import AmbiguousAccountError
from scimbridge.sdk.state import AccountRef, Person


def find_by(
    match: Mapping[Matchable, str], person: Person, search: Callable[[str, str], Iterable[AccountRef]]
) -> AccountRef | None:
    """Return the account by the first pair that finds any; ``None`` where none does.

    Args:
        match: SCIM attribute = the target's attribute, tried in order.
        person: Whose account; values of blanks are not searched for.
        search: Returns the accounts that have exactly a value, given the target's attribute and the value.

    Raises:
        AmbiguousAccountError: More than one account matches by the same pair. Never guess.
    """
    for scim_attribute, attribute in match.items():
        values = [value for value in person.get(scim_attribute) if value.strip()]
        found = {ref.id: ref for value in values for ref in search(attribute, value)}
        if len(found) > 1:
            raise AmbiguousAccountError(f"{len(found)} accounts match by {attribute}", list(found.values()))
        if found:
            return next(iter(found.values()))
    return None
