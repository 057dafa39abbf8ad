"""What somebody leaves behind: belongings, mail, the place in lists of people."""

from __future__ import annotations

from connectors.microsoft365 import by_hand, permissions
from connectors.microsoft365.calls import IN_ACTIVE_DIRECTORY, GraphCalls, done, is_synchronized
from connectors.microsoft365.client import path_of
from connectors.microsoft365.errors import really_absent
from connectors.microsoft365.users import MANAGER
from scimbridge.sdk import AccountState, Action, Confirm, Done, NeedsPerson, Outcome, performs


class BelongingActions(GraphCalls):
    """The actions of what is left behind."""

    @performs(
        Action.TRANSFER_OWNERSHIP,
        needs=(permissions.READ, permissions.OWNERS, permissions.OWNED_APPLICATIONS),
        before=(Action.RELEASE_LICENSES, Action.DELETE),
    )
    def transfer_ownership(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Make the successor the owner of groups and applications and, where configured, the manager of reports."""
        if not account.owns:
            return Done(changed=False)
        if account.successor is None:
            return NeedsPerson(
                "name a successor (`successor` of the stage), or hand over what the account owns by hand"
            )
        self._client.send("GET", path_of("users", account.successor.id), call="looking for the successor")
        changed = self._belongings.hand_over(account.id, account.successor, account.owns, confirm)
        return done(changed, "hand over")

    @performs(
        Action.REDIRECT_MAIL,
        undo=Action.RESTORE_MAIL,
        needs=(permissions.MAIL_READ, permissions.MAIL),
        before=(Action.RELEASE_LICENSES,),
    )
    def redirect_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Redirect mail to the successor by a rule of the mailbox, and tell senders where that is configured."""
        if self.is_as_wanted(Action.REDIRECT_MAIL, account):
            return Done(changed=False)
        if account.successor is None:
            return NeedsPerson("name a successor (`successor` of the stage) who gets the mail")
        if not self._mail.redirect(account, account.successor):
            return NeedsPerson("there is no mailbox that Graph can see; redirect the mail in the Exchange admin center")
        return Done(changed=True)

    @performs(Action.RESTORE_MAIL, needs=(permissions.MAIL_READ, permissions.MAIL))
    def restore_mail(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the bridge's rule away, others were never touched; and bring back the reply from before."""
        if account.original is None or self.is_as_wanted(Action.RESTORE_MAIL, account):
            return Done(changed=False)
        if not self._mail.restore(account, account.original):
            return Done(changed=False, lost=("there is no mailbox any more that Graph can see",))
        return Done(changed=True)

    @performs(Action.ARCHIVE, before=(Action.RELEASE_LICENSES, Action.DELETE))
    def archive(self, account: AccountState, confirm: Confirm) -> Outcome:
        """Have a person keep the mailbox and the files: Graph can do nothing of the kind."""
        confirm()
        return self._by_hand(by_hand.ARCHIVE.format(name=account.name))

    @performs(
        Action.HIDE_FROM_DIRECTORY,
        undo=Action.SHOW_IN_DIRECTORY,
        needs=(permissions.READ, permissions.WRITE),
        # Where the tenant is the source, too, whoever gets these is known by the manager.
        after=(Action.TRANSFER_OWNERSHIP, Action.REDIRECT_MAIL),
    )
    def hide_from_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Take the account off its manager, and so out of the organization chart; address lists are for a person."""
        if is_synchronized(account):
            return NeedsPerson(IN_ACTIVE_DIRECTORY.format(what=by_hand.HIDE_SYNCHRONIZED))
        if account.attributes.get(MANAGER):
            path = path_of("users", account.id, "manager", "$ref")
            answer = self._client.send("DELETE", path, call="taking the manager off", expect=(404,))
            really_absent(answer)
        return self._by_hand(by_hand.HIDE.format(name=account.name, hidden="true"))

    @performs(Action.SHOW_IN_DIRECTORY, needs=(permissions.READ, permissions.WRITE))
    def show_in_directory(self, account: AccountState, _confirm: Confirm) -> Outcome:
        """Give the account its manager back; address lists are for a person."""
        if is_synchronized(account):
            return NeedsPerson(IN_ACTIVE_DIRECTORY.format(what=by_hand.SHOW_SYNCHRONIZED))
        manager = account.original.attributes.get(MANAGER) if account.original else None
        lost = ""
        if manager and not account.attributes.get(MANAGER):
            path, body = path_of("users", account.id, "manager", "$ref"), self._client.reference(manager[0])
            answer = self._client.send("PUT", path, call="giving the manager back", body=body, expect=(404,))
            really_absent(answer)
            lost = "; the manager is gone: name another one" if answer.status == 404 else ""
        return self._by_hand(by_hand.SHOW.format(name=account.name, hidden="false") + lost)
