"""What makes two names the same (RFC 7643 §2.2, RFC 7644 §5, RFC 8265)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from precis_i18n import get_profile

from scimbridge.domain.names import any_case_key, fold, user_name_key
from scimbridge.domain.source import NameCase

PROFILES = {NameCase.IGNORED: "UsernameCaseMapped", NameCase.EXACT: "UsernameCasePreserved"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@EXAMPLE.com"),
        ("ÄRZTIN", "ärztin"),
        ("e\u0301va", "\u00e9va"),  # composed or not
        ("\uff21\uff44\uff41", "ada"),  # wide forms
        ("ﾃｽﾄ", "テスト"),  # narrow ones
        ("Ada Lovelace", "ada lovelace"),  # what PRECIS refuses
    ],
)
def test_names_are_the_same_without_their_case(one: str, other: str) -> None:
    assert user_name_key(one, NameCase.IGNORED) == user_name_key(other, NameCase.IGNORED)


@pytest.mark.parametrize(("one", "other"), [("strasse", "straße"), ("ada", "ad\u0430"), ("a b", "ab"), ("", "a")])
def test_names_that_look_alike_are_different(one: str, other: str) -> None:
    assert user_name_key(one, NameCase.IGNORED) != user_name_key(other, NameCase.IGNORED)


def test_the_case_can_make_a_difference() -> None:
    assert user_name_key("Ada", NameCase.EXACT) != user_name_key("ada", NameCase.EXACT)
    assert user_name_key("Év\u0430", NameCase.EXACT) != user_name_key("éva", NameCase.EXACT)
    assert user_name_key("e\u0301va", NameCase.EXACT) == user_name_key("\u00e9va", NameCase.EXACT)
    assert any_case_key("Ada") == any_case_key("ADA")


@given(st.text(max_size=6), st.sampled_from(NameCase))
def test_a_name_that_precis_accepts_has_the_key_that_precis_makes(name: str, case: NameCase) -> None:
    with suppress(UnicodeEncodeError):
        assert get_profile(PROFILES[case]).enforce(name) == user_name_key(name, case)


@given(st.text(st.characters(codec="ascii")), st.sampled_from(NameCase))
def test_ascii_takes_a_short_way_to_the_same_key(name: str, case: NameCase) -> None:
    profile = get_profile(PROFILES[case])

    assert user_name_key(name, case) == profile.normalization_rule(profile.case_mapping_rule(name))


@given(st.text(), st.sampled_from(NameCase))
def test_a_key_is_its_own_key(name: str, case: NameCase) -> None:
    key = user_name_key(name, case)

    assert user_name_key(key, case) == key


@pytest.mark.parametrize(
    ("name", "key"), [("Staff", "staff"), ("ÄRZTE", "ärzte"), ("e\u0301", "\u00e9"), ("straße", "straße")]
)
def test_a_folded_name_is_in_lower_case_because_it_is_stored(name: str, key: str) -> None:
    assert fold(name) == key


@given(st.text())
def test_folding_twice_changes_nothing_more(value: str) -> None:
    assert fold(fold(value)) == fold(value)
