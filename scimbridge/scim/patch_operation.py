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

    def as_json(self) -> dict[str, Any]:
        """Return the operation as RFC 7644 writes it."""
        operation: dict[str, Any] = {"op": self.verb, "path": str(self.path)}
        if self.has_value:
            operation["value"] = self.value
        return operation
