"""A program of one's own as a target: asked by JSON on its stdin, answered by JSON on its stdout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from connectors.command.config import CommandConfig
from connectors.command.program import Ended, run
from connectors.command.protocol import (
    Acted,
    Checked,
    Exit,
    ForPerson,
    Found,
    Progress,
    Read,
    error_of,
    parsed,
    request,
)
from connectors.command.safety import refuse_unsafe
from scimbridge.sdk import (
    AccountNotFoundError,
    AccountRef,
    AccountState,
    Action,
    Capability,
    Confirm,
    Connector,
    Done,
    Entitlement,
    InProgress,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    TargetUnusableError,
    performs,
)
from scimbridge.sdk.connector import limited
from scimbridge.sdk.finding import find_by

_LONGEST_LINE = 300


class CommandConnector(Connector[CommandConfig]):
    """A program that the configuration names."""

    kind = "command"
    contract = 1
    config_type = CommandConfig

    @classmethod
    def able(cls, config: CommandConfig) -> Mapping[Action, Capability]:
        """Return what the configuration says that the program can do."""
        return limited(cls.capabilities, config.actions)

    def check(self) -> str:
        """Ask the program whether all is well."""
        answer = parsed(Checked, self._ask("check", "checking the target"), "checking the target")
        return " ".join(answer.message.split())[:_LONGEST_LINE] or "the program answers"

    def find(self, person: Person) -> AccountRef | None:
        """Search by the pairs of ``match`` in order, until one of them finds somebody."""
        return find_by(self.config.match, person, self._search)

    def read(self, account_id: str) -> AccountState:
        """Return the account as the program tells it."""
        words = "reading an account"
        account = parsed(Read, self._ask("read", words, id=account_id), words).account
        if account.id != account_id:
            raise RejectedError(f"{words}: the program answered with something else than that account")
        return account.state()

    @performs(Action.SUSPEND, undo=Action.RESTORE)
    def suspend(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program block sign-in."""
        return self._make_so(Action.SUSPEND, account, confirm)

    @performs(Action.RESTORE)
    def restore(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program allow sign-in, unless the account was suspended before the bridge came."""
        return self._make_so(Action.RESTORE, account, confirm)

    @performs(Action.REVOKE_SESSIONS, after=(Action.SUSPEND,))
    def revoke_sessions(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program end sessions."""
        return self._make_so(Action.REVOKE_SESSIONS, account, confirm)

    @performs(Action.RESET_CREDENTIALS)
    def reset_credentials(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program replace the password."""
        return self._make_so(Action.RESET_CREDENTIALS, account, confirm)

    @performs(Action.REMOVE_FROM_GROUPS, undo=Action.ADD_TO_GROUPS)
    def remove_from_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program take the account out of groups."""
        return self._with(Action.REMOVE_FROM_GROUPS, account, account.removable_groups, confirm)

    @performs(Action.ADD_TO_GROUPS)
    def add_to_groups(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program put the account back into the groups that it was taken out of."""
        return self._with(Action.ADD_TO_GROUPS, account, account.missing_groups, confirm)

    @performs(Action.RELEASE_LICENSES, undo=Action.ASSIGN_LICENSES)
    def release_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program take licenses."""
        return self._with(Action.RELEASE_LICENSES, account, account.removable_licenses, confirm)

    @performs(Action.ASSIGN_LICENSES)
    def assign_licenses(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program give the licenses back that were taken."""
        return self._with(Action.ASSIGN_LICENSES, account, account.missing_licenses, confirm)

    @performs(Action.TRANSFER_OWNERSHIP)
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program hand over to the successor."""
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        successor = {"id": account.successor.id, "name": account.successor.name}
        return self._make_so(Action.TRANSFER_OWNERSHIP, account, confirm, successor=successor)

    @performs(Action.ARCHIVE)
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program archive the account's data."""
        return self._make_so(Action.ARCHIVE, account, confirm)

    @performs(Action.DELETE)
    def delete(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have the program delete the account; one that is gone already is as wanted."""
        try:
            return self._make_so(Action.DELETE, account, confirm)
        except AccountNotFoundError:
            return Done(changed=False)

    def _with(self, action: Action, account: AccountState, chosen: Sequence[Entitlement], confirm: Confirm) -> Outcome:
        if not chosen:
            return Done(changed=False)
        items = [{"id": each.id, "name": each.name} for each in chosen]
        return self._make_so(action, account, confirm, items=items)

    def _make_so(self, action: Action, account: AccountState, confirm: Confirm, **more: Any) -> Outcome:
        if self.is_as_wanted(action, account):
            return Done(changed=False)
        who = {"id": account.id, "name": account.name}
        sent = {"action": action.value, "account": who, "handle": account.handle, **more}
        words = f"{action.value.replace('_', ' ')} by the program"
        ended = self._run("act", words, sent, writes=True, confirm=confirm if action.is_irreversible else None)
        if ended.code == Exit.IN_PROGRESS:
            answer = parsed(Progress, ended, words)
            after = timedelta(seconds=answer.check_after)
            return InProgress(handle=answer.handle, check_after=after, progress=answer.progress)
        if ended.code == Exit.NEEDS_PERSON:
            return NeedsPerson(parsed(ForPerson, ended, words).instructions)
        return Done(changed=parsed(Acted, ended, words).changed)

    def _search(self, attribute: str, value: str) -> Iterator[AccountRef]:
        words = "searching for an account"
        found = parsed(Found, self._ask("find", words, attribute=attribute, value=value), words)
        for account in found.accounts:
            if attribute not in account.attributes:
                raise RejectedError(f"{words}: the program does not tell the {attribute} of an account that it found")
            if account.attributes[attribute].casefold() == value.casefold():
                yield AccountRef(account.id, account.name)

    def _ask(self, call: str, words: str, **sent: str) -> Ended:
        ended = self._run(call, words, sent, writes=False)
        if ended.code != Exit.DONE:
            raise RejectedError(f"{words}: the exit code {ended.code} is an answer to act alone")
        return ended

    def _run(
        self, call: str, words: str, sent: Mapping[str, Any], *, writes: bool, confirm: Confirm | None = None
    ) -> Ended:
        config = self.config
        try:
            refuse_unsafe(Path(config.program[0]))  # it may have been changed since the bridge was started
        except ValueError as unsafe:
            raise TargetUnusableError(f"{words}: {unsafe}") from None
        secrets = {name: value.get_secret_value() for name, value in config.secrets.items()}
        self.context.permit(writes=writes)
        if confirm is not None:
            confirm()
        ended = run(
            config.program,
            request(call, **sent),
            environment={**config.environment, **secrets},
            seconds=config.timeout,
            memory=config.memory_mib * 1024 * 1024,
            words=words,
        )
        error = error_of(ended, words)
        if error is not None:
            self.log.warning("program failed", action=call, code=ended.code, said=_last_line(ended.said, secrets, sent))
            raise error
        return ended


def _last_line(said: bytes, secrets: Mapping[str, str], sent: Mapping[str, Any]) -> str:
    """Return the last line of stderr for the log, without secrets, and without what the program was told of whom."""
    lines = said.decode(errors="replace").strip().splitlines()
    line = "".join(each if each.isprintable() else " " for each in (lines[-1] if lines else ""))
    for hidden in sorted({*secrets.values(), *_texts(sent)}, key=len, reverse=True):
        if hidden:
            line = line.replace(hidden, "…")
    return line[-_LONGEST_LINE:]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
