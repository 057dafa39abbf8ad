"""The promises of the contract at the application of each vendor, as its documentation has it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from connectors.scim import ScimConfig, ScimConnector
from connectors.scim.calls import http_client
from connectors.scim.dialect import dialect, names
from scimbridge.sdk import AccountRef, Action, AmbiguousAccountError, Connector, Context, Done, Permit, Person
from scimbridge.sdk.conformance import ConnectorConformance, GroupConformance
from scimbridge.sdk.conformance.acting import Acting
from scimbridge.sdk.conformance.arranging import Arranging
from scimbridge.sdk.conformance.deleting import Deleting
from scimbridge.sdk.conformance.suspending import Suspending
from scimbridge.sdk.conformance.undoing import Undoing
from scimbridge.sdk.testing import confirmed
from tests.connectors.scim_vendor import connector, settings_for
from tests.doubles.scim import Application, Habits, vendors


def possible(habits: Habits) -> set[Action]:
    """Return what can be done at an application, by its habits alone."""
    can = {Action.SUSPEND, Action.RESTORE} if habits.inactive == "suspended" else set()
    can |= {Action.DELETE} if habits.delete == "removes" else set()
    can |= {Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS} if habits.groups != "none" or habits.roles else set()
    if habits.groups == "shown" and "PATCH" in habits.methods:
        can |= {Action.STAMP_GROUP, Action.UNSTAMP_GROUP, Action.EMPTY_GROUP, Action.REFILL_GROUP, Action.DELETE_GROUP}
    can |= {Action.STAMP_GROUP, Action.UNSTAMP_GROUP} if habits.groups == "hidden" else set()
    can |= {Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES} if habits.entitlements else set()
    return can | ({Action.STAMP, Action.UNSTAMP, Action.DISCONNECT} if habits.marks else set())


class Vendor(Arranging):
    """The application of one vendor; a class for each is made below."""

    vendor: ClassVar[str]
    habits: ClassVar[Habits]
    tells_changes = False

    @pytest.fixture(autouse=True)
    def _target(self) -> None:
        self.app = Application(self.habits)
        self.dialect = self.vendor.removesuffix("-put")

    def connect(self, permit: Permit) -> ScimConnector:
        return connector(self.app, self.dialect, permit, **settings_for(self.habits))

    def connect_wrongly(self, permit: Permit, secret: str) -> ScimConnector:
        return connector(self.app, self.dialect, permit, token=secret)

    def connect_nowhere(self, permit: Permit) -> ScimConnector:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        config = ScimConfig.model_validate({"connector": "scim", "base_url": address, "token": "t"})
        context = Context(target="sample", permit=permit)
        return ScimConnector(config, context, http=http_client(config, context, sleep=lambda _: None))

    def create_account(self, name: str) -> str:
        return self.app.add_user(name, displayName="Somebody", title="kept", nickName="kept")

    def create_ambiguous(self, name: str) -> tuple[Person, set[str]]:
        searched_by = self.habits.user_filters
        if searched_by is None or "externalId" in searched_by:
            both = {self.app.add_user(f"{name}.{number}", externalId=name) for number in (1, 2)}
            return Person({"userName": (f"{name}.renamed",), "externalId": (name,)}), both
        return Person({"userName": (name,)}), {self.app.add_user(each) for each in (name, name.upper())}

    def equip(self, account_id: str, *, privileged: bool = False) -> None:
        if self.habits.groups != "none":
            colleague = self.app.add_user("colleague")
            for name in (f"{account_id}.1", f"{account_id}.2", *(["Administrators"] if privileged else [])):
                self.app.add_group(name, account_id, colleague)
        elif self.habits.roles:
            given = ["reader", "writer", *(["Administrators"] if privileged else [])]
            self.app.users[account_id]["roles"] = [{"value": each} for each in given]
        if self.habits.entitlements:
            seats = [{"value": each, "display": each.title(), "type": "seat"} for each in ("writer", "reader")]
            self.app.users[account_id]["entitlements"] = seats

    def look(self, account_id: str) -> Mapping[str, Any] | None:
        user = self.app.users.get(account_id)
        if user is None:
            return None
        kept = {key: value for key, value in user.items() if key not in {"version", "original"}}
        for name in ("roles", "entitlements"):
            kept[name] = sorted(each["value"] for each in user.get(name, []))
        return {**kept, "groups": self.app.groups_of(account_id), "is hidden": account_id in self.app.hidden}

    def text_of(self, account_id: str) -> str:
        return str(self.app.users[account_id].get(self.habits.marks or "", ""))

    def is_blocked(self, account_id: str) -> bool:
        return self.app.users[account_id]["active"] is False

    def writes(self) -> int:
        return self.app.writes


class Looked(Vendor):
    """What of finding and listing depends on the vendor: which filters there are, and how pages go on."""

    def test_a_long_list_is_told_whole(self, connector: Connector[Any]) -> None:
        everybody = {self.app.add_user(f"user{number}") for number in range(205)}

        pages = list(connector.list_accounts())

        assert {account.id for page in pages for account in page.accounts} == everybody
        assert sum(len(page.accounts) for page in pages) == len(everybody)

    def test_accounts_are_found_and_listed_and_nobody_is_taken_for_somebody_else(
        self, connector: Connector[Any], name: str, account_id: str
    ) -> None:
        person, both = self.create_ambiguous(f"{name}.two")

        found = connector.find(self.person(name))
        nobody = connector.find(self.person(f"{name}.nobody"))
        with pytest.raises(AmbiguousAccountError) as caught:
            connector.find(person)
        listed = [account for page in connector.list_accounts() for account in page.accounts]

        assert found == AccountRef(account_id, name)
        assert nobody is None
        assert {each.id for each in caught.value.candidates} == both
        assert {each.id for each in listed} == {account_id, *both}
        assert connector.check()
        assert not self.writes()


class Grouping(Vendor):
    """What is done to groups, where that depends on the vendor: members by the hundred, and back."""

    def test_a_large_group_is_emptied_refilled_and_deleted(self, connector: Connector[Any]) -> None:
        people = [self.app.add_user(f"member{number}") for number in range(101)]
        group_id = self.app.add_group("large", *people)
        original = connector.read_group(group_id)

        connector.perform(Action.EMPTY_GROUP, original, confirmed)
        left = connector.read_group(group_id)
        back = connector.perform(Action.REFILL_GROUP, left.with_original(original, left), confirmed)

        assert len(original.members or ()) == 101
        assert not left.members
        assert back == Done(changed=True, after={"how many": 101})
        assert self.app.groups[group_id]["members"] == people
        assert self.app.requests.count(f"PATCH /Groups/{group_id}") == 4, "a hundred in each request"
        assert connector.find_group("LARGE") == AccountRef(group_id, "large")
        assert connector.perform(Action.DELETE_GROUP, original, confirmed) == Done(changed=True)
        assert group_id not in self.app.groups


class Promises(Looked, Suspending, Deleting, Acting, Undoing):
    """What depends on the vendor."""


class OfMembers(Promises, Grouping):
    """The same where groups show their members."""


class Grouped(Looked, GroupConformance):
    """All promises, those about groups among them."""

    def form_group(self, name: str, members: list[str], *, protected: bool = False) -> str:
        self.app.add_group("colleagues", self.app.add_user("colleague"))
        return self.app.add_group("Administrators" if protected else name, *members, description="kept")

    def look_at_group(self, group_id: str) -> Mapping[str, Any] | None:
        group = self.app.groups.get(group_id)
        return None if group is None else {**group, "members": sorted(group["members"])}

    def put_into_group(self, group_id: str, account_id: str) -> None:
        self.app.groups[group_id]["members"].append(account_id)

    def group_text_of(self, group_id: str) -> str:
        return str(self.app.groups[group_id].get("description", ""))


class Standard(Vendor, ConnectorConformance):
    """All promises."""


_BASES: Mapping[str, type[Vendor]] = {"standard": Grouped, "standard-put": Standard}

for _vendor, _habits in vendors().items():
    _name = f"Test{''.join(part.title() for part in _vendor.split('-'))}"
    _told = {"vendor": _vendor, "habits": _habits, "declares": possible(_habits)}
    _usual = OfMembers if _habits.groups == "shown" else Promises
    globals()[_name] = type(_name, (_BASES.get(_vendor, _usual),), _told)


def test_each_dialect_has_a_double() -> None:
    assert set(names()) == set(vendors()) - {"standard-put"}


@pytest.mark.parametrize("name", names())
def test_what_a_dialect_offers_is_what_can_be_done_there(name: str) -> None:
    subject = connector(Application(vendors()[name]), name, **settings_for(vendors()[name]))

    assert set(subject.capabilities) == possible(vendors()[name])


@pytest.mark.parametrize("name", names()[1:])
def test_what_a_vendor_does_not_have_is_refused_as_a_setting(name: str) -> None:
    had = settings_for(vendors()[name])
    asked = {"groups": "on", "roles": True, "entitlements": True, "stamp_attribute": "title"}
    not_had = {key for key in asked if not had.get(key) or had[key] == "off"}

    assert {key for key, value in asked.items() if dialect(name).refusal(key, value)} == not_had
