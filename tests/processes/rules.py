"""Rules that tests share."""

AT_ONCE = """
[[rules]]
name = "leavers"
when = ["deactivated", "deleted"]
restore = "auto"
[[rules.stages]]
after = "0s"
do = ["suspend"]
"""
