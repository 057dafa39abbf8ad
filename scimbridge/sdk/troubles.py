"""What can go wrong below HTTP, and whether sending again is safe."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one sending led to nothing, and whether sending again is safe."""

    error: ConnectorError
    may_resend: bool = False


class AnswerTooLongError(httpx.HTTPError):
    """The answer is longer than what is read."""

    def __init__(self) -> None:
        super().__init__("the answer is too long")


class PackedError(httpx.HTTPError):
    """The answer is packed in a way that nobody asked for."""

    def __init__(self) -> None:
        super().__init__("the answer is packed")


def explain_transport(error: httpx.HTTPError, words: str, *, writes: bool) -> Failure:
    """Translate what went wrong below HTTP. Messages of the library may quote headers or bodies: they stay behind.

    Args:
        error: What the library says.
        words: What was asked, in words for an operator.
        writes: Whether the request may have changed something.
    """
    match error:
        case AnswerTooLongError():
            return Failure(RejectedError(f"{words}: the answer is longer than what is read"))
        case PackedError():
            packed = "is packed (Content-Encoding) in a way that was not asked for"
            return Failure(TargetUnusableError(f"{words}: the answer {packed}"))
        case httpx.ConnectError() if (reason := _certificate_problem(error)) is not None:
            return Failure(TargetUnusableError(f"{words}: the certificate is not trusted: {reason}"))
        case httpx.TransportError() if _wants_another_certificate(error):
            return Failure(TargetUnusableError(f"{words}: the target wants a client certificate that it trusts"))
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return Failure(RetryableError(f"{words}: cannot connect ({_reason(error)})"), may_resend=True)
        case httpx.TimeoutException():
            return Failure(RetryableError(f"{words}: no answer in time"))
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return Failure(TargetUnusableError(f"{words}: the address or the token cannot be sent in a request"))
        case _:
            broke = f"{words}: the connection broke ({type(error).__name__})"
            return Failure(RetryableError(broke), may_resend=not writes)


def _certificate_problem(error: BaseException) -> str | None:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
    return None


def _wants_another_certificate(error: BaseException) -> bool:
    """Whether the target hung up over the certificate that it was shown, or was not (RFC 8446 section 6.2)."""
    reasons = [str(cause.reason) for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
    return any("ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason) for reason in reasons)


def _reason(error: BaseException) -> str:
    """Return what the operating system says, such as "Connection refused"."""
    said = (cause.strerror for cause in _causes(error) if isinstance(cause, OSError))
    return next((text for text in said if text), "timed out" if isinstance(error, httpx.TimeoutException) else "failed")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
