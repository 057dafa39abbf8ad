"""Every list as a file: what it has in its columns is data, read by one class for each."""

from __future__ import annotations

from scimbridge.dashboard.export import Export
from scimbridge.dashboard.pages.exports.leaving import CasesExport, FiguresExport, LeaversExport, LeftAloneExport
from scimbridge.dashboard.pages.exports.protection import (
    ExclusionsExport,
    FloodsExport,
    HoldsExport,
    InquiriesExport,
    LimitsExport,
)
from scimbridge.dashboard.pages.exports.reconciliation import FindingsExport
from scimbridge.dashboard.pages.exports.records import HistoryExport, RequestsExport
from scimbridge.dashboard.pages.exports.targets import FailuresExport, QueuesExport, RetriesExport, TargetsExport

EXPORTS: tuple[type[Export], ...] = (
    CasesExport,
    LeaversExport,
    LeftAloneExport,
    FailuresExport,
    RetriesExport,
    QueuesExport,
    TargetsExport,
    FindingsExport,
    LimitsExport,
    FloodsExport,
    HoldsExport,
    ExclusionsExport,
    InquiriesExport,
    FiguresExport,
    HistoryExport,
    RequestsExport,
)
