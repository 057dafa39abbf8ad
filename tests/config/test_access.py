"""How sources show who they are, as the file says it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from scimbridge.config.problems import spell
from scimbridge.config.values import SLOWEST
from scimbridge.domain.access import DEFAULT_ACCESS, Login, TrustedIssuer
from tests.config.conftest import GOOD, Load, Problems

JWT = """
[sources.{name}.jwt]
issuer = "https://login.example.com/"
audience = "{audience}"
jwks_url = "https://login.example.com/keys"
"""
PASSWORD = "correct-horse-battery-staple"


def a_jwt(name: str = "okta", audience: str = "bridge") -> str:
    return JWT.format(name=name, audience=audience)


@pytest.mark.parametrize("name", ["Entra ID", "-okta", "a/b", "ö", "x" * 65])
def test_a_name_that_no_token_can_be_made_for_is_refused(problems_of: Problems, name: str) -> None:
    problems = problems_of(GOOD + a_jwt(f'"{name}"'))

    assert set(problems) == {spell(("sources", name))}
    assert 'take another name: letters, digits, ".", "_" and "-"' in problems[spell(("sources", name))]


def test_everything_about_access_becomes_values(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")

    settings = load_text(
        GOOD.replace("[sources.okta]", "")
        + """
        [server]
        trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1"]
        [sources.okta]
        token_lifetime = "180d"
        allow_from = ["192.0.2.0/24", "2001:db8::/32"]
        rate_limit = "1800/m"
        [sources.okta.basic]
        username = "okta"
        password = { env = "APP_TOKEN" }
        [sources.okta.jwt]
        issuer = "https://login.example.com/"
        audience = ["one", "two"]
        jwks_file = "keys.json"
        scope = "scim"
        claims = { roles = "provisioning" }
        algorithms = ["ES256"]
        """
    )

    access = settings.access["okta"]
    assert settings.server.trusted_proxies == tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "::1")))
    assert access.allow_from == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert access.rate == 30.0
    assert access.login == Login("okta", PASSWORD)
    assert access.issuer == TrustedIssuer(
        issuer="https://login.example.com/",
        audiences=("one", "two"),
        keys_at=tmp_path / "keys.json",
        algorithms=("ES256",),
        scope="scim",
        claims={"roles": "provisioning"},
    )
    assert settings.sources["okta"].token_lifetime is not None
    assert PASSWORD not in repr(settings)
    assert settings.warnings == ()


def test_what_is_not_written_is_not_asked_for(load_text: Load) -> None:
    settings = load_text(GOOD + a_jwt())

    issuer = settings.access["okta"].issuer
    assert issuer is not None
    assert (issuer.algorithms, issuer.scope, issuer.claims) == (("RS256", "PS256", "ES256"), None, {})
    assert settings.server.trusted_proxies == ()
    assert load_text(GOOD).access["okta"] == DEFAULT_ACCESS


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ('[server]\ntrusted_proxies = ["proxy"]', "server.trusted_proxies[0]", "10.0.0.0/8"),
        ('[sources.okta]\nallow_from = ["10.0.0.1/8"]', "sources.okta.allow_from[0]", "10.0.0.0/8"),
        ('[sources.okta]\nallow_from = "10.0.0.0/8"', "sources.okta.allow_from", "must be a list"),
        ('[sources.okta]\nrate_limit = "50"', "sources.okta.rate_limit", '"50/s"'),
        ("[sources.okta]\nrate_limit = 50", "sources.okta.rate_limit", "must be a string"),
        ('[sources.okta]\nrate_limit = "24/s"', "sources.okta.rate_limit", f'at least "{SLOWEST}/s"'),
        ('[sources.okta]\ntoken_lifetime = "0s"', "sources.okta.token_lifetime", "more than"),
        ('[sources.okta]\ntoken_lifetime = "soon"', "sources.okta.token_lifetime", "90d"),
        ("[sources.okta.jwt]", "sources.okta.jwt.issuer", "is missing"),
        (f"{a_jwt()}jwks_file = 'scimbridge.toml'", "sources.okta.jwt", "one of jwks_url and jwks_file"),
        (a_jwt().replace("jwks_url", "#"), "sources.okta.jwt", "one of jwks_url and jwks_file"),
        (a_jwt().replace("https://login.example.com/keys", "http://login"), "sources.okta.jwt.jwks_url", "https"),
        (a_jwt().replace("jwks_url", "jwks_file"), "sources.okta.jwt.jwks_file", "cannot read"),
        (f"{a_jwt()}algorithms = ['HS256']", "sources.okta.jwt.algorithms[0]", "RS256"),
        (f"{a_jwt()}algorithms = ['none']", "sources.okta.jwt.algorithms[0]", "RS256"),
        (f"{a_jwt()}algorithms = []", "sources.okta.jwt.algorithms", "must not be empty"),
        (f"{a_jwt()}clams = {{}}", "sources.okta.jwt.clams", 'did you mean "claims"?'),
        ("[sources.okta.basic]\nusername = 'a:b'", "sources.okta.basic.username", "cannot stand there"),
        ("[sources.okta.basic]\npassword = 'short'", "sources.okta.basic.password", "16 characters"),
        ("[sources.okta.basic]\npassword = { env = 'NO' }", "sources.okta.basic.password", "NO is not set"),
    ],
)
def test_a_mistake_is_reported_with_its_path_and_what_to_write(
    problems_of: Problems, text: str, path: str, says: str
) -> None:
    assert says in problems_of(text)[path]


def test_one_name_is_of_one_source(problems_of: Problems) -> None:
    basic = "[sources.{}.basic]\nusername = 'idp'\npassword = {{ env = 'APP_TOKEN' }}\n"

    problems = problems_of(basic.format("one") + basic.format("two"))

    assert "sources.one" in problems["sources.two.basic.username"]


def test_one_token_is_of_one_source(problems_of: Problems) -> None:
    problems = problems_of(a_jwt("one") + a_jwt("two"))

    assert "sources.one.jwt" in problems["sources.two.jwt"]


@pytest.mark.parametrize(
    "second",
    [
        a_jwt("two", audience="other"),
        a_jwt("two") + 'claims = { tid = "2" }',
        a_jwt("two").replace('https://login.example.com/"', 'https://other.example.com/"'),
    ],
)
def test_tokens_that_differ_are_of_their_sources(load_text: Load, second: str) -> None:
    settings = load_text(a_jwt("one") + 'claims = { tid = "1" }\n' + second)

    assert set(settings.access) == {"one", "two"}


def test_a_password_in_the_file_is_worth_a_warning(load_text: Load) -> None:
    settings = load_text(f"{GOOD}[sources.okta.basic]\nusername = 'okta'\npassword = '{PASSWORD}'")

    (warning,) = settings.warnings
    assert warning.path == "sources.okta.basic.password"
    assert PASSWORD not in warning.message
