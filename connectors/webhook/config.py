"""What a webhook target can be told: each call, and where its answer tells what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

from connectors.webhook.pointers import Pointer, at
from connectors.webhook.templates import refuse_unknown
from scimbridge.sdk import Action, Secret, TargetConfig
from scimbridge.sdk.config import Matchable
from scimbridge.sdk.fields import ApiAddress, ExistingFile
from scimbridge.sdk.relaying import RelayedAction
from scimbridge.sdk.secret import SecretSources
from scimbridge.sdk.signing import parse_key

Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scalar = bool | int | str | None


def _header(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+( [!-~]+)*", value.get_secret_value()):
        raise ValueError("must be printable ASCII in one line")
    return value


def _key(value: SecretStr) -> SecretStr:
    parse_key(value.get_secret_value())
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or "#" in value:
        raise ValueError('write a path that is appended to base_url, like "/users/{{ account.id }}"')
    return value


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^`|~\w-]+", value, re.ASCII) or value.lower() in _NOT_OURS:
        raise ValueError(f"{value!r} is not the name of a header that can be set; write one like X-Api-Key")
    return value


def _header_text(value: str) -> str:
    return _header(SecretStr(value)).get_secret_value() if value else value


_NOT_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding"})
"""Headers that belong to the connection."""

HeaderSecret = Annotated[Secret, AfterValidator(_header)]
HeaderName = Annotated[str, AfterValidator(_header_name)]


class Section(BaseModel):
    """A table within the target's."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


class Told(Section):
    """Something that is so where an answer has certain values at a place."""

    at: Pointer
    """Where it is told, like `/status`."""

    values: list[Scalar] = [True]
    """The values that say so; any other says that it is not so."""

    def is_so_in(self, document: Any) -> bool | None:
        """Whether it is so; ``None`` where the document does not tell."""
        value = at(document, self.at)
        if not isinstance(value, bool | int | str | None):
            return None
        return any(type(value) is type(each) and value == each for each in self.values)


class Gone(Section):
    """The answer that says: there is no such account (any more)."""

    status: list[int] = [404, 410]
    """Its statuses."""

    told: Told | None = None
    """What its JSON has to say, so that a wrong path is never taken for an account that is gone."""


class Entitlements(Section):
    """A list of groups or licenses within an account."""

    at: Pointer
    """Where the list is, like `/teams`."""

    id: Pointer = "/id"
    """Where in each of them its id is; empty where each is just a text."""

    name: Pointer | None = None
    """Where its name is; the id where absent."""

    privileged: Told | None = None
    """What says that it gives power over others. Whoever has such a group is for a person to decide about."""


class AccountMap(Section):
    """Where an account's document tells what."""

    id: Pointer = "/id"
    """Its immutable id: one that survives renames, and is never given to somebody else."""

    name: Pointer
    """What people call it."""

    suspended: Told | None = None
    """What says that nobody can sign in."""

    archived: Told | None = None
    """What says that its data is archived."""

    groups: Entitlements | None = None
    """Its groups or roles."""

    licenses: Entitlements | None = None
    """Its licenses or seats."""

    protected: Told | None = None
    """What says that only a person may decide about it: an owner, a super administrator."""


class Call(Section):
    """One call, whatever it is for."""

    names: ClassVar[tuple[str, ...]] = ()
    """What its templates may use."""

    method: Verb = "GET"
    """How it is sent."""

    path: Annotated[str, AfterValidator(_path)]
    """Appended to `base_url`; a template, in which each value is quoted."""

    body: dict[str, Any] | list[Any] | None = None
    """JSON whose strings are templates; one that is a single `{{ … }}` becomes the value itself."""

    headers: dict[HeaderName, Annotated[str, AfterValidator(_header_text)]] = {}
    """Further headers; none of them a secret."""

    @model_validator(mode="after")
    def _uses_what_there_is(self) -> Self:
        refuse_unknown([self.path, self.body], self.names)
        return self


class CheckCall(Call):
    """A call that works whenever address and credentials are right."""


class FindCall(Call):
    """The call that looks for a person's account."""

    names = ("value", "attribute")

    at: Pointer = ""
    """Where the answer has the accounts: a list, or one object."""

    none: list[int] = []
    """Statuses that say "nobody", besides an empty list; such as 404."""


class ReadCall(Call):
    """The call that tells an account's state."""

    names = ("account",)

    at: Pointer = ""
    """Where the answer has the account."""


class VerifyCall(Call):
    """The call that tells whether an action was done, where the account's own document does not."""

    names = ("account", "successor")

    told: Told
    """What its JSON says once it is done."""


class ActionCall(Call):
    """The call that performs an action."""

    names = ("account", "items", "item", "successor")

    method: Verb = "POST"

    each: bool = False
    """One call for each group or license, with `item`; otherwise one call with all `items`."""

    expect: list[int] = []
    """Statuses that say that it was accepted; any 2xx where empty."""

    told: Told | None = None
    """What its JSON has to say beside."""

    verify: VerifyCall | None = None
    """Asked afterwards whether it was done, where `read` does not tell; until it says so, the action is tried again."""


class WebhookConfig(TargetConfig):
    """Settings of a webhook target."""

    model_config = ConfigDict(hide_input_in_errors=True)  # an error would quote credentials

    match: dict[Matchable, Pointer] = Field(default={"userName": "/userName"}, min_length=1)
    """How accounts are found: SCIM attribute = where an account's document has it (`/login`), tried in order."""

    base_url: ApiAddress
    """Where paths are appended, e.g. `https://crm.example.com/api`; https, or http on this machine."""

    token: HeaderSecret | None = None
    """Sent as `Authorization: Bearer …`."""

    basic_user: str | None = None
    """With `basic_password`, sent as `Authorization: Basic …`."""

    basic_password: Secret | None = None
    """The password of `basic_user`."""

    secret_headers: Mapping[HeaderName, HeaderSecret] = Field(default_factory=dict)
    """Further headers with secrets, e.g. `{ X-Api-Key = { env = "CRM_KEY" } }`."""

    signing_secret: Annotated[Secret, AfterValidator(_key)] | None = None
    """Signs each call, as Standard Webhooks has it: `whsec_` and 24 to 64 random bytes in base64."""

    ca_file: ExistingFile | None = None
    """Certificates to trust instead of the public ones (PEM)."""

    timeout: int = Field(default=20, ge=1, le=300)
    """How long one call may take in all, in seconds."""

    check: CheckCall
    """A call that works whenever address and credentials are right. It is made, too, before an account is taken for
    gone."""

    find: FindCall
    """The call that looks for a person's account, with `value`, and with `attribute` from the left side of `match`."""

    account: AccountMap
    """Where an account's document tells what; in answers to `find` and `read`."""

    read: ReadCall | None = None
    """The call that tells an account's state. Without it nothing that is done can be verified."""

    gone: Gone | None = None
    """The answer that says that there is no such account; no answer says so where absent."""

    actions: dict[RelayedAction, ActionCall] = Field(min_length=1)
    """The call of each action. One that is not here cannot be done at this target."""

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        if (self.basic_user is None) != (self.basic_password is None):
            raise ValueError("write both basic_user and basic_password, or neither")
        if self.token is not None and self.basic_user is not None:
            raise ValueError("write token, or basic_user and basic_password")
        return self

    @model_validator(mode="after")
    def _can_be_proven(self, info: ValidationInfo) -> Self:
        for action in self.actions:
            if lack := self._lack(Action(action)):
                raise ValueError(f"actions.{action} needs {lack}")
        unproven = sorted(self.unverified)
        if unproven and isinstance(info.context, SecretSources):
            what = f"{', '.join(unproven)} cannot be verified: the target is taken at its word, and the history says so"
            info.context.warn("read" if self.read is None else "account", what)
        return self

    @property
    def unverified(self) -> frozenset[Action]:
        """The actions whose effect no call tells."""
        return frozenset(Action(action) for action in self.actions if not self._tells(Action(action)))

    def _tells(self, action: Action) -> bool:
        if self.actions[action.value].verify is not None:  # type: ignore[index]  # one of its own keys
            return True
        return self._shows(action)

    def _shows(self, action: Action) -> bool:
        """Whether an account's document tells it."""
        if self.read is None:
            return False
        return action is Action.DELETE or _TOLD_BY.get(action) in self.account.model_fields_set

    def _lack(self, action: Action) -> str:
        """Return what is missing for an action that nobody could do rightly blindly."""
        if action is Action.DELETE and (self.read is None or self.gone is None):
            return "read and gone: what cannot be looked up cannot be proven deleted"
        part = _TOLD_BY.get(action)
        if action in _NEED_TO_KNOW and not self._shows(action):
            return f"read and account.{part}: without them nobody knows what there was before"
        return ""


_TOLD_BY = {
    Action.SUSPEND: "suspended",
    Action.RESTORE: "suspended",
    Action.ARCHIVE: "archived",
    Action.REMOVE_FROM_GROUPS: "groups",
    Action.ADD_TO_GROUPS: "groups",
    Action.RELEASE_LICENSES: "licenses",
    Action.ASSIGN_LICENSES: "licenses",
}
"""What part of an account tells whether an action is done."""

_NEED_TO_KNOW = frozenset(_TOLD_BY) - {Action.SUSPEND, Action.ARCHIVE}
