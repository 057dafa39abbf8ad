"""``[notify]``: whom the bridge tells of what it does, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from scimbridge.config.values import AttributePath, ReadableFile
from scimbridge.domain.rule import MANAGER, OWNER, WEBHOOK
from scimbridge.notices.channels import Channels, MailRoute
from scimbridge.notices.mail import Mailbox, is_address
from scimbridge.notices.payload import Format
from scimbridge.notices.rendering import Templates
from scimbridge.notices.smtp import SmtpAddress, SmtpServer
from scimbridge.notices.webhook import Webhook, check_url
from scimbridge.sdk.secret import Secret, SecretSources
from scimbridge.sdk.signing import parse_key


def _smtp(value: object) -> SmtpAddress:
    if isinstance(value, SmtpAddress):
        return value
    return SmtpAddress.parse(value if isinstance(value, str) else "")


def _mailbox(value: object) -> Mailbox:
    if isinstance(value, Mailbox):
        return value
    return Mailbox.parse(value if isinstance(value, str) else "")


def _address(value: str) -> str:
    if not is_address(value):
        raise ValueError('write an e-mail address, like "ops@example.com"')
    return value


def _sendable(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isascii():
        raise ValueError("must be ASCII; mail servers accept nothing else")
    return secret


def _webhook_url(secret: SecretStr) -> SecretStr:
    check_url(secret.get_secret_value())
    return secret


def _webhook_secret(secret: SecretStr) -> SecretStr:
    parse_key(secret.get_secret_value())
    return secret


def _folder(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path):
        raise ValueError("must be a string: the path of a folder")  # noqa: TRY004  # pydantic reports ValueError only
    base_dir = info.context.base_dir if isinstance(info.context, SecretSources) else Path.cwd()
    folder = Path(base_dir / value)
    problems = list(Templates(folder).problems())
    if problems:
        raise ValueError("; ".join(problems))
    return folder


SmtpUrl = Annotated[
    SmtpAddress,
    PlainValidator(_smtp),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["smtp://localhost:25"]}),
]
"""Where a mail server is: ``smtp://``, ``smtp+starttls://`` or ``smtps://``."""

Sender = Annotated[
    Mailbox,
    PlainValidator(_mailbox),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["scimbridge@example.com"]}),
]
"""An address, or ``Name <address>``."""

MailAddress = Annotated[str, AfterValidator(_address)]
"""An e-mail address and nothing else."""

TemplateFolder = Annotated[
    Path,
    PlainValidator(_folder),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""A folder of templates, each of which has been tried."""


class NotifyTable(BaseModel):
    """A table under ``[notify]``, or that one itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


class WebhookSection(NotifyTable):
    """A webhook that gets every alarm, and the notices of stages that name `webhook`."""

    url: Annotated[Secret, AfterValidator(_webhook_url)] = Field(examples=[{"env": "NOTIFY_WEBHOOK"}])
    """Where notices are posted; https, or http on this machine. Slack's and Teams' addresses let everybody post who
    knows them: write `{ env = "NAME" }` or `{ file = "PATH" }`."""

    format: Format = Format.PLAIN
    """What it understands: `slack`, `teams` (a workflow that posts to a channel), or `plain` JSON."""

    secret: Annotated[Secret, AfterValidator(_webhook_secret)] | None = None
    """Signs what is posted, as Standard Webhooks has it: `whsec_` and 24 to 64 random bytes in base64. Not signed where
    absent."""

    ca_file: ReadableFile | None = None
    """Certificates to trust instead of the public ones, in PEM."""


class NotifySection(NotifyTable):
    """How people are told: the action `notify`, and alarms for operators."""

    smtp: SmtpUrl | None = Field(default=None, examples=["smtp+starttls://mail.example.com:587"])
    """The mail server: `smtp://HOST:25`, `smtp+starttls://HOST:587` or `smtps://HOST:465`. No mail where absent."""

    sender: Sender | None = Field(default=None, alias="from", examples=["scimbridge@example.com"])
    """From whom mail is, as an address or `Name <address>`."""

    reply_to: Sender | None = None
    """Who reads answers; nobody needs to where absent."""

    user: str | None = Field(default=None, min_length=1, pattern=r"^[\x21-\x7e]+$")
    """The login at the mail server, where it wants one."""

    password: Annotated[Secret, AfterValidator(_sendable)] | None = None
    """Its password: `{ env = "NAME" }` or `{ file = "PATH" }`."""

    ca_file: ReadableFile | None = None
    """Certificates to trust at the mail server instead of the public ones, in PEM."""

    templates: TemplateFolder | None = None
    """A folder with templates that replace ours of the same name, like `leaver.txt`. They are tried when the
    configuration is read."""

    operators: list[MailAddress] = Field(default=[], examples=[["ops@example.com"]])
    """Who gets alarms: the guard has tripped, a target is paused, a deadline is missed."""

    owner: AttributePath | None = None
    """The attribute that names the owner of a service account, by id, userName or e-mail address. Where absent, the
    owner is the manager."""

    webhook: WebhookSection | None = None
    """A webhook; see `[notify.webhook]`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.smtp is None and self.webhook is None:
            raise ValueError("names no way to send: write smtp or [notify.webhook]")
        if self.smtp is not None and self.sender is None:
            raise ValueError("from is missing: mail needs a sender")
        if self.smtp is None and (self.operators or self.user is not None):
            raise ValueError("smtp is missing: there is no mail server to send through")
        if (self.user is None) != (self.password is None):
            raise ValueError("write both user and password, or neither")
        if self.smtp is not None and self.user is not None and not self.smtp.is_private:
            raise ValueError("the password would cross the network unencrypted; use smtp+starttls:// or smtps://")
        return self


def channels_of(section: NotifySection, public_url: str) -> Channels:
    """Return the ways out that the configuration names.

    Args:
        section: ``[notify]``.
        public_url: Where the dashboard is, without a slash at its end.
    """
    return Channels(
        public_url=public_url,
        mail=_mail_route(section),
        webhook=_webhook_of(section.webhook) if section.webhook is not None else None,
        templates=Templates(section.templates),
        operators=tuple(section.operators),
        owner=section.owner,
    )


def _mail_route(section: NotifySection) -> MailRoute | None:
    if section.smtp is None or section.sender is None:
        return None
    server = SmtpServer(
        address=section.smtp,
        user=section.user,
        password=section.password.get_secret_value() if section.password is not None else None,
        ca_file=section.ca_file,
    )
    return MailRoute(server=server, sender=section.sender, reply_to=section.reply_to)


def _webhook_of(section: WebhookSection) -> Webhook:
    return Webhook(
        url=section.url.get_secret_value(),
        format=section.format,
        key=parse_key(section.secret.get_secret_value()) if section.secret is not None else None,
        ca_file=section.ca_file,
    )


def why_untold(section: NotifySection | None, recipient: str) -> str | None:
    """Return why a recipient that a stage names cannot be told, or ``None``."""
    if section is None:
        return "needs [notify], which says how people are told"
    if recipient == WEBHOOK:
        return None if section.webhook is not None else "needs [notify.webhook]"
    if recipient not in (MANAGER, OWNER) and not is_address(recipient):
        return f'write "{MANAGER}", "{OWNER}", "{WEBHOOK}" or an e-mail address'
    return None if section.smtp is not None else "needs smtp in [notify]"
