"""How groups name their members: by DN, or in POSIX groups by a plain name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors.ldap.entry import Entry

POSIX = "memberUid"
"""RFC 2307 section 4: values are what accounts have in ``uid``."""

UID = "uid"
POSIX_CLASS = "posixGroup"


def is_posix(attribute: str) -> bool:
    """Whether an attribute holds plain names."""
    return attribute.casefold() == POSIX.casefold()


def values_of(member: Entry, attribute: str) -> tuple[str, ...]:
    """Return how a group may name an entry, read with its ``uid``, in one of its attributes."""
    return member.get(UID) if is_posix(attribute) else (member.dn,)


def usual_attribute(classes: Iterable[str], attributes: Sequence[str]) -> str:
    """Return where a group keeps members by its classes.

    ``uniqueMember`` belongs to groupOfUniqueNames (RFC 4519), ``memberUid`` to a posixGroup that is nothing else.
    """
    folded = {each.casefold() for each in classes}
    if "groupofuniquenames" in folded:
        wanted = "uniquemember"
    elif POSIX_CLASS.casefold() in folded and "groupofnames" not in folded:
        wanted = POSIX.casefold()
    else:
        wanted = "member"
    return next((each for each in attributes if each.casefold() == wanted), attributes[0])


def by_attribute(
    names: Iterable[str], classes: Iterable[str], attributes: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """Return members of a group by where it keeps them: what is no DN is a plain name."""
    usual = usual_attribute(classes, attributes)
    posix = next((each for each in attributes if is_posix(each)), usual)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(usual if "=" in name else posix, []).append(name)
    return found
