"""What vendors do otherwise than the standard, one file of data for each.

A file in ``dialects`` is all that a vendor needs; its name is what ``dialect`` says in a configuration.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from scim2_models import ScimFilter

from scimbridge.sdk import Action

_FOLDER = resources.files("connectors.scim").joinpath("dialects")


class Dialect(BaseModel):
    """The habits of one vendor's service; where a key is absent, it keeps to the standard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    """What the vendor calls it."""

    base_url: str | None = None
    """What ``base_url`` looks like there; capitals stand for what is the customer's own."""

    documentation: tuple[str, ...] = Field(min_length=1)
    """Where the vendor says what stands here."""

    tried: str | None = None
    """Which version this was tried with, where the service can be had."""

    lacks: dict[Action, str] = {}
    """What cannot be done, and why, as part of a sentence."""

    without: dict[Literal["groups", "roles", "entitlements", "stamp_attribute"], str] = {}
    """What no target there can be told to look at, and why, as part of a sentence."""

    texts: tuple[str, ...] | None = None
    """In which attributes alone a mark can stand; ``None`` where the vendor does not say."""

    searched_by: tuple[str, ...] | None = None
    """By which attributes alone accounts can be searched for; ``None`` where the vendor does not say."""

    asked_as: dict[str, str] = {}
    """What filters call an attribute that has another name in documents."""

    update: Literal["auto", "patch", "put"] = "auto"
    """How accounts are changed, unless a configuration says otherwise."""

    active: Literal["path", "value"] = "path"
    """How a PATCH names ``active``: by its path, or within a value without a path."""

    joining_by: Literal["path", "value", "nested"] = "path"
    """How a PATCH names who joins a group: by the path ``members``, within a value without a path, or both."""

    leaving_by: Literal["filter", "list", "nested"] = "filter"
    """How a PATCH names who leaves a group: ``members[value eq "…"]``, ``members`` with a list of values, or
    ``members`` with an object that has such a list.

    By the standard, both of the latter take everybody out: only for who is documented to do otherwise.
    """

    members_filter: str | None = None
    """A filter that finds the groups of a member, ``{id}`` being its id in quotes, and that is to be believed."""

    max_members: int = Field(default=100, ge=1)
    """How many members one PATCH may put into a group, or take out of it."""

    count: bool = True
    """Whether lists may be told by ``count`` how many to send; some answer 500 to it."""

    paging: Literal["index", "cursor"] = "index"
    """Whether lists count their pages, or have to be asked for cursors (RFC 9865)."""

    rate_limit: str | None = None
    """What ``rate_limit`` should say there, by what the vendor says."""

    quirks: tuple[str, ...] = ()
    """What else an operator has to know, in whole sentences."""

    @field_validator("documentation")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(each.startswith("https://") for each in value):
            raise ValueError("write addresses that begin with https://")
        return value

    @field_validator("members_filter")
    @classmethod
    def _asks_for_one(cls, value: str | None) -> str | None:
        if value is not None and value.count("{id}") != 1:
            raise ValueError("write {id} where the id of the member stands, once")
        return value

    def refusal(self, setting: str, value: Any) -> str:
        """Return why a setting of a target cannot be had there, as a sentence; empty where it can."""
        if not value or value == "off":
            return ""
        why = next((text for name, text in self.without.items() if name == setting), None)
        if why is not None:
            return f"leave it out: {why} ({self.title})"
        if setting == "stamp_attribute" and self.texts is not None and value not in self.texts:
            return f"write one of {', '.join(self.texts)}: a mark can stand in no other ({self.title})"
        return ""

    def setting(self, *, active: bool) -> dict[str, Any]:
        """Return the operation that sets ``active``."""
        if self.active == "value":
            return {"op": "replace", "value": {"active": active}}
        return {"op": "replace", "path": "active", "value": active}

    def joining(self, *user_ids: str) -> dict[str, Any]:
        """Return the operation that puts people into a group."""
        members = [{"value": each} for each in user_ids]
        match self.joining_by:
            case "path":
                return {"op": "add", "path": "members", "value": members}
            case "value":
                return {"op": "add", "value": {"members": members}}
            case "nested":
                return {"op": "add", "path": "members", "value": {"members": members}}

    def leaving(self, *user_ids: str) -> list[dict[str, Any]]:
        """Return the operations that take people out of a group."""
        members = [{"value": each} for each in user_ids]
        match self.leaving_by:
            case "filter":
                return [{"op": "remove", "path": f"members[value eq {ScimFilter.quote(each)}]"} for each in user_ids]
            case "list":
                return [{"op": "remove", "path": "members", "value": members}]
            case "nested":
                return [{"op": "remove", "path": "members", "value": {"members": members}}]


@cache
def names() -> tuple[str, ...]:
    """Return what ``dialect`` may say; the standard comes first."""
    found = {each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml")}
    return ("standard", *sorted(found - {"standard"}))


@cache
def dialect(name: str) -> Dialect:
    """Return one of ``names``."""
    return Dialect.model_validate(tomllib.loads(_FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8")))
