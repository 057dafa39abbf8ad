"""What makes two names the same.

A key is what comparisons use in place of a string: for uniqueness, in filters, and for
sorting. The spelling that a source sent is kept and returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from unicodedata import normalize

from precis_i18n import get_profile

from scimbridge.domain.source import NameCase


def fold(value: str) -> str:
    """Return the form in which strings without ``caseExact`` are compared (RFC 7643 §2.2)."""
    if value.isascii():
        return value.lower()
    return normalize("NFC", normalize("NFC", value).lower())


def called(document: Mapping[str, Any]) -> str:
    """Return what people call a User (RFC 7643 §4.1.1): the ``displayName``, or else the name's parts, or nothing."""
    if shown := document.get("displayName"):
        return str(shown)
    name = document.get("name") or {}
    return " ".join(str(part) for part in (name.get("givenName"), name.get("familyName")) if part)


MOST_WORDS, MOST_LETTERS = 4, 100
"""Of a name, by which somebody is found; sources may send books."""


def beginnings(said: str) -> set[str]:
    """Return what a name is found by the beginning of: itself, and what is left of it from each further word on."""
    words = fold(said[:MOST_LETTERS]).split()
    return {" ".join(words[first:]) for first in range(min(len(words), MOST_WORDS))}


def user_name_key(name: str, case: NameCase) -> str:
    """Return the form in which userNames are compared.

    It is what the PRECIS profiles ``UsernameCaseMapped`` and ``UsernameCasePreserved`` make of a
    name (RFC 7644 §5, RFC 8265 §3.3, §3.4): wide and narrow forms are mapped to the usual ones,
    then the case, then NFC. Directories have names that PRECIS refuses, with spaces for
    example: these get the same mappings, without the refusal.

    So the key of a part is a part of the whole's key, and ``co``, ``sw`` and ``ew`` in filters
    find what they should; what a profile refuses would have no key, or one made by other rules.
    """
    # A key is made for every name that is written or looked up, and nearly all of them are ASCII.
    if name.isascii():
        return name.lower() if case is NameCase.IGNORED else name
    profile = _profile(case)
    mapped = profile.case_mapping_rule(profile.width_mapping_rule(name))
    return str(profile.normalization_rule(mapped))


def any_case_key(name: str) -> str:
    """Return the form in which userNames of different sources are compared: without their case.

    Whatever the sources' own rules: an account that may belong to somebody else is not touched.
    """
    return user_name_key(name, NameCase.IGNORED)


@cache
def _profile(case: NameCase) -> Any:
    return get_profile("UsernameCaseMapped" if case is NameCase.IGNORED else "UsernameCasePreserved")
