"""What vendors do otherwise than the standard, one file of data for each.

A file in ``dialects`` is all that a vendor needs; its name is what ``dialect`` says in a configuration.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from scimbridge.sdk import Action

_FOLDER = resources.files("connectors.scim").joinpath("dialects")


class Dialect(BaseModel):
    """The habits of one vendor's service; where a key is absent, it keeps to the standard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    """What the vendor calls it."""

    documentation: tuple[str, ...] = Field(min_length=1)
    """Where the vendor says what stands here."""

    lacks: dict[Action, str] = {}
    """What cannot be done, and why, as part of a sentence."""

    update: Literal["auto", "patch", "put"] = "auto"
    """How accounts are changed, unless a configuration says otherwise."""

    active: Literal["path", "value"] = "path"
    """How a PATCH names ``active``: by its path, or within a value without a path."""

    members: Literal["filter", "value", "nested"] = "filter"
    """How a PATCH names who leaves a group: ``members[value eq "…"]``, ``members`` with a list of values, or
    ``members`` with an object that has such a list, in which form members are added, too.

    By the standard, both of the latter take everybody out: only for who is documented to do otherwise.
    """

    members_filter: str | None = None
    """A filter that finds the groups of a member, ``{id}`` being its id in quotes, and that is to be believed."""

    count: bool = True
    """Whether lists may be told by ``count`` how many to send; some answer 500 to it."""

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

    def setting(self, *, active: bool) -> dict[str, Any]:
        """Return the operation that sets ``active``."""
        if self.active == "value":
            return {"op": "replace", "value": {"active": active}}
        return {"op": "replace", "path": "active", "value": active}

    def joining(self, user_id: str) -> dict[str, Any]:
        """Return the operation that puts somebody into a group."""
        member = [{"value": user_id}]
        return {"op": "add", "path": "members", "value": {"members": member} if self.members == "nested" else member}

    def leaving(self, user_id: str, quoted: str) -> dict[str, Any]:
        """Return the operation that takes somebody out of a group.

        Args:
            user_id: Their id.
            quoted: The same as filters have it.
        """
        if self.members == "filter":
            return {"op": "remove", "path": f"members[value eq {quoted}]"}
        return {**self.joining(user_id), "op": "remove"}


@cache
def names() -> tuple[str, ...]:
    """Return what ``dialect`` may say; the standard comes first."""
    found = {each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml")}
    return ("standard", *sorted(found - {"standard"}))


@cache
def dialect(name: str) -> Dialect:
    """Return one of ``names``."""
    return Dialect.model_validate(tomllib.loads(_FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8")))
