"""``[operators]`` and ``[operators.oidc]``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scimbridge.domain.operator import Role
from scimbridge.domain.provider import Provider
from scimbridge.domain.session import SessionTerms
from tests.config.conftest import GOOD, Load, Problems

OIDC = """
[operators.oidc]
issuer = "https://login.example.com/realms/corp"
client_id = "scimbridge"
client_secret = { env = "OIDC_SECRET" }
roles = { viewer = ["staff"], operator = ["it"], admin = ["it-admins", "owners"] }
"""


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_SECRET", "a-secret-of-the-client")
    monkeypatch.setenv("APP_TOKEN", "correct-horse-battery-staple")


def test_without_a_table_operators_sign_in_by_what_the_bridge_keeps(load_text: Load) -> None:
    operators = load_text(GOOD).operators

    assert operators.terms == SessionTerms(length=timedelta(hours=12), idle=timedelta(hours=1))
    assert operators.provider is None


def test_a_provider_has_defaults_that_most_providers_answer(load_text: Load) -> None:
    settings = load_text(f'{GOOD}\n[operators]\nsession = "8h"\nidle = "30m"\n{OIDC}')

    assert settings.operators.terms == SessionTerms(length=timedelta(hours=8), idle=timedelta(minutes=30))
    assert settings.operators.provider == Provider(
        issuer="https://login.example.com/realms/corp",
        client_id="scimbridge",
        client_secret="a-secret-of-the-client",
        scopes=("openid", "profile", "email"),
        claim="groups",
        roles={"staff": Role.VIEWER, "it": Role.OPERATOR, "it-admins": Role.ADMIN, "owners": Role.ADMIN},
        named_by="email",
        max_age=timedelta(hours=12),
    )
    assert settings.warnings == ()
    assert "a-secret-of-the-client" not in repr(settings)


def test_a_secret_in_the_file_is_warned_about(load_text: Load) -> None:
    settings = load_text(GOOD + OIDC.replace('{ env = "OIDC_SECRET" }', '"written out"'))

    assert [each.path for each in settings.warnings] == ["operators.oidc.client_secret"]


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ("https://login", "http://login", "operators.oidc.issuer", "https"),
        ("viewer =", "king =", "operators.oidc.roles.king", "viewer"),
        ('["it"]', '["staff"]', "operators.oidc", '"staff" twice'),
        ("roles = {", 'scopes = ["email"]\nroles = {', "operators.oidc", 'needs "openid"'),
        ("roles = {", 'name = "upn"\nroles = {', "operators.oidc.name", "email"),
        ("roles = {", 'max_age = "1s"\nroles = {', "operators.oidc.max_age", "more than 1 minute"),
        ("roles = {", "x = {", "operators.oidc.roles", "is missing"),
    ],
)
def test_mistakes_are_named(problems_of: Problems, old: str, new: str, path: str, says: str) -> None:
    assert says in problems_of(GOOD + OIDC.replace(old, new, 1))[path]


@pytest.mark.parametrize(
    ("values", "role"),
    [([], None), (["unknown"], None), (["staff"], Role.VIEWER), (["owners", "staff", "x"], Role.ADMIN)],
)
def test_who_has_several_roles_gets_the_one_that_may_do_most(
    load_text: Load, values: list[str], role: Role | None
) -> None:
    provider = load_text(GOOD + OIDC).operators.provider

    assert provider is not None
    assert provider.role_of(values) == role
