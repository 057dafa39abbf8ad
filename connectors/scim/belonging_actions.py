"""Taking groups, roles and entitlements from an account, and giving them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from connectors.scim.belonging import (
    ENTITLEMENTS,
    ROLES,
    given_back,
    held,
    is_held,
    kept,
    left_of,
)
from connectors.scim.calls import ScimCalls
from connectors.scim.config import ScimConfig
from connectors.scim.document import Document
from connectors.scim.errors import RefusedError
from scimbridge.sdk import (
    AccountState,
    Action,
    Confirm,
    Done,
    Entitlement,
    NeedsPerson,
    Outcome,
    RejectedError,
    performs,
)

_OF_GROUPS = (Action.REMOVE_FROM_GROUPS, Action.ADD_TO_GROUPS)
_OF_LICENSES = (Action.RELEASE_LICENSES, Action.ASSIGN_LICENSES)
_NO_PATCH = "the service cannot change a group by PATCH, and a PUT of a whole group could lose other members"


def not_configured(config: ScimConfig) -> Iterator[Action]:
    """Yield the actions for which a target has to be told what to look at, and is not."""
    if config.groups == "off" and not config.roles:
        yield from _OF_GROUPS
    if config.groups == "off":
        yield from (action for action in Action if action.is_of_groups)
    if config.group_stamp_attribute is None:
        yield from (Action.STAMP_GROUP, Action.UNSTAMP_GROUP)
    if not config.entitlements:
        yield from _OF_LICENSES
    if config.stamp_attribute is None:
        yield from (Action.STAMP, Action.UNSTAMP, Action.DISCONNECT)


class BelongingActions(ScimCalls):
    """The actions of what an account is in and has."""

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS)
    def remove_from_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account out of its groups, and its roles from it."""
        if account.groups is None:
            # Nobody could tell when the account was read; whoever refuses says why.
            document = self.client.get_user(account.id)
            account = replace(account, groups=(*self._groups.of(document), *self._roles_of(document)))
        roles, groups = _split(account.removable_groups)
        if groups and not self._can_patch():
            return NeedsPerson(f"take {account.name} out of {_names(groups)} by hand: {_NO_PATCH}")
        changed = self._groups.leave(account.id, groups)
        taken = self._take(account.id, ROLES, roles)
        if changed.refused:
            return NeedsPerson(f"take {account.name} out of these groups by hand: {'; '.join(changed.refused)}")
        done = changed.done + taken
        return Done(changed=done > 0, after={"how many": done} if done else {})

    @performs(Action.ADD_TO_GROUPS)
    def add_to_groups(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Put the account back into the groups that it was taken out of, and give it its roles back."""
        roles, groups = _split(account.missing_groups)
        if groups and not self._can_patch():
            return NeedsPerson(f"put {account.name} back into {_names(groups)} by hand: {_NO_PATCH}")
        changed = self._groups.join(account.id, groups)
        given, lost = self._give(account, ROLES, roles)
        lost += [f"the group {name} is gone" for name in changed.gone]
        lost += [f"the group {refusal}" for refusal in changed.refused]
        done = changed.done + given
        return Done(changed=done > 0, after={"how many": done} if done else {}, lost=tuple(lost))

    @performs(Action.RELEASE_LICENSES, undo=Action.ASSIGN_LICENSES)
    def release_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account's entitlements away."""
        taken = self._take(account.id, ENTITLEMENTS, account.removable_licenses)
        return Done(changed=taken > 0, after={"how many": taken} if taken else {})

    @performs(Action.ASSIGN_LICENSES)
    def assign_licenses(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its entitlements back as they were."""
        given, lost = self._give(account, ENTITLEMENTS, account.missing_licenses)
        return Done(changed=given > 0, after={"how many": given} if given else {}, lost=tuple(lost))

    # -- what read tells

    def _groups_of(self, document: Document) -> tuple[Entitlement, ...] | None:
        """Return groups and roles; ``None`` where there are none to look at, or the service does not tell.

        Then an account can still be suspended; ``remove_from_groups`` says why it cannot go on.
        """
        if self.config.groups == "off":
            return self._roles_of(document) if self.config.roles else None
        try:
            return (*self._groups.of(document), *self._roles_of(document))
        except RejectedError as error:
            self.log.warning("groups unknown", action="read", reason=str(error))
            return None

    def _roles_of(self, document: Document) -> tuple[Entitlement, ...]:
        return held(document, ROLES, self.config.privileged_groups) if self.config.roles else ()

    def _licenses_of(self, document: Document) -> tuple[Entitlement, ...] | None:
        return held(document, ENTITLEMENTS) if self.config.entitlements else None

    def _kept(self, document: Document) -> Mapping[str, tuple[str, ...]]:
        """Return roles and entitlements as they were sent, from which undo gives them back."""
        told = {ROLES: self.config.roles, ENTITLEMENTS: self.config.entitlements}
        return {name: kept(document, name) for name, is_told in told.items() if is_told}

    # -- calls

    def _take(self, account_id: str, attribute: str, chosen: tuple[Entitlement, ...]) -> int:
        if not chosen:
            return 0
        operations = [{"op": "remove", "path": each.id} for each in chosen]
        self._change(account_id, operations, lambda document: {attribute: left_of(document, attribute, chosen)})
        return len(chosen)

    def _give(self, account: AccountState, attribute: str, wanted: Iterable[Entitlement]) -> tuple[int, list[str]]:
        """Give elements back; returns how many, and why others are not."""
        as_sent = account.original.attributes.get(attribute, ()) if account.original is not None else ()
        elements = given_back(wanted, attribute, as_sent)
        if not elements:
            return 0, []
        operation = {"op": "add", "path": attribute, "value": elements}
        try:
            self._change(
                account.id,
                [operation],
                lambda document: {attribute: [*left_of(document, attribute, ()), *elements]},
            )
        except RefusedError as error:
            return 0, [f"{attribute}: {error}"]
        return len(elements), []


def _split(
    chosen: Iterable[Entitlement],
) -> tuple[tuple[Entitlement, ...], tuple[Entitlement, ...]]:
    """Return the roles, and the groups."""
    listed = tuple(chosen)
    roles = tuple(each for each in listed if is_held(each, ROLES))
    return roles, tuple(each for each in listed if not is_held(each, ROLES))


def _names(groups: Iterable[Entitlement]) -> str:
    return ", ".join(each.name for each in groups)
