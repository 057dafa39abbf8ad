"""``[hooks.NAME]``: services that rules ask before anything happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from scimbridge.config.notify import NotifyTable
from scimbridge.config.values import Duration, ReadableFile
from scimbridge.notices.webhook import check_url
from scimbridge.sdk.secret import Secret
from scimbridge.sdk.signing import parse_key


def _key(secret: SecretStr) -> SecretStr:
    parse_key(secret.get_secret_value())
    return secret


class HookSection(NotifyTable):
    """A service that rules can ask with `hook = "NAME"`, before anything happens."""

    url: Annotated[str, AfterValidator(check_url)] = Field(examples=["https://hr.example.com/scimbridge"])
    """Where the question is posted; https, or http on this machine."""

    secret: Annotated[Secret, AfterValidator(_key)] = Field(examples=[{"env": "HOOK_SECRET"}])
    """Signs the question, as Standard Webhooks has it: `whsec_` and 24 to 64 random bytes in base64."""

    timeout: Duration = Field(default=timedelta(seconds=10), examples=["10s"], gt=timedelta(), le=timedelta(seconds=60))
    """How long it may take to answer; then it counts as broken, and is asked again."""

    ca_file: ReadableFile | None = None
    """Certificates to trust instead of the public ones, in PEM."""
