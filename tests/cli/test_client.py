"""OAuth clients: made in such a way that a script can take them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jwk

from tests.cli.conftest import Terminal

KEY = jwk.ECKey.generate_key("P-256")


@pytest.fixture
def pem(config: Path) -> Path:
    path = config.parent / "client.pem"
    path.write_bytes(KEY.as_pem(private=False))
    return path


def test_the_secret_is_alone_on_the_last_line(terminal: Terminal) -> None:
    shown = terminal.run("client", "create", "okta")

    client_id, secret = shown.stdout.splitlines()
    assert secret.startswith("scs_")
    assert secret not in shown.stderr
    assert "http://127.0.0.1:8085/oauth/token" in shown.stderr
    assert terminal.read("client", "list") == [
        {
            "id": client_id,
            "source": "okta",
            "method": "client_secret",
            "created_at": "2026-03-02T09:00:00.000Z",
            "last_used_at": None,
            "revoked_at": None,
        }
    ]
    assert secret not in terminal.run("client", "list").stdout


def test_a_client_with_a_key_of_its_own_has_no_secret(terminal: Terminal, pem: Path) -> None:
    shown = terminal.run("client", "create", "okta", "--public-key", str(pem))

    (listed,) = terminal.read("client", "list")
    assert shown.stdout.splitlines() == [listed["id"]]
    assert listed["method"] == "private_key_jwt"
    assert "a signature" in terminal.run("client", "list").stdout


def test_keys_may_be_a_jwk_set(terminal: Terminal, config: Path) -> None:
    path = config.parent / "keys.json"
    path.write_text(json.dumps(jwk.KeySet([KEY]).as_dict(private=False)))

    terminal.run("client", "create", "okta", "--jwks", str(path))

    assert terminal.read("client", "list")[0]["method"] == "private_key_jwt"


def test_a_private_key_is_refused(terminal: Terminal, pem: Path) -> None:
    pem.write_bytes(KEY.as_pem(private=True))

    result = terminal.run("client", "create", "okta", "--public-key", str(pem), code=1)

    assert "holds a private key" in result.stderr
    assert terminal.read("client", "list") == []


def test_one_kind_of_key_is_enough(terminal: Terminal, pem: Path) -> None:
    terminal.run("client", "create", "okta", "--public-key", str(pem), "--jwks", str(pem), code=2)

    assert not (terminal.config.parent / "data").exists()


def test_a_file_that_is_not_there_is_wrong_usage(terminal: Terminal) -> None:
    result = terminal.run("client", "create", "okta", "--jwks", "none.json", code=2)

    assert "none.json" in result.stderr
    assert not (terminal.config.parent / "data").exists()


def test_a_client_is_revoked_once(terminal: Terminal) -> None:
    client_id = terminal.run("client", "create", "okta").stdout.splitlines()[0]

    assert terminal.run("client", "revoke", client_id).stdout == "Revoked a client of okta.\n"

    assert terminal.read("client", "list")[0]["revoked_at"] == "2026-03-02T09:00:00.000Z"
    assert (
        terminal.run("client", "revoke", client_id, code=1).stderr
        == f"Error: no live client '{client_id}' (`scimbridge client list` shows what there is)\n"
    )
