"""Mail settings, licenses and transfers of data: the other three APIs that a leaver touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.google.company import Company, Document, User
from tests.doubles.google.errors import (
    GoogleError,
    condition_not_met,
    failed_precondition,
    forbidden,
    invalid,
    not_found,
    refusal,
)
from tests.doubles.google.paging import paged
from tests.doubles.serving import Asked

MOST_DELEGATES = 25
APPLICATIONS = {"55656082996": "Drive and Docs", "435070579839": "Calendar", "810260081642": "Looker Studio"}


class Services:
    """Answers the calls of ``gmail.*``, ``licensing.*`` and ``datatransfer.*``."""

    def __init__(self, company: Company) -> None:
        self._company = company

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return what answers each call; all take keys, request, body and who is asking."""
        return {
            "gmail.users.settings.getAutoForwarding": self._get_forwarding,
            "gmail.users.settings.updateAutoForwarding": self._update_forwarding,
            "gmail.users.settings.forwardingAddresses.list": self._list_addresses,
            "gmail.users.settings.forwardingAddresses.create": self._create_address,
            "gmail.users.settings.forwardingAddresses.delete": self._delete_address,
            "gmail.users.settings.getVacation": self._get_vacation,
            "gmail.users.settings.updateVacation": self._update_vacation,
            "gmail.users.settings.delegates.list": self._list_delegates,
            "gmail.users.settings.delegates.create": self._create_delegate,
            "gmail.users.settings.delegates.delete": self._delete_delegate,
            "licensing.licenseAssignments.get": self._get_license,
            "licensing.licenseAssignments.listForProduct": self._list_licenses,
            "licensing.licenseAssignments.insert": self._insert_license,
            "licensing.licenseAssignments.delete": self._delete_license,
            "datatransfer.applications.list": self._list_applications,
            "datatransfer.transfers.insert": self._insert_transfer,
            "datatransfer.transfers.get": self._get_transfer,
            "datatransfer.transfers.list": self._list_transfers,
        }

    # -- mail: the token is the person's own

    def _get_forwarding(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> Document:
        return self._mailbox(keys, caller).mail.auto_forwarding

    def _update_forwarding(self, keys: Document, _asked: Asked, body: Document, caller: User) -> Document:
        mail = self._mailbox(keys, caller).mail
        if body.get("enabled") and body.get("emailAddress") not in mail.forwarding_addresses:
            raise failed_precondition("Unrecognized forwarding address")
        mail.auto_forwarding = body
        return body

    def _list_addresses(self, keys: Document, asked: Asked, _body: Document, caller: User) -> Document:
        found = [
            {"forwardingEmail": each, "verificationStatus": "accepted"}
            for each in self._mailbox(keys, caller).mail.forwarding_addresses
        ]
        return paged(asked, "forwardingAddresses", found, len(found) or 1)

    def _create_address(self, keys: Document, _asked: Asked, body: Document, caller: User) -> Document:
        mail = self._mailbox(keys, caller).mail
        if body["forwardingEmail"] in mail.forwarding_addresses:
            raise GoogleError(refusal(409, "alreadyExists", "Requested entity already exists"))
        if body["forwardingEmail"].rpartition("@")[2] != self._company.domain:
            return {**body, "verificationStatus": "pending"}  # whoever has it gets a mail, and may agree
        mail.forwarding_addresses.append(body["forwardingEmail"])
        return {**body, "verificationStatus": "accepted"}

    def _delete_address(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> None:
        addresses = self._mailbox(keys, caller).mail.forwarding_addresses
        if keys["forwardingEmail"] not in addresses:
            raise not_found("forwardingEmail")
        addresses.remove(keys["forwardingEmail"])

    def _get_vacation(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> Document:
        return self._mailbox(keys, caller).mail.vacation

    def _update_vacation(self, keys: Document, _asked: Asked, body: Document, caller: User) -> Document:
        if body.get("enableAutoReply") and not (
            body.get("responseSubject") or body.get("responseBodyPlainText") or body.get("responseBodyHtml")
        ):
            raise invalid("Either the subject or the body of a response must be there")
        self._mailbox(keys, caller).mail.vacation = body
        return body

    def _list_delegates(self, keys: Document, asked: Asked, _body: Document, caller: User) -> Document:
        delegates = self._mailbox(keys, caller).mail.delegates
        found = [{"delegateEmail": each, "verificationStatus": status} for each, status in delegates.items()]
        return paged(asked, "delegates", found, len(found) or 1)

    def _create_delegate(self, keys: Document, _asked: Asked, body: Document, caller: User) -> Document:
        delegates, email = self._mailbox(keys, caller).mail.delegates, body["delegateEmail"]
        if delegates.get(email) == "accepted":
            raise GoogleError(refusal(409, "alreadyExists", "Requested entity already exists"))
        user = self._company.user(email)
        # Known by their primary address alone, and from the same company.
        if user is None or user.email != email or user.document["suspended"]:
            raise invalid("Invalid delegate")
        if len(delegates) >= MOST_DELEGATES:
            raise failed_precondition("Too many delegates")
        delegates[email] = "accepted"
        return {"delegateEmail": email, "verificationStatus": "accepted"}

    def _delete_delegate(self, keys: Document, _asked: Asked, _body: Document, caller: User) -> None:
        delegates = self._mailbox(keys, caller).mail.delegates
        if keys["delegateEmail"] not in delegates:
            raise not_found("delegateEmail")
        del delegates[keys["delegateEmail"]]

    def _mailbox(self, keys: Document, caller: User) -> User:
        if keys["userId"] not in {"me", caller.email, caller.id}:
            raise GoogleError(refusal(403, "forbidden", f"Delegation denied for {caller.email}"))
        if caller.document["suspended"] or not caller.document["isMailboxSetup"]:
            raise failed_precondition("Mail service not enabled")
        return caller

    # -- licenses

    def _get_license(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        if keys["userId"] not in self._owners(keys):
            raise not_found("userId")
        return {"userId": keys["userId"], "productId": keys["productId"], "skuId": keys["skuId"]}

    def _list_licenses(self, keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        if asked.one("customerId") not in {self._company.customer_id, self._company.domain}:
            raise invalid("Invalid customerId")
        found = [
            {"productId": product, "skuId": sku, "userId": email}
            for (product, sku), owners in self._company.licenses.items()
            for email in sorted(owners)
            if product == keys["productId"]
        ]
        return paged(asked, "items", found, 100)

    def _insert_license(self, keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        owners = self._owners(keys)
        user = self._company.user(body["userId"])
        if user is None:
            raise not_found("userId")
        if user.email in owners:
            raise condition_not_met("User already has a license for the specified product and SKU")
        if len(owners) >= self._company.seats.get((keys["productId"], keys["skuId"]), 1000):
            raise condition_not_met("There aren't enough available licenses for the specified product-SKU pair")
        owners.add(user.email)
        return {"userId": user.email, "productId": keys["productId"], "skuId": keys["skuId"]}

    def _delete_license(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        if keys["userId"] not in self._owners(keys):
            raise not_found("userId")
        self._owners(keys).remove(keys["userId"])
        return {}

    def _owners(self, keys: Document) -> set[str]:
        found = self._company.licenses.get((keys["productId"], keys["skuId"]))
        if found is None:
            raise invalid("Invalid productId or skuId")
        return found

    # -- transfers of data

    def _list_applications(self, _keys: Document, asked: Asked, _body: Document, _caller: User) -> Document:
        found = [{"id": each, "name": name} for each, name in APPLICATIONS.items()]
        return paged(asked, "applications", found, 100)

    def _insert_transfer(self, _keys: Document, _asked: Asked, body: Document, _caller: User) -> Document:
        for name in ("oldOwnerUserId", "newOwnerUserId"):
            user = self._company.users.get(body.get(name, ""))
            if user is None or user.is_deleted:
                raise not_found(name)
        for each in body.get("applicationDataTransfers", ()):
            if each.get("applicationId") not in APPLICATIONS:
                raise not_found("applicationId")
        status = "completed" if self._company.completes_transfers else "new"
        transfer = {"id": self._company.number(), "overallTransferStatusCode": status, **body}
        self._company.transfers[transfer["id"]] = transfer
        return transfer

    def _get_transfer(self, keys: Document, _asked: Asked, _body: Document, _caller: User) -> Document:
        found = self._company.transfers.get(keys["dataTransferId"])
        if found is None:
            raise not_found("dataTransferId")
        return found

    def _list_transfers(self, _keys: Document, asked: Asked, _body: Document, caller: User) -> Document:
        if not caller.is_admin:
            raise forbidden()
        old = asked.one("oldOwnerUserId")
        found = [each for each in self._company.transfers.values() if old in (None, each["oldOwnerUserId"])]
        return paged(asked, "dataTransfers", found, 100)
