"""Connections to Redis, with the time limits that each use needs."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

QUICK = 0.25
"""Seconds a submission waits for Redis. The identity provider's answer does not wait for it at all."""

PATIENT = 2.0
"""Seconds the crew waits before it takes Redis for dead, and works from SQL."""


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
