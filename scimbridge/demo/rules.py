"""The rules of the demo: who goes when, and who never."""

from __future__ import annotations

from scimbridge.demo.cast import GROUP

SUSPEND_AFTER = 5
DELETE_AFTER = 13
"""Seconds."""

RULES = f"""\
[[rules]]
name = "contractors"
when = ["deactivated", "deleted"]
match = 'userType eq "Contractor"'
restore = "auto"
stages = [
  {{ after = "{SUSPEND_AFTER}s", do = ["suspend"] }},
  {{ after = "90d", do = ["delete"], approval = false }},
]

[[rules]]
name = "employees"
when = ["deactivated", "deleted"]
restore = "auto"
stages = [
  {{ after = "{SUSPEND_AFTER}s", do = ["suspend"] }},
  {{ after = "{DELETE_AFTER}s", do = ["delete"], approval = false }},
]

[[exclusions]]
match = 'groups.display eq "{GROUP}"'
reason = "emergency accounts belong to the security team"
"""
