"""What the bridge does to somebody's mail: where it goes, what answers it, who reads it, which addresses lead to it.

Delegates are taken by ``redirect_mail`` and not by ``revoke_sessions``: they are no session of the leaver, whoever has
mail redirected means that the successor reads it and nobody else, and what is taken here is given back.
"""

from __future__ import annotations

from connectors.google_workspace import scopes
from connectors.google_workspace.accounts import FIXED
from connectors.google_workspace.aliases import Moved
from connectors.google_workspace.calls import GoogleCalls
from connectors.google_workspace.mail import has_agreed, is_delegate
from connectors.google_workspace.reply import Reply, settings_in
from connectors.google_workspace.users import name_of
from scimbridge.sdk import (
    AccountRef,
    AccountState,
    Action,
    Confirm,
    Done,
    NeedsPerson,
    Outcome,
    RejectedError,
    performs,
)
from scimbridge.sdk.reply import NAME, SUCCESSOR, SUCCESSOR_NAME

OF_MAIL = frozenset({Action.REDIRECT_MAIL, Action.RESTORE_MAIL})
"""The actions that have to know what Gmail tells; for the others, its calls are saved."""

_NOT_DELIVERED = (
    "Google delivers no mail to a suspended account, so that it cannot be forwarded. In the Admin console, "
    "route its mail elsewhere (Apps > Google Workspace > Gmail > Default routing); or redirect mail in a "
    "stage before the one that suspends"
)


class MailActions(GoogleCalls):
    """The actions of mail."""

    @performs(
        Action.REDIRECT_MAIL,
        undo=Action.RESTORE_MAIL,
        needs=(scopes.MAIL, scopes.MAIL_SHARING, scopes.USER),
        before=(Action.SUSPEND,),
    )
    def redirect_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Forward mail to the successor, and do what is configured about addresses, answers and delegates."""
        if self.is_as_wanted(Action.REDIRECT_MAIL, account):
            return Done(changed=False)
        successor = account.successor
        if successor is None:
            return NeedsPerson("name a successor (`successor` of the stage) who gets the mail")
        moved = self._hand_over_addresses(account, successor)
        if account.suspended:
            return NeedsPerson(_NOT_DELIVERED)
        goes_elsewhere = account.mail_to != successor.name
        is_forwarded = not goes_elsewhere or self._mail.forward(account.name, successor.name)
        answers, delegates = self._answer(account, successor), self._set_delegates(account, successor)
        if not is_forwarded:
            return NeedsPerson("Google asks the successor to agree: open the mail that was sent there, then retry")
        if moved.refused:
            return NeedsPerson(
                f"Google does not let the bridge change {', '.join(moved.refused)}: an address of a domain alias goes "
                "with that domain only. Change it by hand or leave it, then mark this as done; all the rest is done"
            )
        after = {"addresses": moved.done, "addresses that Google keeps": len(account.attributes.get(FIXED, ()))}
        changed = moved.done > 0 or goes_elsewhere or answers or delegates
        return Done(changed=changed, after=after if self.config.aliases != "leave" else {})

    @performs(Action.RESTORE_MAIL, needs=(scopes.MAIL, scopes.MAIL_SHARING, scopes.USER))
    def restore_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Send mail where it went before, with the addresses, the answer and the delegates that there were."""
        original, left = account.original, account.left
        if original is None or account.is_as_wanted_by(Action.RESTORE_MAIL):
            return Done(changed=False)
        if account.mail_to is None and original.mail_to is not None:
            return NeedsPerson(
                "Gmail says nothing of this mailbox: restore the account, see that mail_settings is on, then retry"
            )
        moved_to = left.mail_to if left is not None else None
        given, lost = self._aliases.bring_back(account.id, account.missing_aliases, moved_to)
        changed = [given > 0, self._bring_back_delegates(account, lost)]
        if account.auto_reply is not None and original.auto_reply is not None and not account.stays("auto_reply"):
            self._mail.answer(account.name, settings_in(original.auto_reply))
            changed.append(True)
        if not account.stays("mail_to"):
            self._send_back(account, original.mail_to or "", lost)
            changed.append(True)
        return Done(changed=any(changed), lost=tuple(lost))

    def has_redirected(self, account: AccountState) -> bool | None:
        """Whether mail is as ``redirect_mail`` leaves it; ``None`` where only a look at the successor can tell."""
        successor = account.successor
        if successor is None or account.mail_to != successor.name or not self._is_answered(account, successor):
            return False
        if self._wanted_delegates(account, successor) != {each.id for each in account.delegates or ()}:
            return False
        if self.config.aliases == "leave":
            return True
        if account.aliases:
            return False
        return None if self.config.aliases == "successor" and account.missing_aliases else True

    # -- addresses

    def _hand_over_addresses(self, account: AccountState, successor: AccountRef) -> Moved:
        match self.config.aliases:
            case "leave":
                return Moved()
            case "remove":
                return self._aliases.remove(account.id, account.aliases or ())
            case "successor":
                # What an attempt has taken that then died is nobody's, and goes to the successor all the same.
                taken = (*(account.aliases or ()), *account.missing_aliases)
                return self._aliases.move(account.id, taken, successor.id)

    # -- answers

    def _is_answered(self, account: AccountState, successor: AccountRef) -> bool:
        reply = self._reply()
        return reply is None or reply.is_in(account.auto_reply or "", successor.name)

    def _answer(self, account: AccountState, successor: AccountRef) -> bool:
        """Set the reply, in the place of the leaver's own, which is in the snapshot."""
        reply = self._reply()
        if reply is None or reply.is_in(account.auto_reply or "", successor.name):
            return False
        values = {SUCCESSOR: successor.name}
        for field, account_id in ((NAME, account.id), (SUCCESSOR_NAME, successor.id)):
            if field in reply.fields:
                values[field] = name_of(self._accounts.document(account_id))
        self._mail.answer(account.name, reply.settings(values))
        return True

    def _reply(self) -> Reply | None:
        template = self.config.auto_reply
        return Reply(template, is_for_all=self.config.auto_reply_to == "anybody") if template is not None else None

    # -- delegates

    def _wanted_delegates(self, account: AccountState, successor: AccountRef) -> set[str]:
        match self.config.delegates:
            case "leave":
                return {each.id for each in account.delegates or ()}
            case "remove":
                return set()
            case "successor":
                return {successor.name.casefold()}

    def _set_delegates(self, account: AccountState, successor: AccountRef) -> bool:
        wanted = self._wanted_delegates(account, successor)
        unwanted = [each for each in account.delegates or () if each.id not in wanted]
        for delegate in unwanted:
            self._mail.keep_out(account.name, delegate.name)
        is_new = self.config.delegates == "successor" and not is_delegate(account.delegates, successor.name)
        if is_new and not self._mail.let_read(account.name, successor.name):
            raise RejectedError("adding a delegate: Google does not let the successor read the leaver's mail")
        return bool(unwanted) or is_new

    def _bring_back_delegates(self, account: AccountState, lost: list[str]) -> bool:
        missing, added = account.missing_delegates, account.added_delegates
        for delegate in added:
            self._mail.keep_out(account.name, delegate.name)
        back = 0
        for delegate in missing:
            if not has_agreed(delegate):
                lost.append(f"{delegate.name} had been asked to read the mail, and had not agreed yet")
            elif self._mail.let_read(account.name, delegate.name):
                back += 1
            else:
                lost.append(f"Google does not let {delegate.name} read the mail again")
        return bool(added) or back > 0

    # -- where it goes

    def _send_back(self, account: AccountState, before: str, lost: list[str]) -> None:
        if not before:
            self._mail.stop(account.name)
        elif not self._mail.forward(account.name, before):
            lost.append(f"{before} has to agree first that mail is forwarded there again")
