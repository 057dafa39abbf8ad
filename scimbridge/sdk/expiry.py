"""What a target's credentials hang on, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scimbridge.sdk.errors import TargetUnusableError


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something without which a target cannot be used any more.

    Attributes:
        what: As the subject of a sentence: "the secret of the application".
        ends_at: When it ends (UTC); ``None`` where it never does.
    """

    what: str
    ends_at: datetime | None


def expiry_of(what: str, certificate: Path) -> Expiry:
    """Return when the first certificate in a PEM file ends.

    Raises:
        TargetUnusableError: There is none in it.
    """
    return Expiry(what, validity_of(certificate.read_bytes())[1])


def validity_of(pem: bytes) -> tuple[datetime, datetime | None]:
    """Return from when and until when the first certificate of a PEM text is valid (UTC); ``None`` is for ever.

    Raises:
        TargetUnusableError: There is none in it.
    """
    from cryptography import x509  # only who checks needs it

    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise TargetUnusableError("there is no certificate where one is expected (PEM)") from None
    ends_at = certificate.not_valid_after_utc
    # RFC 5280 section 4.1.2.5: the last second of the year 9999 says that there is no end.
    return certificate.not_valid_before_utc, ends_at if ends_at.year < 9999 else None
