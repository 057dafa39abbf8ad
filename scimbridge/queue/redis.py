"""Connections to Redis, with the time limits that each use needs."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from scimbridge.errors import QueueError

QUICK = 0.25
"""Seconds a submission waits for Redis. The identity provider's answer does not wait for it at all."""

PATIENT = 2.0
"""Seconds the crew waits before it takes Redis for dead, and works from SQL."""


def ping(url: str) -> None:
    """Make sure that Redis answers.

    Raises:
        QueueError: It does not; the message says why, without the password.
    """
    client = connect(url, timeout=PATIENT)
    try:
        client.ping()
    except RedisError as error:
        raise QueueError(f"Redis does not answer: {reason_of(error)}") from error
    finally:
        client.close()


def reason_of(error: Exception) -> str:
    """Return why Redis does not answer, on one line. The client's messages have no password."""
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


def connect(url: str, *, timeout: float) -> Redis:
    """Return a client for ``redis://``, ``rediss://`` or ``unix://``; it connects when first used.

    Args:
        url: Where Redis is.
        timeout: Seconds for connecting, and for each answer.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    return client
