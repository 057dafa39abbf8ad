"""One operation of a PATCH message (RFC 7644 §3.5.2), understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scim2_models import Path


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with a path.

    Attributes:
        verb: ``add``, ``remove`` or ``replace``.
        sent_verb: As the client spelled it.
        path: Where it applies; its text never is empty.
        value: ``None`` also where there is none.
        from_value: The path was a key of the value of an operation without a path.
    """

    verb: str
    sent_verb: str
    path: Path[Any]
    value: Any
    has_value: bool
    from_value: bool

    @property
    def name(self) -> str:
        """What it is about, without filter and URN."""
        return ".".join(self.path.parts)

    @property
    def attribute(self) -> str:
        """The name of the attribute, without sub-attribute, filter and URN, in lower case."""
        return self.path.parts[0].lower() if self.path.parts else ""

    @property
    def sub_attribute(self) -> str:
        """The name of the sub-attribute in lower case, or an empty string."""
        return self.path.parts[1].lower() if len(self.path.parts) > 1 else ""

    @property
    def is_known(self) -> bool:
        """Whether the resource type has what the path names."""
        return self.path.model is not None or self.path.resolve() is not None

    @property
    def is_multivalued(self) -> bool:
        """Whether the attribute has several values; also where the path leads to a part of each."""
        binding = self.path.resolve()
        return binding is not None and binding.is_multivalued

    @property
    def is_part_of_entries(self) -> bool:
        """Whether it writes a part of each of an attribute's entries, like ``emails.value``."""
        is_written = self.verb != "remove" and self.value is not None
        return is_written and bool(self.sub_attribute) and self.path.value_filter is None and self.is_multivalued

    @property
    def is_whole(self) -> bool:
        """Whether it is about all of an attribute, and not about entries that are chosen, or their parts."""
        is_chosen = self.path.value_filter is not None or (self.verb == "remove" and self.value is not None)
        return not is_chosen and not self.sub_attribute

    def as_json(self) -> dict[str, Any]:
        """Return the operation as RFC 7644 writes it."""
        operation: dict[str, Any] = {"op": self.verb, "path": str(self.path)}
        if self.has_value:
            operation["value"] = self.value
        return operation
