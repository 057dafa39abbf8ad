"""What vendors' documentation says of their SCIM services, read from ``vendors.toml``.

It is written from the pages themselves, and not from the connector's dialects, so that both can disagree.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Habits(BaseModel):
    """One vendor's service; where a key is absent, it keeps to RFC 7643 and RFC 7644, and has all of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    describes_itself: bool = True
    """Whether there are ServiceProviderConfig, ResourceTypes and Schemas."""

    methods: tuple[str, ...] = ("GET", "PUT", "PATCH", "DELETE")
    """What users can be asked."""

    bulk: int = 0
    """How many operations one bulk request may have; 0 where there is no bulk."""

    versions: bool = False
    """Whether users have versions, and If-Match is looked at."""

    error: Literal["scim", "slack"] = "scim"
    """What errors look like."""

    wants_user_agent: bool = False
    wants_scim_answers: bool = False
    """Whether Accept has to name ``application/scim+json``."""

    attributes: tuple[str, ...] | None = None
    """What is stored of a user; ``None`` for all."""

    patchable: tuple[str, ...] | None = None
    """What of it PATCH changes; ``None`` for all."""

    other_attributes: Literal["refused", "ignored"] = "refused"
    """What becomes of a PATCH of others."""

    paths_with_filters: Literal["meant", "ignored"] = "meant"
    """What ``roles[value eq "x"]`` does in a PATCH of a user."""

    operations: tuple[str, ...] = ("add", "replace", "remove")

    active_by: tuple[str, ...] = ("path", "value")
    """How PATCH takes ``active``."""

    inactive: Literal["suspended", "removed"] = "suspended"
    """What comes of ``active`` being false."""

    renames_inactive: bool = False
    """Whether the user name is another one meanwhile."""

    delete: Literal["removes", "deactivates", "hides", "refused"] = "removes"
    """What DELETE does; ``hides``: the account is deactivated, and unknown from then on."""

    user_filters: tuple[str, ...] | None = None
    """What users can be searched by; ``None`` for everything."""

    group_filters: tuple[str, ...] | None = None
    """What groups can be searched by, likewise."""

    operators: tuple[str, ...] = ("eq", "gt")

    other_filters: Literal["refused", "empty", "everything"] = "refused"
    """What is answered to other attributes; other operators are refused where attributes are."""

    names_in_filters: dict[str, str] = {}
    """Attributes as filters call them, and as documents do."""

    page: int = 100
    """The most that one answer lists."""

    count: Literal["obeyed", "fails"] = "obeyed"
    paging: Literal["index", "cursor"] = "index"
    total: Literal["told", "of this page and one more"] = "told"

    groups: Literal["shown", "hidden", "none"] = "shown"
    """Whether there are groups, and whether they tell their members."""

    tells_groups_of_users: bool = True
    joining_by: tuple[str, ...] = ("path", "value")
    leaving_by: tuple[str, ...] = ("filter",)
    can_be_emptied: bool = True
    """Whether one operation may take out or replace all members."""

    knows_members: bool = True
    """Whether ids that nobody has are refused as members."""

    max_members: int | None = None
    """How many changes of members one request may have."""

    entitlements: bool = True
    roles: bool = True

    @property
    def marks(self) -> str | None:
        """Where a mark can stand."""
        stored = self.patchable or self.attributes
        return next((each for each in ("title", "nickName") if stored is None or each in stored), None)


@cache
def vendors() -> dict[str, Habits]:
    """Return the habits of all vendors, by the name of the connector's dialect for them."""
    text = Path(__file__).with_name("vendors.toml").read_text(encoding="utf-8")
    return {name: Habits.model_validate(told) for name, told in tomllib.loads(text).items()}
