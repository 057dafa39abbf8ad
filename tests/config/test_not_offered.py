"""What people may well look for, and there is not, is refused with what to do instead."""

from __future__ import annotations

import pytest

from tests.config.conftest import GOOD, Problems

DIRECTORY = """
[targets.directory]
connector = "ldap"
url = "ldaps://ldap.example.com"
bind_dn = "cn=scimbridge,dc=example,dc=com"
bind_password = { env = "APP_TOKEN" }
base_dn = "dc=example,dc=com"
"""


@pytest.mark.parametrize("key", ["keytab", "kerberos", "sasl_mechanism"])
def test_kerberos_is_refused_with_what_takes_its_place(problems_of: Problems, key: str) -> None:
    problems = problems_of(f'{GOOD}{DIRECTORY}{key} = "GSSAPI"')

    assert set(problems) == {f"targets.directory.{key}"}
    assert "client_certificate" in problems[f"targets.directory.{key}"]
