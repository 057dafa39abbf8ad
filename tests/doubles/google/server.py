"""All of Google behind one address."""

from __future__ import annotations

from tests.doubles.google.company import Company
from tests.doubles.google.description import find
from tests.doubles.google.directory import Directory
from tests.doubles.google.errors import GoogleError, forbidden, refusal
from tests.doubles.google.groups import Groups
from tests.doubles.google.services import Services
from tests.doubles.google.tokens import KEYS, Tokens
from tests.doubles.lag import Lag
from tests.doubles.serving import Answer, Asked, Double, plain

_AUTH = "https://www.googleapis.com/auth/"
ALL_SCOPES = frozenset(
    _AUTH + each
    for each in (
        "admin.directory.user",
        "admin.directory.user.security",
        "admin.directory.group",
        "admin.directory.group.member",
        "admin.directory.orgunit.readonly",
        "admin.directory.rolemanagement",
        "admin.directory.device.mobile.action",
        "admin.datatransfer",
        "apps.licensing",
        "apps.groups.settings",
        "gmail.settings.basic",
        "gmail.settings.sharing",
    )
)
ADMIN = "admin@example.com"


class Google(Double):
    """A double of Google Workspace with one customer, who has one super administrator."""

    def __init__(self, granted: frozenset[str] = ALL_SCOPES) -> None:
        super().__init__()
        self.company = Company()
        self.admin = self.company.hire(ADMIN, isAdmin=True)
        self.tokens = Tokens(self.company, granted)
        self.lag = Lag()
        parts = (Directory(self.company), Groups(self.company), Services(self.company))
        self._handlers = {name: handler for part in parts for name, handler in part.handlers().items()}

    def is_of_tokens(self, asked: Asked) -> bool:
        """Whether it is a request for a token, or for the keys that assertions are signed with."""
        return asked.path == "/token" or asked.path.startswith(KEYS)

    def answer(self, asked: Asked) -> Answer:
        """Check a call against Google's description, and carry it out."""
        if self.is_of_tokens(asked):
            return self.tokens.issue(asked) if asked.path == "/token" else self.tokens.published(asked)
        try:
            return self.lag.answer(asked, self._carry_out)
        except GoogleError as error:
            return error.answer

    def _carry_out(self, asked: Asked) -> Answer:
        method, quoted = find(asked)
        token = self.tokens.of(asked)
        body = method.check(asked, token.scopes)
        if not method.name.startswith("gmail.") and not token.user.is_admin:
            raise forbidden()
        handler = self._handlers.get(method.name)
        if handler is None:
            return refusal(501, "notImplemented", f"the double does not carry out {method.name}")
        keys = {name: plain(key) for name, key in quoted.items()}
        result = handler(keys, asked, body, token.user)
        return Answer(status=204) if result is None else Answer(status=200, body=result)
