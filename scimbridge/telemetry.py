"""Logs and metrics. Neither carries secrets or personal data.

A log line is an event with ids, an ``action`` and a reason bound to it. The
metrics are module-level objects with Prometheus' usual names; ``scrape`` renders
them, over all processes that share a ``scimbridge.lifetime.metrics_directory``.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TextIO

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from structlog.typing import EventDict, Processor, WrappedLogger

from scimbridge import metric_files

LEVELS = ("debug", "info", "warning", "error")

# -- metrics ------------------------------------------------------------------

metric_files.have_room()

SCIM_REQUESTS = Counter("scimbridge_scim_requests_total", "SCIM requests answered.", ["source", "method", "status"])
SCIM_REQUEST_DURATION = Histogram(
    "scimbridge_scim_request_duration_seconds",
    "Time from a SCIM request's arrival to its answer.",
    ["source", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
FAILED_AUTHENTICATIONS = Counter(
    "scimbridge_failed_authentications_total",
    "Requests that were not let in: no credential, a wrong, expired or revoked one, one without the right, "
    "an address outside of `allow_from`, or too many failures before.",
    ["reason"],
)
RATE_LIMITED = Counter(
    "scimbridge_rate_limited_requests_total", "Requests of a source above its `rate_limit`.", ["source"]
)
UNKNOWN_ATTRIBUTES = Counter(
    "scimbridge_unknown_attributes_total",
    "Attributes in requests that nobody here knows, and that were left out.",
    ["source"],
)
TASKS_FINISHED = Counter(
    "scimbridge_tasks_finished_total", "Tasks that ended an attempt, by how.", ["target", "action", "outcome"]
)
TIME_TO_REVOKE = Histogram(
    "scimbridge_time_to_revoke_seconds",
    "Time from the fact to the revocation that was read back; graces, holds and approvals included.",
    ["target", "action"],
    buckets=(1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400, 90 * 86400),
)
DEADLINES_MISSED = Counter(
    "scimbridge_deadlines_missed_total", "Tasks that were not done by their deadline.", ["target", "action"]
)
ATTEMPT_DURATION = Histogram(
    "scimbridge_attempt_duration_seconds",
    "Time that one attempt took, from claim to record.",
    ["target"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0),
)
THROTTLED = Counter("scimbridge_target_throttled_total", "Answers by which a target asked for fewer calls.", ["target"])
SUBMISSIONS = Counter(
    "scimbridge_submissions_total",
    "Accounts handed to the queue: accepted, or dropped because Redis was away.",
    ["result"],
)
NOTICES = Counter(
    "scimbridge_notices_total",
    "Notices to one person or webhook: sent, or given up.",
    ["kind", "result"],
)
SWEEP_DURATION = Histogram("scimbridge_sweep_duration_seconds", "Time that one sweep took.")
REMOVED = Counter(
    "scimbridge_retention_removed_total",
    "Records that were not kept longer; what is requests, attempts, snapshots or leavers.",
    ["what"],
)
LEASES_RESCUED = Counter("scimbridge_leases_rescued_total", "Attempts whose worker never came back.", ["target"])
FLOODS_OPENED = Counter(
    "scimbridge_floods_opened_total",
    "Times that a limit of the guard tripped; scope is overall, source or target, and subject its name.",
    ["scope", "subject", "guard_class"],
)

# What these count is in the store, so that the process that is scraped sets them from there:
# "mostrecent" is its own value, not a sum over processes.
OPEN_CASES = Gauge("scimbridge_open_cases", "Cases that have not ended.", multiprocess_mode="mostrecent")
FLOODS_OPEN = Gauge(
    "scimbridge_floods_open",
    "Floods that the guard holds and nobody has decided about.",
    multiprocess_mode="mostrecent",
)
TASKS_NEEDING_PERSON = Gauge(
    "scimbridge_tasks_needing_person",
    "Tasks that wait for somebody to decide.",
    ["target"],
    multiprocess_mode="mostrecent",
)
RUNNABLE_ACCOUNTS = Gauge(
    "scimbridge_runnable_accounts",
    "Accounts with work that may start now.",
    ["target"],
    multiprocess_mode="mostrecent",
)
OLDEST_RUNNABLE = Gauge(
    "scimbridge_oldest_runnable_seconds",
    "How long the oldest work that may start has been waiting.",
    ["target"],
    multiprocess_mode="mostrecent",
)
TOKEN_EXPIRY = Gauge(
    "scimbridge_token_expiry_seconds",
    "Seconds until the last token of a source expires; negative where it has, +Inf where one never does.",
    ["source"],
    multiprocess_mode="mostrecent",
)
TARGET_ARMED = Gauge(
    "scimbridge_target_armed",
    "1 while a target acts that is configured to observe.",
    ["target"],
    multiprocess_mode="mostrecent",
)
TARGET_PACE = Gauge(
    "scimbridge_target_pace_ratio",
    "Share of a target's rate that is used at most; below 1 for a while after it has asked for fewer calls.",
    ["target"],
    multiprocess_mode="mostrecent",
)
TARGET_PAUSED = Gauge(
    "scimbridge_target_paused", "1 where nothing is sent to a target.", ["target"], multiprocess_mode="mostrecent"
)
RECONCILIATION_FINDINGS = Gauge(
    "scimbridge_reconciliation_findings",
    "Accounts that are not as they should be, by how, as the last complete reconciliation found them.",
    ["target", "kind"],
    multiprocess_mode="mostrecent",
)
RECONCILIATION_AGE = Gauge(
    "scimbridge_reconciliation_age_seconds",
    "Seconds since a target was last reconciled completely.",
    ["target"],
    multiprocess_mode="mostrecent",
)
RECONCILIATION_OVERDUE = Gauge(
    "scimbridge_reconciliation_overdue_seconds",
    "How long a target's schedule has been asking for a reconciliation that was not completed since; +Inf where none "
    "ever was, and the last one broke off.",
    ["target"],
    multiprocess_mode="mostrecent",
)


def scrape() -> tuple[bytes, str]:
    """Return the metrics in Prometheus' text format, and its content type."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


# -- logs ---------------------------------------------------------------------

REDACTED = "[redacted]"

# Only the last word counts: token_id and token_count are harmless.
_SECRET_KEY = re.compile(
    r"(^|[._-])(password|passwd|secret|token|authorization|api_?key|private_?key|credentials?|cookie)$", re.IGNORECASE
)
# A safety net under the rule that log calls bind ids only.
_PERSONAL_KEYS = frozenset(
    {"username", "displayname", "givenname", "familyname", "email", "emails", "phone", "body", "payload", "document"}
)
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), rf"\1 {REDACTED}"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\bsc[abs]_[A-Za-z0-9_-]+"), REDACTED),
    # A JWT, or the beginning of one.
    (re.compile(r"\beyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)+"), REDACTED),
)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets and personal values out of an event (a structlog processor)."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(_snake(key)) or key.replace("_", "").lower() in _PERSONAL_KEYS:
        return REDACTED
    match value:
        case str():
            return _clean(value)
        case Mapping():
            return {inner: _redacted(str(inner), content) for inner, content in value.items()}
        case list() | tuple():
            return [_redacted("", content) for content in value]
        case _:
            return value


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)


def _clean(text: str) -> str:
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def configure_logging(level: str = "info", *, json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send all logs, those of libraries too, to one stream.

    Args:
        level: One of ``LEVELS``.
        json: JSON lines; where absent, they are for everything but a terminal.
        stream: Where to; standard error where absent.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, as_json=as_json, colors=stream.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    _quiet_libraries()


def _formatter(shared: list[Processor], *, as_json: bool, colors: bool) -> logging.Formatter:
    # Redaction comes last before rendering, so that it sees the text of exceptions too.
    rendering: list[Processor] = (
        [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer(colors=colors)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )


def _quiet_libraries() -> None:
    """Keep libraries from logging addresses and query strings, which name people, at levels below warning."""
    for name in ("httpx", "httpcore", "uvicorn.access", "rq", "alembic", "ldap3", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "rq.worker"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True


def note_scim_request(source: str, method: str, status: int, seconds: float) -> None:
    """Count an answered SCIM request, and the time it took."""
    counter, histogram = _scim_children(source, method, status)
    histogram.observe(seconds)
    counter.inc()


@lru_cache(maxsize=512)
def _scim_children(source: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Return the metrics of these labels; finding them takes longer than counting."""
    return SCIM_REQUESTS.labels(source, method, str(status)), SCIM_REQUEST_DURATION.labels(source, method)
