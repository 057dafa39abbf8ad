from __future__ import annotations

import pytest

from connectors.ldap import dn


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,ou=People,dc=example,dc=com", "UID=Ann , OU=people,DC=Example;dc=com"),
        (r"cn=Smith\, John,dc=com", r"cn=Smith\2c John,dc=com"),
        (r"cn=J\c3\b6rg,dc=com", "cn=Jörg,dc=com"),
        ("cn=a+uid=b,dc=com", "UID=B + CN=A,dc=com"),
        (r"cn=a\=b,dc=com", "cn=a=b,dc=com"),
        ("cn=two  blanks,dc=com", "cn=two blanks,dc=com"),
    ],
)
def test_two_spellings_of_one_name_are_the_same(one: str, other: str) -> None:
    assert dn.is_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ann,dc=com", "uid=anna,dc=com"),
        ("uid=ann,dc=com", "cn=ann,dc=com"),
        (r"cn=a\,dc\=com", "cn=a,dc=com"),
        ("cn=a+uid=b,dc=com", "cn=a,uid=b,dc=com"),
        ("cn=ö,dc=com", "cn=o,dc=com"),
    ],
)
def test_different_names_are_not_the_same(one: str, other: str) -> None:
    assert not dn.is_same(one, other)


@pytest.mark.parametrize(
    ("name", "is_below"),
    [
        ("uid=ann,ou=People,dc=example,dc=com", True),
        ("uid=ann,ou=x,ou=PEOPLE,dc=example,dc=com", True),
        ("ou=People,dc=example,dc=com", False),
        ("dc=example,dc=com", False),
        (r"uid=ann\,ou=People,dc=example,dc=com", False),
        ("uid=ann,ou=MyPeople,dc=example,dc=com", False),
    ],
)
def test_beneath_is_told_by_whole_parts_of_the_name(name: str, is_below: bool) -> None:
    assert dn.is_below(name, "ou=People,dc=example,dc=com") is is_below


@pytest.mark.parametrize("text", ["", "ann", "uid=ann,,dc=com", "=ann", r"uid\=ann"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="distinguished name"):
        dn.parse(text)


@pytest.mark.parametrize(
    "name", ["CN=Ann Smith, OU=Staff ,DC=com", "cn=a=b,dc=com", "cn=#04024869,dc=com", "cn=,dc=com"]
)
def test_a_name_without_escapes_is_read_as_one_with_them(name: str) -> None:
    assert dn.parse(name) == dn.parse(f"cn=\\61,{name}")[1:]
