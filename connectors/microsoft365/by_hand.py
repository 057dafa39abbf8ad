"""What only a person can do, since Graph cannot: step by step.

https://learn.microsoft.com/microsoft-365/admin/add-users/remove-former-employee
"""

from __future__ import annotations

ARCHIVE = (
    "keep what {name} has, before its licenses are gone. Mailbox: in the Exchange admin center under Recipients > "
    "Mailboxes > {name}: Others > Convert to shared mailbox (PowerShell: Set-Mailbox -Identity {name} -Type Shared); "
    "where it has to be kept unchanged, Others > Litigation hold first (Set-Mailbox -Identity {name} "
    "-LitigationHoldEnabled $true, which needs a license with Exchange Online Plan 2); whoever is to read it: "
    "Delegation > Read and manage (Add-MailboxPermission -Identity {name} -User WHO -AccessRights FullAccess). Files: "
    "in the Microsoft 365 admin center under Users > Active users > {name} > OneDrive > Create link to files"
)

HIDE = (
    "take {name} out of the address lists, which Graph cannot: in the Exchange admin center under Recipients > "
    "Mailboxes > {name} > General > Hide from global address list (PowerShell: Set-Mailbox -Identity {name} "
    "-HiddenFromAddressListsEnabled ${hidden}). The account has no manager any more"
)

SHOW = (
    "show {name} in the address lists again, which Graph cannot: in the Exchange admin center under Recipients > "
    "Mailboxes > {name} > General > Hide from global address list, off (PowerShell: Set-Mailbox -Identity {name} "
    "-HiddenFromAddressListsEnabled ${hidden})"
)

PURGE = (
    "Microsoft does not let the bridge remove {name} for good. In the Entra admin center under Users > Deleted users, "
    "choose it and Delete permanently, then retry. A protected one can be removed seven days after its deletion"
)

HIDE_SYNCHRONIZED = "set msExchHideFromAddressLists to TRUE and clear manager of"
SHOW_SYNCHRONIZED = "set msExchHideFromAddressLists to FALSE and write manager of"

METHODS = (
    "{name} can still sign in by {kinds}, which Graph does not take away: delete that in the Entra admin center under "
    "Users > {name} > Authentication methods. The password and all else are done"
)
