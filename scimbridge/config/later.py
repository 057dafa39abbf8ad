"""What the configuration of a later version will have. It is refused by name, never ignored."""

from __future__ import annotations

SAYS = "comes in a later version; leave it out"

DOCUMENT_KEYS = frozenset({"guard", "deadlines", "notify", "retention", "freeze"})
SOURCE_KEYS = frozenset({"guard", "membership_memory"})
TARGET_KEYS = frozenset({"disabled_ou", "containers", "guard", "stamp_attribute", "dialect", "stale_after"})
RULE_KEYS = frozenset({"was", "now", "hook"})
STAGE_KEYS = frozenset({"schedule", "deadline", "window", "grace"})

TRIGGERS = frozenset({"changed", "stale", "orphaned", "requested"})

ACTIONS = frozenset(
    {
        "add_to_groups",
        "archive",
        "assign_licenses",
        "delete_group",
        "disable_group",
        "disconnect",
        "empty_group",
        "hide_from_directory",
        "move",
        "move_group",
        "notify",
        "redirect_mail",
        "release_licenses",
        "remove_from_groups",
        "reset_credentials",
        "revoke_sessions",
        "stamp",
        "stamp_group",
        "transfer_ownership",
    }
)

CONNECTORS = frozenset(
    {"active-directory", "google-workspace", "home-folder", "home-folders", "microsoft365", "webhook"}
)
