"""Every list as a file. Its address is that of the page with ``.csv`` behind, and takes the same filter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from scimbridge.dashboard.case_filter import read_filter
from scimbridge.dashboard.export import AT_ONCE, Export, paged
from scimbridge.dashboard.pages import history, requests
from scimbridge.dashboard.pages.charts import AHEAD, PERIODS, USUAL
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.task import TaskState
from scimbridge.store.target_work import Retry

Rows = Iterator[Sequence[object]]

MOST = 10_000
"""Rows of a list that nothing else bounds."""


class CasesExport(Export):
    """Cases that a filter finds, the newest first."""

    path = "/cases.csv"
    name = "cases"
    columns = (
        "case",
        "person",
        "source",
        "rule",
        "trigger",
        "opened at",
        "closed at",
        "situation",
        "next at",
        *(f"{state.value} tasks" for state in TaskState),
    )

    def rows(self, visit: Visit) -> Rows:
        """Yield the cases."""
        query, overview = read_filter(visit.request.query_params).query, self.bridge.overview
        for one in paged(
            lambda limit, after: overview.list_cases(query, visit.now, limit=limit, after=after),
            lambda one: one.case.id,
        ):
            case = one.case
            yield (
                case.id,
                one.user_name,
                case.source,
                case.rule,
                case.trigger,
                case.opened_at,
                case.closed_at,
                one.situation,
                one.next_due_at,
                *(one.counts.get(state, 0) for state in TaskState),
            )


_OF_RETRY = (
    "case",
    "task",
    "person",
    "source",
    "target",
    "action",
    "state",
    "reason",
    "attempts",
    "first tried at",
    "next at",
    "due at",
    "deadline at",
)


def _retry(one: Retry) -> Sequence[object]:
    state = "failed" if one.has_failed else "tried again later" if one.at is not None else "needs a person"
    return (
        one.case_id,
        one.task_id,
        one.user_name,
        one.source,
        one.target,
        one.action,
        state,
        one.reason,
        one.attempts,
        one.first_tried_at,
        one.at,
        one.due_at,
        one.deadline_at,
    )


class FailuresExport(Export):
    """What waits for a person, at all targets or at one (``target=``), the newest first."""

    path = "/failures.csv"
    name = "failures"
    columns = _OF_RETRY

    def rows(self, visit: Visit) -> Rows:
        """Yield the tasks."""
        names, queues = _targets(self, visit), self.bridge.queues
        found = paged(lambda limit, after: queues.failures(names, limit, after=after), lambda one: one.task_id)
        yield from map(_retry, found)


class RetriesExport(Export):
    """What is tried again later, at all targets or at one (``target=``), the next one first."""

    path = "/retries.csv"
    name = "retries"
    columns = _OF_RETRY

    def rows(self, visit: Visit) -> Rows:
        """Yield the tasks."""
        yield from map(_retry, self.bridge.queues.retries(_targets(self, visit), MOST))


class QueuesExport(Export):
    """One row for each queue."""

    path = "/queues.csv"
    name = "queues"
    columns = (
        "target",
        "waiting",
        "messages",
        "taken",
        "oldest waits (s)",
        "attempts",
        "at once",
        "done per minute",
        "retries",
        "next retry at",
        "for a person",
        "failed",
        "paused",
    )

    def rows(self, visit: Visit) -> Rows:
        """Yield the queues."""
        for one in self.bridge.queues.board(visit.now).queues:
            yield (
                one.status.name,
                one.status.runnable,
                one.seen.depth if one.seen else None,
                one.seen.started if one.seen else None,
                one.waited.total_seconds() if one.waited is not None else None,
                one.status.live,
                one.status.at_once,
                round(one.done_per_minute, 2),
                one.retrying,
                one.next_retry_at,
                one.status.needs_person,
                one.failed,
                one.status.pause,
            )


class TargetsExport(Export):
    """One row for each target."""

    path = "/targets.csv"
    name = "targets"
    columns = (
        "target",
        "connector",
        "mode",
        "armed until",
        "paused",
        "cannot be used",
        "waiting",
        "attempts",
        "for a person",
        "checked at",
        "verdict",
        "findings",
        "credentials end at",
        "last irreversible at",
    )

    def rows(self, visit: Visit) -> Rows:
        """Yield the targets."""
        checked, destroyed = self.bridge.preflight.kept(), self.bridge.queues.last_destroyed()
        for one in self.bridge.overview.targets(visit.now):
            check = checked.get(one.name)
            yield (
                one.name,
                one.kind,
                one.mode,
                one.armed_until,
                one.pause,
                one.unusable,
                one.runnable,
                one.live,
                one.needs_person,
                check.at if check else None,
                check.worst if check else None,
                "; ".join(finding.message for finding in check.findings) if check else None,
                check.ends_at if check else None,
                destroyed.get(one.name),
            )


class LimitsExport(Export):
    """One row for each limit of the guard."""

    path = "/guard.csv"
    name = "guard"
    columns = ("limit", "counts", "window (s)", "counted", "room for", "active", "holds the flood")

    def rows(self, visit: Visit) -> Rows:
        """Yield the limits."""
        for one in self.bridge.gauging.gauges(visit.now):
            limit = one.limit
            window = limit.window.total_seconds()
            yield (limit.where, limit.guard_class, window, one.counted, one.most, one.active, one.flood_id)


class FloodsExport(Export):
    """Floods, those that stand first."""

    path = "/floods.csv"
    name = "floods"
    columns = (
        "flood",
        "limit",
        "counts",
        "why",
        "opened at",
        "people",
        "held",
        "had started",
        "decision",
        "decided by",
        "reason",
        "decided at",
    )

    def rows(self, _visit: Visit) -> Rows:
        """Yield the floods."""
        for one in [*self.bridge.flooding.standing(), *self.bridge.flooding.closed(MOST)]:
            flood, extent = one.flood, one.extent
            yield (
                flood.id,
                flood.where,
                flood.guard_class,
                flood.reason,
                flood.opened_at,
                extent.cases,
                extent.held,
                extent.started,
                flood.decision,
                flood.closed_by,
                flood.closing_reason,
                flood.closed_at,
            )


class HoldsExport(Export):
    """Holds that stand, the newest first; those of floods are with the floods."""

    path = "/holds.csv"
    name = "holds"
    columns = ("hold", "on", "subject", "person", "legal", "reason", "placed by", "placed at")

    def rows(self, _visit: Visit) -> Rows:
        """Yield the holds."""
        listed = self.bridge.holding.listed
        for one in paged(lambda limit, after: listed(limit, after=after), lambda one: one.hold.id):
            hold = one.hold
            yield (
                hold.id,
                hold.scope,
                hold.subject,
                one.user_name,
                hold.is_legal,
                hold.reason,
                hold.placed_by,
                hold.placed_at,
            )


class ExclusionsExport(Export):
    """All exclusions, those of the configuration too."""

    path = "/exclusions.csv"
    name = "exclusions"
    columns = ("exclusion", "spared", "reason", "placed by", "placed at", "until")

    def rows(self, _visit: Visit) -> Rows:
        """Yield the exclusions."""
        for each, row in self.bridge.holding.exclusions():
            yield (row["id"], each.in_words, each.reason, row["placed_by"], row["placed_at"], each.until)
        for each in self.bridge.settings.ruleset.exclusions:
            yield ("configuration", each.in_words, each.reason, None, None, each.until)


class InquiriesExport(Export):
    """Inquiries, those first that nobody has answered."""

    path = "/inquiries.csv"
    name = "inquiries"
    columns = (
        "inquiry",
        "group",
        "source",
        "what",
        "targets",
        "people",
        "opened at",
        "answer",
        "answered by",
        "answered at",
    )

    def rows(self, _visit: Visit) -> Rows:
        """Yield the inquiries."""
        for one in [*self.bridge.overview.inquiries(MOST), *self.bridge.inquiring.answered(MOST)]:
            yield (
                one.id,
                one.display_name,
                one.source,
                one.cause,
                ", ".join(one.targets),
                one.people,
                one.opened_at,
                one.verdict,
                one.closed_by,
                one.closed_at,
            )


class FiguresExport(Export):
    """The numbers behind the charts: one row for each day and what was counted on it."""

    path = "/charts.csv"
    name = "charts"
    columns = ("day (UTC)", "chart", "of", "number")

    def rows(self, visit: Visit) -> Rows:
        """Yield the numbers."""
        period = visit.asked("days") if visit.asked("days") in PERIODS else USUAL
        charts = self.bridge.charting.charts(int(period), visit.now)
        drawn = {"leavers": charts.leavers, "attempts": charts.attempts, "throttled": charts.throttled}
        for chart, series in drawn.items():
            for name, days in sorted(series.items()):
                for day, number in sorted(days.items()):
                    yield (day, chart, name, number)
        for coming, load in self.bridge.charting.ahead(AHEAD, visit.now).days:
            yield (coming.isoformat(), "due", "tasks", load.tasks)
            yield (coming.isoformat(), "due", "tasks that cannot be undone", load.irreversible)


class HistoryExport(Export):
    """Entries of the history that a filter finds, the newest first."""

    path = "/history.csv"
    name = "history"
    columns = ("entry", "at", "event", "actor", "reason", "target", "case", "task", "details")

    def rows(self, visit: Visit) -> Rows:
        """Yield the entries."""
        query, _ = history.read_query(visit)
        before: int | None = None
        while True:
            entries, before = self.bridge.records.history(query, limit=AT_ONCE, before=before)
            for row in entries:
                details = json.dumps(row["details"], ensure_ascii=False, default=str)
                yield (
                    row["id"],
                    row["at"],
                    row["event"],
                    row["actor"],
                    row["reason"],
                    row["target"],
                    row["case_id"],
                    row["task_id"],
                    details,
                )
            if not before:
                return


class RequestsExport(Export):
    """Inbound requests that a filter finds, the newest first; what was received as it came is on the page."""

    path = "/requests.csv"
    name = "requests"
    columns = ("request", "at", "source", "method", "path", "status", "understood", "applied", "resource")

    def rows(self, visit: Visit) -> Rows:
        """Yield the requests."""
        query, _ = requests.read_query(visit)
        records = self.bridge.records
        found = paged(
            lambda limit, after: records.requests(query, limit=limit, before=after), lambda row: str(row["id"])
        )
        for row in found:
            yield (
                row["id"],
                row["at"],
                row["source"],
                row["method"],
                row["path"],
                row["status"],
                row["understood"],
                row["applied"],
                row["resource_id"],
            )


def _targets(export: Export, visit: Visit) -> list[str]:
    """Return the targets that are asked for.

    Raises:
        NotFoundError: There is no such target.
    """
    fleet = export.bridge.fleet
    named = visit.asked("target")
    return [fleet[named].name] if named else [target.name for target in fleet]


EXPORTS: tuple[type[Export], ...] = (
    CasesExport,
    FailuresExport,
    RetriesExport,
    QueuesExport,
    TargetsExport,
    LimitsExport,
    FloodsExport,
    HoldsExport,
    ExclusionsExport,
    InquiriesExport,
    FiguresExport,
    HistoryExport,
    RequestsExport,
)
