"""Google's own description of its APIs: which calls there are, with which parameters, bodies and scopes.

The discovery documents come with the package google-api-python-client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient

from tests.doubles.google.errors import invalid, missing_scope, no_such_page
from tests.doubles.serving import Asked

_DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
APIS = ("admin.directory_v1", "admin.datatransfer_v1", "licensing.v1", "gmail.v1", "groupssettings.v1")

_KEY = re.compile(r"\\\{(?P<whole>\\\+)?(?P<name>\w+)\\\}")


@dataclass(frozen=True, slots=True)
class Method:
    """One call that Google describes.

    Attributes:
        name: Such as ``directory.users.update``.
        path: What its path looks like; the keys in it by name.
        parameters: Those of the query, and those that every call takes.
        body: The schema of its body, if it has one.
        schemas: What schemas refer to.
        scopes: One of them must be granted.
    """

    name: str
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    body: str | None
    schemas: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]

    def check(self, asked: Asked, granted: frozenset[str]) -> dict[str, Any]:
        """Return the body of a call, if the description allows the call.

        Raises:
            GoogleError: As Google refuses it.
        """
        if not granted & self.scopes:
            raise missing_scope(self.name)
        for name, values in asked.query.items():
            if name not in self.parameters:
                raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
            for value in values:
                _check_parameter(name, value, self.parameters[name])
        for name, parameter in self.parameters.items():
            if parameter.get("required") and parameter.get("location") == "query" and name not in asked.query:
                raise invalid(f"Missing required field: {name}")
        return self._body_of(asked)

    def _body_of(self, asked: Asked) -> dict[str, Any]:
        if self.body is None:
            if asked.body:
                raise invalid("Invalid JSON payload received. This call takes no body.")
            return {}
        if not asked.headers.get("content-type", "").startswith("application/json"):
            raise invalid("Invalid content type; application/json is wanted.")
        try:
            body = json.loads(asked.body or b"{}")
        except ValueError as error:
            raise invalid("Invalid JSON payload received. Parse Error") from error
        self._check_object(body, self.schemas[self.body], "")
        for name, schema in self.schemas[self.body].get("properties", {}).items():
            if self.name in schema.get("annotations", {}).get("required", ()) and name not in body:
                raise invalid(f"Missing required field: {name}")
        writable: dict[str, Any] = {
            name: value
            for name, value in body.items()
            if not self.schemas[self.body]["properties"][name].get("readOnly")
        }
        return writable

    def _check_object(self, value: Any, schema: Mapping[str, Any], where: str) -> None:
        if not isinstance(value, dict):
            raise invalid(f"Invalid value at '{where}', an object is wanted.")
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, each in value.items():
            if name not in properties and others is None:
                raise invalid(
                    f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
                )
            self._check_value(each, properties.get(name, others), f"{where}.{name}".lstrip("."))

    def _check_value(self, value: Any, schema: Mapping[str, Any], where: str) -> None:
        if "$ref" in schema:
            self._check_object(value, self.schemas[schema["$ref"]], where)
            return
        match schema.get("type"):
            case "object":
                self._check_object(value, schema, where)
            case "array":
                if not isinstance(value, list):
                    raise invalid(f"Invalid value at '{where}', a list is wanted.")
                for each in value:
                    self._check_value(each, schema["items"], where)
            case "any" | None:
                pass
            case kind:
                _check_plain(value, schema, kind, where)


def _check_plain(value: Any, schema: Mapping[str, Any], kind: str, where: str) -> None:
    wanted: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    # JSON has no 64-bit numbers: Google sends and takes them as strings.
    is_right = isinstance(value, wanted[kind]) and not (kind == "integer" and isinstance(value, bool))
    if not is_right or (schema.get("format") == "int64" and not re.fullmatch(r"-?\d+", str(value))):
        raise invalid(f"Invalid value at '{where}' ({kind})")
    if "enum" in schema and value not in schema["enum"]:
        raise invalid(f"Invalid value at '{where}': {value}")


def _check_parameter(name: str, value: str, parameter: Mapping[str, Any]) -> None:
    kind = parameter.get("type")
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", value):
            raise invalid(f"Invalid value at '{name}' (integer)")
        if int(value) > int(parameter.get("maximum", value)) or int(value) < int(parameter.get("minimum", value)):
            raise invalid(f"Invalid value at '{name}': out of range")
    elif kind == "boolean" and value not in {"true", "false"}:
        raise invalid(f"Invalid value at '{name}' (boolean)")
    if "enum" in parameter and value not in parameter["enum"]:
        raise invalid(f"Invalid value at '{name}': {value}")


def find(asked: Asked) -> tuple[Method, dict[str, str]]:
    """Return which call a request is, and the keys in its path.

    Raises:
        GoogleError: It is none.
    """
    for method in _methods():
        found = method.path.fullmatch(asked.path)
        if found is not None and method.verb == asked.method:
            return method, found.groupdict()
    raise no_such_page()


@cache
def _methods() -> tuple[Method, ...]:
    return tuple(method for api in APIS for method in _of(json.loads((_DOCUMENTS / f"{api}.json").read_text())))


def _of(document: dict[str, Any]) -> Iterator[Method]:
    stack = [document]
    while stack:
        resource = stack.pop()
        stack += resource.get("resources", {}).values()
        for described in resource.get("methods", {}).values():
            yield Method(
                name=described["id"],
                verb=described["httpMethod"],
                path=_pattern(document["servicePath"] + described["path"], described.get("parameters", {})),
                parameters={**document.get("parameters", {}), **_in_query(described)},
                body=described.get("request", {}).get("$ref"),
                schemas=document["schemas"],
                scopes=frozenset(described.get("scopes", ())),
            )


def _in_query(described: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in described.get("parameters", {}).items() if each["location"] == "query"}


def _pattern(path: str, parameters: Mapping[str, Mapping[str, Any]]) -> re.Pattern[str]:
    """Return what a path looks like. RFC 6570 section 3.2.3: "{+path}" may hold slashes, "{key}" may not."""

    def key(found: re.Match[str]) -> str:
        anything = ".+" if found["whole"] else "[^/]+"
        pattern = parameters.get(found["name"], {}).get("pattern", anything).removeprefix("^").removesuffix("$")
        return f"(?P<{found['name']}>{pattern})"

    return re.compile(_KEY.sub(key, re.escape(f"/{path}")))
