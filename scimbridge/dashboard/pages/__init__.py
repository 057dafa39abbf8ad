"""The pages, one module each."""

from __future__ import annotations

from scimbridge.dashboard.page import Page
from scimbridge.dashboard.pages.account import AccountPage, AppPage
from scimbridge.dashboard.pages.acting import ActingPage
from scimbridge.dashboard.pages.approval import ApprovalPage
from scimbridge.dashboard.pages.board import BoardPage
from scimbridge.dashboard.pages.case import CasePage
from scimbridge.dashboard.pages.cases import CasesPage
from scimbridge.dashboard.pages.charts import ChartsPage
from scimbridge.dashboard.pages.erasing import ErasePage
from scimbridge.dashboard.pages.exclusions import ExclusionPage, ExclusionsPage
from scimbridge.dashboard.pages.exports import EXPORTS
from scimbridge.dashboard.pages.guard import FloodPage, GuardPage
from scimbridge.dashboard.pages.history import HistoryPage
from scimbridge.dashboard.pages.holds import HoldPage, HoldsPage
from scimbridge.dashboard.pages.inquiries import InquiriesPage, InquiryPage
from scimbridge.dashboard.pages.left_alone import LeftAlonePage
from scimbridge.dashboard.pages.operators import OperatorPage, OperatorsPage
from scimbridge.dashboard.pages.person import PersonPage
from scimbridge.dashboard.pages.queues import QueuesPage
from scimbridge.dashboard.pages.reconciliation import ReconciliationPage
from scimbridge.dashboard.pages.reports import ReportsPage
from scimbridge.dashboard.pages.requests import RequestsPage
from scimbridge.dashboard.pages.rule_versions import (
    EditPage,
    VersionPage,
    VersionsPage,
)
from scimbridge.dashboard.pages.rules import RulesPage, SchedulesPage
from scimbridge.dashboard.pages.search import SearchPage
from scimbridge.dashboard.pages.settings import SettingsPage
from scimbridge.dashboard.pages.sources import SourcePage, SourcesPage
from scimbridge.dashboard.pages.targets import TargetPage, TargetsPage

PAGES: tuple[type[Page], ...] = (
    BoardPage,
    CasesPage,
    CasePage,
    ApprovalPage,
    ActingPage,
    SearchPage,
    PersonPage,
    ErasePage,
    HistoryPage,
    RequestsPage,
    LeftAlonePage,
    GuardPage,
    FloodPage,
    HoldsPage,
    HoldPage,
    ExclusionsPage,
    ExclusionPage,
    InquiriesPage,
    InquiryPage,
    ChartsPage,
    ReportsPage,
    QueuesPage,
    TargetsPage,
    TargetPage,
    ReconciliationPage,
    SourcesPage,
    SourcePage,
    OperatorsPage,
    OperatorPage,
    AccountPage,
    AppPage,
    RulesPage,
    VersionsPage,
    VersionPage,
    EditPage,
    SchedulesPage,
    SettingsPage,
    *EXPORTS,
)
"""All of them; a page that is not here has no address."""
