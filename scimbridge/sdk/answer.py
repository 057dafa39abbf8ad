"""What a target has answered over HTTP, read to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scimbridge.sdk.documents import document_in
from scimbridge.sdk.errors import TargetUnusableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A target's answer, read to its end.

    Attributes:
        headers: By lower-case name.
        call: What was asked, in words for an operator.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    call: str

    def json_object(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises:
            TargetUnusableError: The body is something else, such as the page of a login or of a proxy.
        """
        document = self.json_object_or_none()
        if document is None:
            kind = self.headers.get("content-type", "").partition(";")[0].strip()[:60] or "no content type"
            raise TargetUnusableError(
                f"{self.call}: the answer {self.status} is not a JSON object ({kind}); "
                "does the address lead to the API?"
            )
        return document

    def json_object_or_none(self) -> dict[str, Any] | None:
        """Return the body's JSON object, or ``None`` where it is something else."""
        try:
            document = document_in(self.body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None
