"""A configuration to start from, and a way to load changes of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scimbridge.config import Settings, load
from scimbridge.errors import ConfigurationError

GOOD = """
[sources.okta]

[targets.app]
connector = "scim"
base_url = "https://app.example.com/scim/v2"
token = { env = "APP_TOKEN" }

[[rules]]
name = "employees"
when = ["deactivated"]

  [[rules.stages]]
  after = "1h"
  do = ["suspend"]
"""

# Of secrets in examples, those of which more is asked than to be one.
KEY = '{"client_email": "bridge@example.com", "private_key": "secret", "token_uri": "https://example.com"}'
"""What a service account's key file is like."""

SECRETS = {
    "NOTIFY_WEBHOOK": "https://hooks.example.com/services/T0/B0/x",
    "NOTIFY_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}

SECRET = "correct-horse-battery-staple"

Load = Callable[..., Settings]
Problems = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TOKEN", SECRET)


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a configuration file of this text."""

    def load_it(text: str = GOOD, environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "scimbridge.toml"
        path.write_text(textwrap.dedent(text))
        return load(path, environ or {})

    return load_it


@pytest.fixture
def problems_of(load_text: Load) -> Problems:
    """Load a configuration with mistakes, and return their messages by path."""

    def refuse(text: str = GOOD, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        with pytest.raises(ConfigurationError) as caught:
            load_text(text, environ)
        return {problem.path: problem.message for problem in caught.value.problems}

    return refuse
