"""What slapd's access log says about one write: slapo-accesslog(5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scimbridge.demo.entries import CHANGES_BY_ITSELF, Write


def write_in(record: Mapping[str, Any]) -> Write:
    """Return the write that a record of the log describes, by attribute of ``auditWriteObject``."""

    def first(name: str) -> str:
        return bytes(record.get(name, (b"",))[0]).decode()

    operation, result = first("reqType"), int(first("reqResult"))
    changed = operation != "modify" or _changes(record.get("reqMod", ()), record.get("reqOld", ()))
    return Write(operation, first("reqDN"), first("reqAuthzID"), result, changed and result == 0)


def _changes(modifications: list[bytes], old: list[bytes]) -> bool:
    """Whether a modify left anything different: ``attribute:= value`` replaces, ``:+`` and ``:-`` always change."""
    before = _values(old, b": ")
    replaced = _values([line for line in modifications if b":=" in line], b":=")
    if any(b":+ " in line or b":- " in line for line in modifications if line.partition(b":")[0] not in replaced):
        return True
    return any(values != before.get(name, set()) for name, values in replaced.items())


def _values(lines: list[bytes], separator: bytes) -> dict[bytes, set[bytes]]:
    values: dict[bytes, set[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(separator)
        if name.decode() not in CHANGES_BY_ITSELF:
            values.setdefault(name, set()).update({value.strip()} - {b""})
    return values
