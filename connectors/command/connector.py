"""A program of one's own as a target: asked by JSON on its stdin, answered by JSON on its stdout."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    Confirm,
    Done,
    InProgress,
    NeedsPerson,
    Outcome,
    Person,
    RejectedError,
    TargetUnusableError,
)
from scimbridge.sdk.finding import find_by
from scimbridge.sdk.relaying import RelayingConnector

_LONGEST_LINE = 300
_UNTOLD = (Action.REVOKE_SESSIONS, Action.RESET_CREDENTIALS, Action.TRANSFER_OWNERSHIP)


class CommandConnector(RelayingConnector[CommandConfig]):
    """A program that the configuration names."""

    kind = "command"
    contract = 1
    config_type = CommandConfig

    @classmethod
    def offered(cls, config: CommandConfig) -> Collection[str]:
        """Return what the configuration says that the program can do."""
        return config.actions

    @classmethod
    def unverified(cls, config: CommandConfig) -> Collection[Action]:  # noqa: ARG003
        """Return what an account does not tell, as a program answers ``read``."""
        return _UNTOLD

    def check(self) -> str:
        """Ask the program whether all is well."""
        answer = parsed(Checked, self._ask("check", "checking the target"), "checking the target")
        return answer.message or "the program answers"

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

    def relay(self, action: Action, account: AccountState, values: Mapping[str, Any], confirm: Confirm) -> Outcome:
        """Have the program do it."""
        who = {"id": account.id, "name": account.name}
        sent = {"action": action.value, "account": who, "handle": account.handle, **values}
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
        try:
            found = parsed(Found, self._ask("find", words, attribute=attribute, value=value), words)
        except AccountNotFoundError:  # by this value; the next one may find it
            return
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
