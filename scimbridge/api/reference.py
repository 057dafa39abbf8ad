"""The reference of the API in Markdown, from its document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scimbridge.api.app import ENDPOINTS
from scimbridge.api.document import openapi
from scimbridge.api.serving import KEY

Schema = Mapping[str, Any]


def endpoints() -> Iterator[str]:
    """Yield a section for each endpoint, below a heading for what it is about."""
    document = openapi(ENDPOINTS, "https://bridge.example.com")
    for tag in dict.fromkeys(each.tag for each in ENDPOINTS):
        yield f"## {tag.capitalize()}\n"
        for endpoint in (each for each in ENDPOINTS if each.tag == tag):
            operation = document["paths"][endpoint.path][endpoint.method.lower()]
            yield f"### {endpoint.method} `{endpoint.path}`\n"
            yield f"{operation['summary']}. {operation['description']}\n"
            yield from _fields(operation, document["components"]["schemas"])


def answers() -> Iterator[str]:
    """Yield a table for each model of an answer."""
    schemas = openapi(ENDPOINTS, "https://bridge.example.com")["components"]["schemas"]
    asked = {each.takes.__name__ for each in ENDPOINTS if each.has_body}
    for name in sorted(schemas.keys() - asked):
        properties = schemas[name].get("properties")
        if properties:
            yield f"### {name}\n\n{_line(schemas[name].get('description', ''))}\n\n| key | type | |\n|---|---|---|"
            yield from (_row(key, value, schemas) for key, value in properties.items())
            yield ""


def _fields(operation: Schema, schemas: Schema) -> Iterator[str]:
    rows = [
        (each["name"], each["in"], {**each["schema"], "description": each["description"]}, each["required"])
        for each in operation["parameters"]
        if each["in"] == "query" and each["name"] != KEY
    ]
    if "requestBody" in operation:
        body = schemas[_named(operation["requestBody"]["content"]["application/json"]["schema"])]
        needed = body.get("required", ())
        rows += [(name, "body", value, name in needed) for name, value in body["properties"].items()]
    if rows:
        yield "| parameter | in | type | |\n|---|---|---|---|"
        for name, where, schema, is_needed in rows:
            said = " ".join(filter(None, ("Required." if is_needed else "", _line(schema.get("description", "")))))
            yield f"| `{name}` | {where} | {_type(schema, schemas)} | {said} |"
        yield ""
    content = operation["responses"]["200"]["content"]
    if "application/json" in content:
        name = _named(content["application/json"]["schema"])
        yield f"Answers [{name}](#{name.lower()}).\n"


def _row(key: str, schema: Schema, schemas: Schema) -> str:
    return f"| `{key}` | {_type(schema, schemas)} | {_line(schema.get('description', ''))} |"


def _named(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _type(schema: Schema, schemas: Schema) -> str:
    """Return a type in a few words; a choice with its values."""
    match schema:
        case {"$ref": _}:
            name = _named(schema)
            found = schemas.get(name, {})
            return _choice(found["enum"]) if "enum" in found else f"[{name}](#{name.lower()})"
        case {"anyOf": choices}:
            return " or ".join(_type(each, schemas) for each in choices)
        case {"enum": values}:
            return _choice(values)
        case {"type": "array", "items": items}:
            return f"list of {_type(items, schemas)}"
        case {"format": "date-time"}:
            return "time"
        case _:
            return str(schema.get("type", "any"))


def _choice(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
